//! The wiring: configuration, then what works without anybody else, then what needs PostgreSQL and
//! NATS, then the pipeline.
//!
//! Nothing here waits to be ready before it is alive: probes answer first, and the doors are tried
//! with back-off for as long as it takes, each saying in one line what keeps it shut.

mod doors;
mod groups;
mod watch;

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_nats::Client;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use self::doors::Doors;
use self::groups::GroupWatch;
use self::watch::Watch;
use crate::broker;
use crate::carriers::{Carriers, Loader};
use crate::config::Config;
use crate::lifecycle::{Ended, Part, Readiness, SharedPart, Tasks};
use crate::pipeline::count::RETRY_CAUSES;
use crate::pipeline::{self, Foundation, GroupSwitch};
use crate::probes::{Probes, ProbesError};
use crate::receipt::Rejection;
use crate::receipt::decision::{Because, Resolution, Unmatched};
use crate::seal::{KeyRing, KeyRingError};
use crate::store::connect::Connector;
use crate::sweep;
use crate::telemetry::metrics::{Metrics, Reasons};

/// The running processor.
pub struct App {
    tasks: Tasks,
    readiness: Readiness,
    metrics: Arc<Metrics>,
    probes: Probes,
    carriers: Arc<Carriers>,
    /// The connection settlements leave by, once there is one.
    intake: Arc<OnceLock<Client>>,
    config: Arc<Config>,
}

impl App {
    /// Starts everything and returns at once; what is not there yet is waited for in the
    /// background.
    pub fn start(config: Config, ring: KeyRing) -> Result<Self, ProbesError> {
        let readiness = Readiness::new();
        let metrics = Arc::new(metrics(&config));
        let probes = Probes::start(&config.probes, readiness.clone(), Arc::clone(&metrics))?;
        let app = Self {
            tasks: Tasks::new(),
            readiness,
            metrics,
            probes,
            carriers: Arc::default(),
            intake: Arc::default(),
            config: Arc::new(config),
        };
        let processor = Processor {
            config: Arc::clone(&app.config),
            ring: Arc::new(ring),
            carriers: Arc::clone(&app.carriers),
            tasks: app.tasks.clone(),
            readiness: app.readiness.clone(),
            metrics: Arc::clone(&app.metrics),
            intake: Arc::clone(&app.intake),
        };
        app.tasks.spawn("processor", processor.run());
        Ok(app)
    }

    pub fn probes_address(&self) -> SocketAddr {
        self.probes.address()
    }

    pub fn readiness(&self) -> &Readiness {
        &self.readiness
    }

    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// The profiles in force.
    pub fn carriers(&self) -> &Arc<Carriers> {
        &self.carriers
    }

    /// Cancelled when the processor stops by itself, because a task has died.
    pub fn stopping(&self) -> &CancellationToken {
        self.tasks.soft()
    }

    /// Takes nothing more, finishes what is held, and ends: after the grace period or when
    /// `impatient` resolves, by force.
    pub async fn stop(self, impatient: impl Future<Output = ()>) -> Ended {
        let ended = self
            .tasks
            .stop(self.config.lifecycle.grace, impatient)
            .await;
        if let (Some(intake), Ended::Clean) = (self.intake.get(), ended) {
            confirm_settlements(intake, &self.config).await;
        }
        ended
    }
}

/// A round trip behind the last settlement, for the server reads in order: without it the
/// acknowledgements of a process that exits may still lie in a buffer. Lost ones would cost
/// redeliveries, no more.
async fn confirm_settlements(intake: &Client, config: &Config) {
    const PATIENCE: Duration = Duration::from_secs(2);
    let answer = timeout(
        PATIENCE,
        broker::bind(intake, &config.nats, &config.streams),
    )
    .await;
    if !matches!(answer, Ok(Ok(_))) {
        tracing::warn!("no answer to the last settlements; some receipts may be delivered again");
    }
}

/// Everything that is counted, at zero.
pub(crate) fn metrics(config: &Config) -> Metrics {
    Metrics::new(&reasons(), config.pipeline.lanes)
}

/// Whether the segments of messages in parts are looked at, for a command.
pub(crate) async fn group_switch(
    config: &Config,
    client: &tokio_postgres::Client,
) -> Result<Arc<GroupSwitch>, tokio_postgres::Error> {
    let switch = Arc::default();
    let mut watch = GroupWatch::new(config.pipeline.group_status, &switch);
    watch.look(client).await?;
    Ok(switch)
}

fn reasons() -> Reasons {
    Reasons {
        recorded: Because::ALL.map(Because::as_str).to_vec(),
        parked: Unmatched::ALL.map(Unmatched::as_str).to_vec(),
        rejected: Rejection::REASONS.to_vec(),
        batch_retries: RETRY_CAUSES.to_vec(),
        resolutions: Resolution::ALL.map(Resolution::as_str).to_vec(),
        unreadable: sweep::unreadable_causes(),
    }
}

/// What the background needs to get the pipeline going and to watch over it.
struct Processor {
    config: Arc<Config>,
    ring: Arc<KeyRing>,
    carriers: Arc<Carriers>,
    tasks: Tasks,
    readiness: Readiness,
    metrics: Arc<Metrics>,
    intake: Arc<OnceLock<Client>>,
}

impl Processor {
    /// From closed doors to a running pipeline, then the watch over it until the soft stop.
    async fn run(self) -> Result<(), StartError> {
        let soft = self.tasks.soft().clone();
        match soft.run_until_cancelled(Box::pin(self.start())).await {
            None => Ok(()),
            Some(Err(error)) => Err(error),
            Some(Ok(watch)) => {
                soft.run_until_cancelled(watch.keep()).await;
                Ok(())
            }
        }
    }

    async fn start(&self) -> Result<Watch, StartError> {
        let connector = Arc::new(Connector::new(&self.config.postgres, "dlr pipeline"));
        let database = SharedPart::new(self.readiness.clone(), Part::PostgreSql);
        let mut profiles = Loader::new(Arc::clone(&self.carriers), Arc::clone(&self.metrics));
        let switch = Arc::new(GroupSwitch::default());
        let mut groups = GroupWatch::new(self.config.pipeline.group_status, &switch);
        let mut doors = Doors {
            config: &self.config,
            ring: &self.ring,
            tasks: &self.tasks,
            readiness: &self.readiness,
            metrics: &self.metrics,
            connector: &connector,
            database: &database.member(0),
            profiles: &mut profiles,
            groups: &mut groups,
        };
        let checks = doors.database().await?;
        let nats = SharedPart::new(self.readiness.clone(), Part::Nats);
        let intake = doors.nats("dlr intake", nats.member(0)).await;
        let publish = doors.nats("dlr publish", nats.member(1)).await;
        let consumer = SharedPart::new(self.readiness.clone(), Part::Consumer);
        let binding = doors.consumer(&intake, &consumer.member(0)).await;
        // Set once: this runs once.
        let _already_set = self.intake.set(intake.clone());
        let outgoing = SharedPart::new(self.readiness.clone(), Part::Publish);
        outgoing.member(0).set(Ok(()));
        let foundation = Foundation {
            intake: intake.clone(),
            publish: publish.clone(),
            binding,
            connector: Arc::clone(&connector),
            ring: Arc::clone(&self.ring),
            carriers: Arc::clone(&self.carriers),
            groups: Arc::clone(&switch),
            metrics: Arc::clone(&self.metrics),
            database: database.clone(),
            consumer: consumer.member(1),
            outgoing: outgoing.clone(),
        };
        let holdings = pipeline::start(&self.config, foundation, &self.tasks).await?;
        tracing::info!(lanes = self.config.pipeline.lanes, "taking receipts");
        if self.config.sweep.enabled {
            let foundation = sweep::Foundation {
                connector: Connector::new(&self.config.postgres, "dlr sweeper"),
                publish,
                ring: Arc::clone(&self.ring),
                carriers: Arc::clone(&self.carriers),
                groups: switch,
                metrics: Arc::clone(&self.metrics),
                outgoing: outgoing.member(self.config.pipeline.lanes + 1),
            };
            sweep::start(&self.config, foundation, &self.tasks).await?;
        }
        Ok(Watch {
            config: Arc::clone(&self.config),
            readiness: self.readiness.clone(),
            metrics: Arc::clone(&self.metrics),
            holdings,
            checks,
            profiles,
            groups,
            intake,
            connector,
            database: database.member(0),
            consumer: consumer.member(0),
            tasks: self.tasks.clone(),
        })
    }
}

/// What no waiting can mend.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error("the key ring does not fit this database: {0}")]
    KeyRing(#[from] KeyRingError),
    #[error("cannot subscribe to the confirmations of events: {0}")]
    Subscribe(#[from] async_nats::SubscribeError),
}
