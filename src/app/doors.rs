//! What must open before the pipeline can start: each is tried for as long as it takes.

use std::sync::Arc;
use std::time::Duration;

use async_nats::Client;
use tokio::time::sleep;

use super::StartError;
use super::groups::GroupWatch;
use super::watch::Checks;
use crate::broker::{self, Binding};
use crate::carriers::Loader;
use crate::config::Config;
use crate::lifecycle::{Member, Part, Readiness, Tasks};
use crate::seal::KeyRing;
use crate::store::connect::Connector;
use crate::store::failure::describe_query;
use crate::store::key_checks;
use crate::telemetry::metrics::Metrics;

const PAUSE_MIN: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(5);

pub(super) struct Doors<'a> {
    pub(super) config: &'a Config,
    pub(super) ring: &'a Arc<KeyRing>,
    pub(super) tasks: &'a Tasks,
    pub(super) readiness: &'a Readiness,
    pub(super) metrics: &'a Arc<Metrics>,
    pub(super) connector: &'a Arc<Connector>,
    pub(super) database: &'a Member,
    pub(super) profiles: &'a mut Loader,
    pub(super) groups: &'a mut GroupWatch,
}

impl Doors<'_> {
    /// PostgreSQL, reachable, with the right schema, partitions and grants, a key ring that fits what
    /// it holds, and the carriers' profiles loaded. Fails only if the ring does not fit.
    pub(super) async fn database(&mut self) -> Result<Checks, StartError> {
        let mut pause = Pause::default();
        loop {
            let connected =
                Checks::connect(self.connector, self.tasks, self.readiness, self.metrics).await;
            let mut checks = match connected {
                Ok(checks) => checks,
                Err(error) => {
                    self.database.set(Err(error));
                    pause.wait().await;
                    continue;
                }
            };
            let outcome = checks.run().await;
            self.database.set(outcome.clone());
            if outcome.is_ok()
                && checks.all_passed()
                && self.key_ring(&checks).await?
                && self.profiles(&checks).await
                && self.look_at_groups(&checks).await
            {
                return Ok(checks);
            }
            pause.wait().await;
        }
    }

    /// Whether the ring could be checked against the keys this database has seen.
    async fn key_ring(&self, checks: &Checks) -> Result<bool, StartError> {
        let checked = async {
            let new = self.ring.confirm(&key_checks::read(checks.client()).await?);
            if let Ok(new) = &new {
                key_checks::insert_new(checks.client(), new).await?;
            }
            // Another process may have brought its own at the same moment.
            let settled = key_checks::read(checks.client()).await?;
            Ok::<_, tokio_postgres::Error>(new.and_then(|_| self.ring.confirm(&settled)))
        };
        match checked.await {
            Ok(Ok(_)) => {
                self.readiness.tell(Part::KeyRing, Ok(()));
                Ok(true)
            }
            Ok(Err(conflict)) => {
                self.readiness
                    .tell(Part::KeyRing, Err(conflict.to_string()));
                Err(conflict.into())
            }
            Err(error) => {
                self.database.set(Err(describe_query(&error)));
                Ok(false)
            }
        }
    }

    /// Whether the profiles could be read: without them ids would be taken for what they are not.
    async fn profiles(&mut self, checks: &Checks) -> bool {
        let loaded = self.profiles.follow(checks.client()).await;
        if let Err(error) = &loaded {
            self.database.set(Err(describe_query(error)));
        }
        loaded.is_ok()
    }

    /// Whether it could be found out if groups can be looked at.
    async fn look_at_groups(&mut self, checks: &Checks) -> bool {
        let looked = self.groups.look(checks.client()).await;
        let found_out = looked.map_err(|error| describe_query(&error));
        self.database.set(found_out.clone());
        found_out.is_ok()
    }

    /// A connection to NATS, which keeps itself up from then on.
    pub(super) async fn nats(&self, name: &str, health: Member) -> Client {
        let mut pause = Pause::default();
        loop {
            match broker::connect(&self.config.nats, name, health.clone()).await {
                Ok(client) => return client,
                Err(error) => health.set(Err(error.to_string())),
            }
            pause.wait().await;
        }
    }

    /// The consumer, as the contract wants it.
    pub(super) async fn consumer(&self, intake: &Client, health: &Member) -> Binding {
        let mut pause = Pause::default();
        loop {
            match broker::bind(intake, &self.config.nats, &self.config.streams).await {
                Ok(binding) => {
                    health.set(Ok(()));
                    return binding;
                }
                Err(error) => health.set(Err(error.to_string())),
            }
            pause.wait().await;
        }
    }
}

/// Back-off between two tries at a door.
struct Pause(Duration);

impl Default for Pause {
    fn default() -> Self {
        Self(PAUSE_MIN)
    }
}

impl Pause {
    async fn wait(&mut self) {
        sleep(self.0).await;
        self.0 = (self.0 * 2).min(PAUSE_MAX);
    }
}
