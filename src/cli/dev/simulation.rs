//! Processor, carriers, orchestrator and view at work together.

use std::fmt;
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

use crate::app::App;
use crate::broker;
use crate::config::{Config, Streams};
use crate::dev::ledger::{self, Ledger};
use crate::dev::messages::{self, Extent};
use crate::dev::nats::Identity;
use crate::dev::scenario::Scenario;
use crate::dev::site::Site;
use crate::dev::traffic::{Carriers, Progress, Published};
use crate::dev::view::{Backlog, Sampler, View};
use crate::lifecycle::{Ended, Member, Part, State};
use crate::seal::KeyRing;
use crate::store::connect::Connector;

/// Rows in front of the carriers, in seconds of traffic: at the start so many that a short run is
/// not disturbed by the writing of more, later no fewer than a few.
const ROWS_AT_START: Duration = Duration::from_secs(30);
const ROWS_AHEAD: Duration = Duration::from_secs(2);
/// Early receipts whose row is still due; at the bound the carriers wait.
const EARLY_MAX: usize = 16_384;
/// A backlog that has not gone after this time is left for the ledger to tell.
const DRAIN_MAX: Duration = Duration::from_mins(1);
const READY_MAX: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

pub(super) struct Simulation {
    app: App,
    scenario: Scenario,
    names: Streams,
    carriers: Carriers,
    /// The orchestrator's connections: one writes rows ahead, the other the late ones.
    rows: Client,
    late_rows: Client,
    reconcile: jetstream::Context,
    extent: Extent,
    progress: Progress,
    #[expect(dead_code, reason = "held, because it ends its tasks when dropped")]
    connections: JoinSet<()>,
}

/// How a run went, as seen from the stream.
pub(super) struct Ran {
    pub(super) published: Published,
    backlog: u64,
    emptied: Option<Duration>,
}

impl Simulation {
    pub(super) async fn start(
        site: &Site,
        scenario: Scenario,
        lanes: usize,
        duration: Option<Duration>,
    ) -> anyhow::Result<Self> {
        let mut connections = JoinSet::new();
        let rows = orchestrator(site, &mut connections).await?;
        let late_rows = orchestrator(site, &mut connections).await?;
        let extent = Extent::default();
        let whole_run = duration.map_or(Duration::MAX, |time| time.saturating_add(2 * ROWS_AHEAD));
        let first = stories_in(&scenario, whole_run.min(ROWS_AT_START));
        messages::fill(&rows, &scenario, 0..first).await?;
        extent.filled.send_replace(first);

        let mut config = site.config();
        config.pipeline.lanes = lanes;
        config.probes.bind = (Ipv4Addr::LOCALHOST, 0).into();
        let names = config.streams.clone();
        let gateway = connect(site, Identity::Ingest).await?;
        let direct = connect(site, Identity::Carrier).await?;
        let reconcile = connect(site, Identity::Reconcile).await?;
        Ok(Self {
            app: start_processor(config)?,
            carriers: Carriers::new(gateway, direct, &names.inbound, &names.inbound_subject),
            reconcile: broker::jetstream(reconcile, &site.nats(Identity::Reconcile)),
            scenario,
            names,
            rows,
            late_rows,
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
        // The carriers stop at once; what they still wait for are confirmations.
        let at_end = async {
            stop.cancelled().await;
            (Instant::now(), backlog.now().await)
        };
        let publishing =
            async { tokio::try_join!(self.publish(stop), async { anyhow::Ok(at_end.await) }) };
        let (published, (end, waiting)) = tokio::select! {
            both = publishing => both?,
            () = died.cancelled() => anyhow::bail!("a task of the processor died; see its log"),
            error = watch(&mut sampler, view) => return Err(error),
        };
        let (waiting, _) = waiting?;
        let emptied = tokio::select! {
            emptied = drained(&backlog, end) => emptied,
            () = died.cancelled() => anyhow::bail!("a task of the processor died; see its log"),
            error = watch(&mut sampler, view) => return Err(error),
        };
        Ok(Ran {
            published,
            backlog: waiting,
            emptied,
        })
    }

    async fn publish(&self, stop: &CancellationToken) -> anyhow::Result<Published> {
        let (announce, announced) = mpsc::channel(EARLY_MAX);
        let carriers = async {
            let published =
                self.carriers
                    .run(&self.scenario, &self.extent, announce, &self.progress, stop);
            Ok(published.await)
        };
        let late = messages::insert_early(&self.late_rows, &self.scenario, announced);
        let ahead = stories_in(&self.scenario, ROWS_AHEAD);
        let ahead = messages::keep_ahead(&self.rows, &self.scenario, &self.extent, ahead);
        tokio::select! {
            both = async { tokio::try_join!(carriers, late) } => {
                both.map(|(published, ())| published).context("cannot write the rows of early receipts")
            }
            Err(error) = ahead => Err(error).context("cannot write the rows of messages"),
        }
    }

    /// Stops the processor in order, then asks everybody else how it came out.
    pub(super) async fn settle(
        self,
        site: &Site,
        published: &Published,
    ) -> anyhow::Result<(Ended, Ledger)> {
        let ended = self.app.stop(pending()).await;
        let (database, connection) = Connector::new(&site.reader(), "dlr dev ledger")
            .connect()
            .await?;
        let ledger = async {
            let ledger = ledger::reconcile(
                &database,
                &self.reconcile,
                &self.names,
                &self.scenario,
                published,
            )
            .await;
            drop(database);
            ledger
        };
        let (ledger, _) = tokio::join!(ledger, connection);
        Ok((ended, ledger?))
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

/// When the backlog was gone, or nothing if it stayed.
async fn drained(backlog: &Backlog, since: Instant) -> Option<Duration> {
    while since.elapsed() < DRAIN_MAX {
        if let Ok((0, _)) = backlog.now().await {
            return Some(since.elapsed());
        }
        sleep(POLL).await;
    }
    None
}

async fn orchestrator(site: &Site, connections: &mut JoinSet<()>) -> anyhow::Result<Client> {
    let (client, connection) = site.orchestrator().await?;
    // Its end is told to whoever uses the client.
    connections.spawn(async move { drop(connection.await) });
    Ok(client)
}

async fn connect(site: &Site, identity: Identity) -> anyhow::Result<async_nats::Client> {
    let name = format!("dlr dev {identity:?}");
    Ok(broker::connect(&site.nats(identity), &name, Member::unwatched(Part::Nats)).await?)
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

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "backlog when the last receipt was published: {}, ",
            self.backlog
        )?;
        match self.emptied {
            Some(time) => write!(f, "gone {:.2} s later", time.as_secs_f64()),
            None => write!(f, "not gone {DRAIN_MAX:?} later"),
        }
    }
}
