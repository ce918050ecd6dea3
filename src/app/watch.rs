//! The watch over a running pipeline: what `/ready` and the gauges say is looked at, not assumed.

use std::sync::Arc;
use std::time::Duration;

use async_nats::Client;
use jiff::tz::TimeZone;
use tokio::time::{interval, timeout};

use super::groups::GroupWatch;
use crate::broker;
use crate::carriers::Loader;
use crate::clock::Clock;
use crate::config::Config;
use crate::lifecycle::{Member, Part, Readiness, Tasks};
use crate::pipeline::envelope::Holdings;
use crate::store::connect::Connector;
use crate::store::failure::describe_query;
use crate::store::{grants, migrations, partitions};
use crate::telemetry::metrics::Metrics;

const EVERY: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) struct Watch {
    pub(super) config: Arc<Config>,
    pub(super) readiness: Readiness,
    pub(super) metrics: Arc<Metrics>,
    pub(super) holdings: Arc<Holdings>,
    pub(super) checks: Checks,
    pub(super) profiles: Loader,
    pub(super) groups: GroupWatch,
    pub(super) intake: Client,
    pub(super) connector: Arc<Connector>,
    pub(super) database: Member,
    pub(super) consumer: Member,
    pub(super) tasks: Tasks,
}

impl Watch {
    /// Looks again and again; ends only by being dropped.
    pub(super) async fn keep(mut self) {
        let mut ticks = interval(EVERY);
        loop {
            ticks.tick().await;
            self.metrics
                .in_flight
                .set(gauge(self.holdings.count() as u64));
            self.look_at_consumer().await;
            self.look_at_database().await;
        }
    }

    async fn look_at_consumer(&self) {
        let bound = broker::bind(&self.intake, &self.config.nats, &self.config.streams);
        self.consumer.set(match timeout(PATIENCE, bound).await {
            Ok(Ok(binding)) => {
                self.metrics.backlog.set(gauge(binding.pending));
                self.metrics.ack_pending.set(gauge(binding.ack_pending));
                self.holdings
                    .set_crowded(binding.ack_pending > binding.max_ack_pending / 2);
                Ok(())
            }
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("the server does not answer".to_owned()),
        });
    }

    async fn look_at_database(&mut self) {
        if self.checks.is_lost() {
            let again =
                Checks::connect(&self.connector, &self.tasks, &self.readiness, &self.metrics);
            match again.await {
                Ok(checks) => self.checks = checks,
                Err(error) => return self.database.set(Err(error)),
            }
        }
        let outcome = timeout(PATIENCE, async {
            self.checks.run().await?;
            if self.checks.schema_fits() {
                let followed = self.profiles.follow(self.checks.client()).await;
                followed.map_err(|error| describe_query(&error))?;
            }
            let looked = self.groups.look(self.checks.client()).await;
            looked.map_err(|error| describe_query(&error))
        })
        .await;
        self.database.set(outcome.unwrap_or_else(|_| {
            self.checks.silent = true;
            Err("does not answer".to_owned())
        }));
    }
}

/// What is asked of the database, on a connection of its own.
pub(super) struct Checks {
    client: tokio_postgres::Client,
    readiness: Readiness,
    metrics: Arc<Metrics>,
    schema_fits: bool,
    passed: bool,
    /// It did not answer in time. That need not end its connection: the kernel of a server that stands
    /// still goes on acknowledging, while another server may have taken its place.
    silent: bool,
}

impl Checks {
    pub(super) async fn connect(
        connector: &Connector,
        tasks: &Tasks,
        readiness: &Readiness,
        metrics: &Arc<Metrics>,
    ) -> Result<Self, String> {
        let client = connector
            .connect_on(tasks)
            .await
            .map_err(|error| error.to_string())?;
        Ok(Self {
            client,
            readiness: readiness.clone(),
            metrics: Arc::clone(metrics),
            schema_fits: false,
            passed: false,
            silent: false,
        })
    }

    pub(super) fn client(&self) -> &tokio_postgres::Client {
        &self.client
    }

    /// Whether there is nothing more to be had of this connection.
    fn is_lost(&self) -> bool {
        self.silent || self.client.is_closed()
    }

    /// Whether the schema was right at the last look.
    pub(super) fn schema_fits(&self) -> bool {
        self.schema_fits
    }

    /// Whether schema and partitions were right at the last look.
    pub(super) fn all_passed(&self) -> bool {
        self.passed
    }

    /// Looks at schema, grants and partitions and reports each. The error is PostgreSQL's own.
    pub(super) async fn run(&mut self) -> Result<(), String> {
        self.passed = false;
        self.schema_fits = false;
        let described = |error| describe_query(&error);
        let schema = match migrations::version(&self.client).await.map_err(described)? {
            version if migrations::is_supported(version) => Ok(()),
            version => Err(format!(
                "the schema is at version {version}, this program needs {}: run `dlr migrate up`",
                migrations::SCHEMA_VERSION
            )),
        };
        self.schema_fits = schema.is_ok();
        self.readiness.tell(Part::Schema, schema);
        if !self.schema_fits {
            return Ok(());
        }
        grants::check(&self.client).await.map_err(described)?;
        if !grants::is_durable(&self.client).await.map_err(described)? {
            return Err(
                "synchronous_commit is off: a crash would lose what was acknowledged".into(),
            );
        }
        let today = Clock.now().to_zoned(TimeZone::UTC).date();
        let coverage = partitions::coverage(&self.client, today)
            .await
            .map_err(described)?;
        self.metrics
            .partition_days_ahead
            .set(f64::from(coverage.days_ahead));
        let covered = match coverage.days_ahead {
            0 | 1 => Err(format!(
                "no partition for {}: run `dlr migrate up`",
                coverage.first_missing
            )),
            _ => Ok(()),
        };
        self.passed = covered.is_ok();
        self.readiness.tell(Part::Partitions, covered);
        Ok(())
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of envelopes are far below 2^53"
)]
fn gauge(count: u64) -> f64 {
    count as f64
}
