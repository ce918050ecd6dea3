//! Processor, carriers, orchestrator and view at work together.

mod connections;
mod operator;
mod ran;
mod swept;

use std::future::pending;
use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::Context as _;
use async_nats::jetstream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep};
use tokio_postgres::Client;
use tokio_util::sync::CancellationToken;

use self::ran::Ran;
use crate::app::App;
use crate::broker;
use crate::config::{Config, Streams};
use crate::dev::ledger::{self, Ledger};
use crate::dev::messages::{self, Announce, Extent};
use crate::dev::nats::Identity;
use crate::dev::scenario::Scenario;
use crate::dev::site::Site;
use crate::dev::traffic::{Carriers, Progress, Published};
use crate::dev::view::{Backlog, Sampler, View};
use crate::lifecycle::{Ended, State};
use crate::seal::KeyRing;

/// Rows in front of the carriers, in seconds of traffic: at the start so many that a short run is
/// not disturbed by the writing of more, later no fewer than a few.
const ROWS_AT_START: Duration = Duration::from_secs(30);
const ROWS_AHEAD: Duration = Duration::from_secs(2);
/// Receipts whose message's row is still due; at the bound the carriers wait.
const DUE_MAX: usize = 16_384;
const READY_MAX: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

pub(super) struct Simulation {
    app: App,
    scenario: Scenario,
    names: Streams,
    carriers: Carriers,
    /// The orchestrator's connections: one writes rows ahead, the others those of early and late
    /// messages.
    rows: Client,
    early_rows: Client,
    late_rows: Client,
    /// Looks, and changes nothing.
    reader: Client,
    reconcile: jetstream::Context,
    extent: Extent,
    progress: Progress,
    #[expect(dead_code, reason = "held, because it ends its tasks when dropped")]
    connections: JoinSet<()>,
}

impl Simulation {
    pub(super) async fn start(
        site: &Site,
        scenario: Scenario,
        lanes: usize,
        duration: Option<Duration>,
    ) -> anyhow::Result<Self> {
        let mut connections = JoinSet::new();
        let rows = connections::orchestrator(site, &mut connections).await?;
        let early_rows = connections::orchestrator(site, &mut connections).await?;
        let late_rows = connections::orchestrator(site, &mut connections).await?;
        let reader = connections::database(&site.reader(), &mut connections).await?;
        operator::tell_notation(site).await?;
        let extent = Extent::default();
        let whole_run = duration.map_or(Duration::MAX, |time| time.saturating_add(2 * ROWS_AHEAD));
        let first = stories_in(&scenario, whole_run.min(ROWS_AT_START));
        messages::fill(&rows, &scenario, 0..first).await?;
        extent.filled.send_replace(first);

        let mut config = site.config();
        config.pipeline.lanes = lanes;
        config.probes.bind = (Ipv4Addr::LOCALHOST, 0).into();
        let names = config.streams.clone();
        let gateway = connections::broker(site, Identity::Ingest).await?;
        let direct = connections::broker(site, Identity::Carrier).await?;
        let reconcile = connections::broker(site, Identity::Reconcile).await?;
        Ok(Self {
            app: start_processor(config)?,
            carriers: Carriers::new(gateway, direct, &names.inbound, &names.inbound_subject),
            reconcile: broker::jetstream(reconcile, &site.nats(Identity::Reconcile)),
            scenario,
            names,
            rows,
            early_rows,
            late_rows,
            reader,
            extent,
            progress: Progress::default(),
            connections,
        })
    }

    /// Waits until every part of the processor works.
    pub(super) async fn ready(&self) -> anyhow::Result<()> {
        let since = Instant::now();
        while !self.app.readiness().is_ready() {
            let faulty = || {
                self.app
                    .readiness()
                    .report()
                    .into_iter()
                    .find(|(_, it)| *it != State::Ready)
            };
            if self.app.stopping().is_cancelled() || since.elapsed() > READY_MAX {
                let (part, state) = faulty().context("ready after all")?;
                anyhow::bail!("the processor is not ready: {part} {state:?}");
            }
            sleep(POLL).await;
        }
        Ok(())
    }

    /// How to look inside while it runs.
    pub(super) fn notes(&self, site: &Site) -> anyhow::Result<Vec<String>> {
        let mut notes = vec![format!("curl http://{}/metrics", self.app.probes_address())];
        notes.extend(site.ways_to_look()?);
        Ok(notes)
    }

    /// Publishes until `stop`, then waits until nothing is left to settle.
    pub(super) async fn run(
        &self,
        view: &mut View,
        stop: &CancellationToken,
    ) -> anyhow::Result<Ran> {
        let metrics = self.app.metrics();
        let backlog = Backlog::of(&self.reconcile, &self.names).await?;
        let mut sampler = Sampler::new(&self.reconcile, &self.names, &self.progress, || {
            metrics.render()
        })
        .await?;
        let died = self.app.stopping();
        tokio::select! {
            ran = self.publish(&backlog, stop) => ran,
            () = died.cancelled() => Err(died_message()),
            error = watch(&mut sampler, view) => Err(error),
        }
    }

    /// Also ends only when every message has its row.
    async fn publish(&self, backlog: &Backlog, stop: &CancellationToken) -> anyhow::Result<Ran> {
        let (early, early_due) = mpsc::channel(DUE_MAX);
        let (late, late_due) = mpsc::channel(DUE_MAX);
        let announce = Announce { early, late };
        let early = messages::insert_due(&self.early_rows, &self.scenario, early_due);
        let late = messages::insert_due(&self.late_rows, &self.scenario, late_due);
        let carriers = async { Ok(self.carry(announce, backlog, stop).await) };
        let ahead = stories_in(&self.scenario, ROWS_AHEAD);
        let ahead = messages::keep_ahead(&self.rows, &self.scenario, &self.extent, ahead);
        tokio::select! {
            all = async { tokio::try_join!(carriers, early, late) } => {
                all.context("cannot write the rows of early and late messages")?.0
            }
            Err(error) = ahead => Err(error).context("cannot write the rows of messages"),
        }
    }

    /// Publishes until `stop`, then sees the backlog out.
    async fn carry(
        &self,
        announce: Announce,
        backlog: &Backlog,
        stop: &CancellationToken,
    ) -> anyhow::Result<Ran> {
        let publishing =
            self.carriers
                .run(&self.scenario, &self.extent, announce, &self.progress, stop);
        // The carriers stop at once; what they still wait for are confirmations.
        let at_end = async {
            stop.cancelled().await;
            (Instant::now(), backlog.now().await)
        };
        let (published, (end, waiting)) = tokio::join!(publishing, at_end);
        Ok(Ran::see_out(published, waiting?.0, backlog, end).await)
    }

    /// Stops the processor in order, then asks everybody else how it came out.
    pub(super) async fn settle(
        self,
        published: &Published,
        repaired: bool,
    ) -> anyhow::Result<(Ended, Ledger)> {
        let ended = self.app.stop(pending()).await;
        let ledger = ledger::reconcile(
            &self.reader,
            &self.reconcile,
            &self.names,
            &self.scenario,
            published,
            repaired,
        );
        Ok((ended, ledger.await?))
    }
}

fn start_processor(config: Config) -> anyhow::Result<App> {
    let ring = KeyRing::load(&config.seal.keyring_file)?;
    App::start(config, ring).context("the processor did not start")
}

/// Shows what goes on until it is dropped. A look that fails is skipped: the next may succeed.
async fn watch(sampler: &mut Sampler<'_>, view: &mut View) -> anyhow::Error {
    let mut ticks = interval(view.period());
    loop {
        ticks.tick().await;
        if let Ok(snapshot) = sampler.sample().await
            && let Err(error) = view.show(&snapshot)
        {
            return error.into();
        }
    }
}

fn died_message() -> anyhow::Error {
    anyhow::anyhow!("a task of the processor died; see its log")
}

fn stories_in(scenario: &Scenario, time: Duration) -> u64 {
    let stories = (scenario.stories_per_second() * time.as_secs_f64()).ceil();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "some millions"
    )]
    let stories = stories as u64;
    stories
}
