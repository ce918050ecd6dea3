//! What is read before and after, and what lies between.

use std::time::{Duration, Instant};

use dlr::dev::nats::Identity;
use dlr::dev::view::Backlog;
use tokio::time::sleep;

use crate::contestant::Contestant;
use crate::cpu::{Cores, Parties, Spent, anonymous_memory, peak_memory};
use crate::ground::{Field, Ground};
use crate::pace::Pace;
use crate::progress::Bar;

const POLL: Duration = Duration::from_millis(20);
const CONSUMER_MAX: Duration = Duration::from_secs(10);
/// No receipt settled for so long: longer than a redelivery takes.
const STUCK: Duration = Duration::from_secs(90);

/// Counters at one moment.
struct Mark {
    at: Instant,
    settled: u64,
    spent: Spent,
    wal: f64,
    cores: Cores,
}

/// What happened between two moments.
#[derive(Debug, Clone, Default)]
pub(crate) struct Measured {
    pub(crate) receipts: u64,
    pub(crate) took: Duration,
    pub(crate) spent: Spent,
    pub(crate) wal: f64,
    /// Peak of all processes together: resident memory, and that part of it that is no file's.
    pub(crate) memory: u64,
    pub(crate) anonymous: u64,
    /// See [`Pace::end`].
    pub(crate) pace_ns: f64,
    /// See [`Cores::stolen_since`].
    pub(crate) stolen: f64,
}

pub(crate) struct Window<'a> {
    field: &'a Field,
    parties: Parties,
    backlog: Backlog,
    begun: Option<(Mark, Pace)>,
    anonymous: u64,
}

impl<'a> Window<'a> {
    pub(crate) async fn on(
        ground: &Ground,
        field: &'a Field,
        contestant: &Contestant,
    ) -> anyhow::Result<Self> {
        let context = field.streams(Identity::Reconcile).await?;
        let since = Instant::now();
        // A contender makes its consumer itself.
        let backlog = loop {
            match Backlog::of(&context, &field.config.streams).await {
                Err(_) if since.elapsed() < CONSUMER_MAX => sleep(POLL).await,
                backlog => break backlog?,
            }
        };
        Ok(Self {
            backlog,
            field,
            parties: Parties {
                own: contestant.pids(),
                postmaster: ground.postmaster(),
                nats: field.nats_pid(),
            },
            begun: None,
            anonymous: 0,
        })
    }

    async fn mark(&self, settled: u64) -> anyhow::Result<Mark> {
        const WAL: &str = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8";
        let wal = self.field.sql.query_one(WAL, &[]).await?.get(0);
        Ok(Mark {
            at: Instant::now(),
            settled,
            spent: self.parties.spent()?,
            wal,
            cores: Cores::now()?,
        })
    }

    /// From here on it counts; `settled` receipts are settled by now.
    pub(crate) async fn begin(&mut self, settled: u64) -> anyhow::Result<()> {
        self.begun = Some((self.mark(settled).await?, Pace::start()));
        Ok(())
    }

    /// Waits until all of `total` receipts are settled. What was not begun begins when the first is.
    pub(crate) async fn until_settled(
        mut self,
        contestant: &Contestant,
        total: u64,
    ) -> anyhow::Result<Measured> {
        let mut bar = Bar::new("settled", total);
        let (mut before, mut since) = (0, Instant::now());
        loop {
            let (unsettled, _) = self.backlog.now().await?;
            let settled = total.saturating_sub(unsettled);
            bar.at(settled);
            if settled > before {
                (before, since) = (settled, Instant::now());
            }
            let anonymous = contestant.pids().into_iter().map(anonymous_memory);
            let anonymous = anonymous.sum::<std::io::Result<u64>>().unwrap_or(0);
            // Taken with each look: the kernel keeps no peak of it.
            self.anonymous = self.anonymous.max(anonymous);
            if settled == total {
                break;
            }
            if settled > 0 && self.begun.is_none() {
                self.begin(settled).await?;
            }
            contestant.check()?;
            anyhow::ensure!(
                since.elapsed() < STUCK,
                "stuck: {settled} of {total} receipts are settled"
            );
            sleep(POLL).await;
        }
        let end = self.mark(total).await?;
        let memory = contestant.pids().into_iter().map(peak_memory);
        let memory = memory.sum::<std::io::Result<u64>>()?;
        let begun = self.begun.take();
        let (begun, pace) =
            begun.ok_or_else(|| anyhow::anyhow!("over before it was seen to begin"))?;
        Ok(Measured {
            receipts: end.settled - begun.settled,
            took: end.at - begun.at,
            spent: end.spent - begun.spent,
            wal: end.wal - begun.wal,
            memory,
            anonymous: self.anonymous,
            pace_ns: pace.end(),
            stolen: end.cores.stolen_since(begun.cores),
        })
    }
}
