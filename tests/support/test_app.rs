use std::fmt::Write as _;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_nats::jetstream::{self, Context};
use dlr::app::App;
use dlr::broker;
use dlr::broker::layout::Layout;
use dlr::broker::provision::{self, ProvisionError, Retention};
use dlr::carriers::Carriers;
use dlr::config::{self, Config, Probes, Seal};
use dlr::dev::nats::{ACCOUNTS, Identity, NatsCluster, NatsServer, in_one_account};
use dlr::dev::postgres::Role;
use dlr::dev::secret::write_secret;
use dlr::lifecycle::{Ended, Member, Part, Readiness, State};
use dlr::receipt::profile::Profiles;
use dlr::seal::KeyRing;
use futures_util::StreamExt as _;
use serde_json::Value;
use tokio_postgres::{Client, Row};
use uuid::Uuid;

use super::{Database, eventually, servers};

/// Longer than `ack_wait`, for what needs a redelivery.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// What clients connect to: one server, or several that are one to them.
pub(crate) trait Broker {
    fn config(&self, identity: Identity) -> config::Nats;
}

impl Broker for NatsServer {
    fn config(&self, identity: Identity) -> config::Nats {
        self.config(identity)
    }
}

impl Broker for NatsCluster {
    fn config(&self, identity: Identity) -> config::Nats {
        self.config(identity)
    }
}

/// The processor on a database and a NATS server of its own, and what stands around it.
pub(crate) struct TestApp<N = NatsServer> {
    pub(crate) database: Database,
    pub(crate) nats: N,
    pub(crate) config: Config,
    /// The database's superuser: the orchestrator's and the auditor's eyes in one.
    pub(crate) sql: Client,
    gateway: Context,
    observer: Context,
    processors: Vec<App>,
}

/// An event as its consumers get it.
#[derive(Debug, Clone)]
pub(crate) struct Published {
    pub(crate) id: String,
    pub(crate) headers: Vec<String>,
    pub(crate) body: Value,
}

/// A row of `orch.sms_messages`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Message {
    pub(crate) id: Uuid,
    pub(crate) account: Uuid,
}

impl TestApp {
    /// Everything around the processor, and the processor itself, ready.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(adjust: impl FnOnce(&mut Config)) -> Self {
        let mut app = Self::around(adjust).await;
        app.add_processor().await;
        app
    }

    /// Everything but the processor.
    pub(crate) async fn around(adjust: impl FnOnce(&mut Config)) -> Self {
        // Boxed: it would make every test's future as large as an application.
        let app = Box::pin(Self::unprovisioned(adjust)).await;
        app.provision().await;
        app
    }

    /// Everything but the processor, which signs in to the account of the streams: where operators
    /// keep one account, no import lies between the two.
    pub(crate) async fn in_one_account(adjust: impl FnOnce(&mut Config)) -> Self {
        Self::in_one_account_of(None, adjust).await
    }

    /// The same on this nats-server; without one, on the newest.
    pub(crate) async fn in_one_account_of(
        binary: Option<&Path>,
        adjust: impl FnOnce(&mut Config),
    ) -> Self {
        let nats = nats_with(binary, in_one_account()).await;
        let app = Box::pin(Self::on_nats(nats, Identity::Provisioner, adjust)).await;
        app.provision().await;
        app
    }

    /// The same, and whoever owns the streams may delete from them: as the contract has them, nobody
    /// may.
    pub(crate) async fn with_erasable_streams(adjust: impl FnOnce(&mut Config)) -> Self {
        let nats = nats_with(None, in_one_account()).await;
        let app = Box::pin(Self::on_nats(nats, Identity::Provisioner, adjust)).await;
        let owner = jetstream::new(connect(&app.nats, Identity::Provisioner).await);
        let layout = Layout::of(&app.config.streams);
        for mut stream in layout.streams {
            (stream.deny_delete, stream.deny_purge) = (false, false);
            owner.create_stream(stream).await.unwrap();
        }
        for durable in layout.consumers {
            let made = owner.create_consumer_on_stream(durable.config, durable.stream);
            made.await.unwrap();
        }
        app
    }

    /// Everything but the processor, the streams and the consumer.
    pub(crate) async fn unprovisioned(adjust: impl FnOnce(&mut Config)) -> Self {
        let nats = nats_with(None, ACCOUNTS.to_owned()).await;
        Self::on_nats(nats, Identity::Processor, adjust).await
    }

    /// Everything but the processor, on this database.
    pub(crate) async fn on_database(database: Database, adjust: impl FnOnce(&mut Config)) -> Self {
        let nats = nats_with(None, ACCOUNTS.to_owned()).await;
        let app = Box::pin(Self::on(database, nats, Identity::Processor, adjust)).await;
        app.provision().await;
        app
    }

    async fn on_nats(
        nats: NatsServer,
        processor: Identity,
        adjust: impl FnOnce(&mut Config),
    ) -> Self {
        Self::on(Database::new().await, nats, processor, adjust).await
    }
}

async fn nats_with(binary: Option<&Path>, accounts: String) -> NatsServer {
    let shared = servers().await;
    let binary = binary.map(Path::to_owned);
    let start = move || {
        let (supervisor, authority) = (&shared.supervisor, &shared.authority);
        NatsServer::start_with(supervisor, authority, binary.as_deref(), &accounts).unwrap()
    };
    tokio::task::spawn_blocking(start).await.unwrap()
}

impl<N: Broker> TestApp<N> {
    /// The configuration of an operator who may look and nothing else.
    pub(crate) fn onlooker(&self) -> Config {
        Config {
            postgres: self.database.config(Role::Reader),
            nats: self.nats.config(Identity::Reconcile),
            ..self.config.clone()
        }
    }

    /// Where a process of this test logs.
    pub(crate) async fn log_file(&self) -> PathBuf {
        let folder = servers().await.supervisor.folder();
        folder.join(format!("{}.log", self.database.name()))
    }

    /// Everything but the processor, the streams and the consumer, on these servers.
    pub(crate) async fn on(
        database: Database,
        nats: N,
        processor: Identity,
        adjust: impl FnOnce(&mut Config),
    ) -> Self {
        let shared = servers().await;
        let ring_file = shared
            .supervisor
            .folder()
            .join(format!("{}.ring", database.name()));
        write_secret(&ring_file, &KeyRing::generate()).unwrap();
        let mut config = Config {
            postgres: database.config(Role::Service),
            nats: nats.config(processor),
            seal: Seal {
                keyring_file: ring_file,
            },
            probes: Probes {
                bind: SocketAddr::from(([127, 0, 0, 1], 0)),
            },
            ..Config::default()
        };
        config.streams.inbound_max_bytes = 64 << 20;
        config.streams.output_max_bytes = 64 << 20;
        adjust(&mut config);
        Self {
            sql: database.superuser().await,
            gateway: jetstream::new(connect(&nats, Identity::Ingest).await),
            observer: jetstream::with_prefix(
                connect(&nats, Identity::Reconcile).await,
                &nats.config(Identity::Reconcile).api_prefix,
            ),
            database,
            nats,
            config,
            processors: Vec::new(),
        }
    }

    pub(crate) async fn provision(&self) {
        self.try_provision().await.unwrap();
    }

    /// For servers that may have to find one another first.
    pub(crate) async fn try_provision(&self) -> Result<(), ProvisionError> {
        let provisioner = jetstream::new(connect(&self.nats, Identity::Provisioner).await);
        let layout = Layout::of(&self.config.streams);
        let provisioned = provision::provision(&provisioner, &layout, Retention::Keep).await;
        provisioned.map(drop)
    }

    /// One more replica, in this process; returns when it is ready.
    pub(crate) async fn add_processor(&mut self) {
        self.add_processor_without_waiting();
        let readiness = self.processors.last().unwrap().readiness().clone();
        eventually(PATIENCE, "the processor is ready", async || {
            readiness.is_ready()
        })
        .await;
    }

    /// One more replica, which need not come to be ready.
    pub(crate) fn add_processor_without_waiting(&mut self) {
        let ring = KeyRing::load(&self.config.seal.keyring_file).unwrap();
        self.processors
            .push(App::start(self.config.clone(), ring).unwrap());
    }

    /// Leaves every replica as it stands, unsettled envelopes and all.
    pub(crate) async fn abandon_processors(&mut self) {
        for processor in self.processors.drain(..) {
            processor.stop(std::future::ready(())).await;
        }
    }

    /// Stops every replica, gently.
    pub(crate) async fn stop_processors(&mut self) {
        for processor in self.processors.drain(..) {
            assert_eq!(processor.stop(std::future::pending()).await, Ended::Clean);
        }
    }

    pub(crate) fn readiness(&self) -> Readiness {
        self.processors[0].readiness().clone()
    }

    pub(crate) fn carriers(&self) -> &Carriers {
        self.processors[0].carriers()
    }

    pub(crate) fn probes(&self) -> SocketAddr {
        self.processors[0].probes_address()
    }

    /// From now on every replica reads receipts by these profiles.
    pub(crate) fn set_profiles(&self, profiles: impl Fn() -> Profiles) {
        for processor in &self.processors {
            processor.carriers().replace(profiles());
        }
    }

    /// The text of `/metrics`.
    pub(crate) fn metrics(&self) -> String {
        self.metrics_of(0)
    }

    pub(crate) fn metrics_of(&self, replica: usize) -> String {
        self.processors[replica].metrics().render()
    }

    /// Whether every replica's metrics have this line.
    pub(crate) fn counts(&self, line: &str) -> bool {
        let mut replicas = self.processors.iter();
        replicas.all(|it| it.metrics().render().lines().any(|shown| shown == line))
    }

    /// Waits until a part is reported as not working, and says what is said of it.
    pub(crate) async fn fault_of(&self, part: Part) -> String {
        let readiness = self.readiness();
        let mut said = String::new();
        eventually(PATIENCE, "a fault is reported", async || {
            let state = readiness
                .report()
                .into_iter()
                .find(|(reported, _)| *reported == part);
            match state {
                Some((_, State::NotReady(fault))) => {
                    said = fault;
                    true
                }
                _ => false,
            }
        })
        .await;
        said
    }

    /// A message of carrier `acme`, sent and waiting for its receipt.
    pub(crate) async fn message(&self, operator_message_id: &str) -> Message {
        self.message_of("acme", operator_message_id).await
    }

    pub(crate) async fn message_of(&self, carrier: &str, operator_message_id: &str) -> Message {
        let message = Message {
            id: Uuid::new_v4(),
            account: Uuid::new_v4(),
        };
        self.sql
            .execute(
                "INSERT INTO orch.sms_messages
                    (id, account_id, carrier_id, operator_message_id, status, created_at, segment,
                     segments, client_ref, mccmnc, price, currency)
                 VALUES ($1, $2, $3, $4, 'sent', now(), 1, 1, 'order 7', '23415', 0.0075, 'EUR')",
                &[
                    &message.id,
                    &message.account,
                    &carrier,
                    &operator_message_id,
                ],
            )
            .await
            .unwrap();
        message
    }

    /// Messages of carrier `acme`, sent and waiting for their receipts, with these numbers for ids.
    pub(crate) async fn messages(&self, ids: Range<usize>) {
        let fill = format!(
            "INSERT INTO orch.sms_messages
                (id, account_id, carrier_id, operator_message_id, status, created_at)
             SELECT gen_random_uuid(), gen_random_uuid(), 'acme', n::text, 'sent', now()
             FROM generate_series({}, {} - 1) AS n",
            ids.start, ids.end
        );
        self.sql.batch_execute(&fill).await.unwrap();
    }

    /// Waits until a connection of this role, or of anybody, waits for another's lock.
    pub(crate) async fn blocked(&self, role: Option<&str>, what: &str) {
        let role = role.map_or(String::new(), |role| format!("usename = '{role}' AND"));
        let waiting = format!(
            "SELECT FROM pg_stat_activity WHERE {role} datname = current_database()
                AND wait_event_type = 'Lock'"
        );
        eventually(PATIENCE, what, async || {
            !self.rows(&waiting).await.is_empty()
        })
        .await;
    }

    /// Publishes as the trusted gateway; returns the sequence the stream confirmed.
    pub(crate) async fn publish(&self, payload: impl Into<bytes::Bytes>) -> u64 {
        let subject = self.config.streams.inbound_subject.clone();
        let confirmed = self.gateway.publish(subject, payload.into()).await.unwrap();
        confirmed.await.unwrap().sequence
    }

    /// The gateway's connection, for what [`Self::publish`] cannot say.
    pub(crate) fn gateway(&self) -> &Context {
        &self.gateway
    }

    pub(crate) async fn connect(&self, identity: Identity) -> async_nats::Client {
        connect(&self.nats, identity).await
    }

    /// Waits until the stream has no receipt that is neither settled nor on its way to be.
    pub(crate) async fn drained(&self) {
        self.drained_within(PATIENCE).await;
    }

    pub(crate) async fn drained_within(&self, deadline: Duration) {
        eventually(deadline, "every receipt is settled", async || {
            // A server that has just come back may not answer yet.
            self.is_drained().await.unwrap_or(false)
        })
        .await;
    }

    async fn is_drained(&self) -> Option<bool> {
        let inbound = &self.config.streams.inbound;
        let stream = self.observer.get_stream(inbound).await.ok()?;
        // Not by `num_pending` alone: the consumer learns of a message after its publisher does.
        let last = stream.cached_info().state.last_sequence;
        let info = self.try_consumer_info().await?;
        Some(
            info.num_pending == 0
                && info.num_ack_pending == 0
                && info.ack_floor.stream_sequence >= last,
        )
    }

    /// Envelopes not delivered, and delivered but not settled, as the server counts them.
    pub(crate) async fn backlog(&self) -> (u64, usize) {
        let info = self.consumer_info().await;
        (info.num_pending, info.num_ack_pending)
    }

    async fn consumer_info(&self) -> jetstream::consumer::Info {
        self.try_consumer_info().await.unwrap()
    }

    async fn try_consumer_info(&self) -> Option<jetstream::consumer::Info> {
        let streams = &self.config.streams;
        let mut consumer: jetstream::consumer::PullConsumer = self
            .observer
            .get_consumer_from_stream(&streams.consumer, &streams.inbound)
            .await
            .ok()?;
        consumer.info().await.ok().cloned()
    }

    /// Everything a stream holds, in order: messages, each with its events.
    pub(crate) async fn stream(&self, name: &str) -> Vec<Published> {
        let mut stream = self.observer.get_stream(name).await.unwrap();
        let state = stream.info().await.unwrap().state.clone();
        let sequences = state.first_sequence.max(1)..=state.last_sequence;
        let mut messages = futures_util::stream::iter(sequences)
            .map(|sequence| stream.get_raw_message(sequence))
            .buffered(100);
        let mut published = Vec::new();
        while let Some(message) = messages.next().await {
            let message = message.unwrap();
            let header = message.headers.get("Nats-Msg-Id").map(ToString::to_string);
            published.push(Published {
                id: header.unwrap_or_default(),
                headers: message
                    .headers
                    .iter()
                    .map(|(name, _)| name.to_string())
                    .collect(),
                body: serde_json::from_slice(&message.payload).unwrap(),
            });
        }
        published
    }

    /// The payloads of the inbound stream, as text, with their sequences.
    pub(crate) async fn payloads(&self) -> Vec<(u64, String)> {
        let inbound = &self.config.streams.inbound;
        let stream = self.observer.get_stream(inbound).await.unwrap();
        let state = &stream.cached_info().state;
        let mut payloads = Vec::new();
        for sequence in state.first_sequence.max(1)..=state.last_sequence {
            let message = stream.get_raw_message(sequence).await.unwrap();
            let payload = String::from_utf8(message.payload.to_vec()).unwrap();
            payloads.push((sequence, payload));
        }
        payloads
    }

    /// Everything a stream holds as the server keeps it, headers and all, as text.
    pub(crate) async fn stream_text(&self, name: &str) -> String {
        let mut stream = self.observer.get_stream(name).await.unwrap();
        let state = stream.info().await.unwrap().state.clone();
        let mut text = String::new();
        for sequence in state.first_sequence.max(1)..=state.last_sequence {
            let message = stream.get_raw_message(sequence).await.unwrap();
            let body = String::from_utf8_lossy(&message.payload);
            writeln!(text, "{} {:?} {body}", message.subject, message.headers).unwrap();
        }
        text
    }

    /// How many events of a stream are left when each id is taken once.
    pub(crate) async fn distinct_events(&self, name: &str) -> usize {
        let ids = self.stream(name).await.into_iter().map(|event| event.id);
        ids.collect::<std::collections::BTreeSet<_>>().len()
    }

    pub(crate) async fn billing(&self) -> Vec<Published> {
        self.stream(&self.config.streams.billing).await
    }

    pub(crate) async fn webhooks(&self) -> Vec<Published> {
        self.stream(&self.config.streams.webhook).await
    }

    pub(crate) async fn unmatched(&self) -> Vec<Published> {
        self.stream(&self.config.streams.unmatched).await
    }

    pub(crate) async fn rows(&self, query: &str) -> Vec<Row> {
        self.sql.query(query, &[]).await.unwrap()
    }

    /// The first column of a query, as text.
    pub(crate) async fn column(&self, query: &str) -> Vec<String> {
        self.rows(query)
            .await
            .iter()
            .map(|row| row.get(0))
            .collect()
    }

    /// `status` and `dlr_status` of a message.
    pub(crate) async fn status(&self, message: Message) -> (String, Option<String>) {
        let row = self
            .sql
            .query_one(
                "SELECT status, dlr_status FROM orch.sms_messages WHERE id = $1",
                &[&message.id],
            )
            .await
            .unwrap();
        (row.get(0), row.get(1))
    }

    /// How many envelopes have each disposition: applied, recorded, parked, rejected. What was
    /// decided on later changes none.
    pub(crate) async fn dispositions(&self) -> [i64; 4] {
        let rows = self
            .rows(
                "SELECT (SELECT count(*) FROM dlr.delivery_receipts
                         WHERE disposition = 'applied' AND NOT late),
                        (SELECT count(*) FROM dlr.delivery_receipts
                         WHERE disposition = 'recorded' AND NOT late),
                        (SELECT count(*) FROM dlr.orphaned_receipts WHERE reason <> 'redriven'),
                        (SELECT count(*) FROM dlr.rejected_receipts)",
            )
            .await;
        std::array::from_fn(|column| rows[0].get(column))
    }
}

/// A receipt of carrier `acme` as its gateway writes it.
pub(crate) fn receipt(operator_message_id: &str, stat: &str) -> String {
    format!(r#"{{"carrierId":"acme","operatorMessageId":"{operator_message_id}","stat":"{stat}"}}"#)
}

async fn connect(nats: &impl Broker, identity: Identity) -> async_nats::Client {
    broker::connect(
        &nats.config(identity),
        "test",
        Member::unwatched(Part::Nats),
    )
    .await
    .unwrap()
}
