//! The program as a process of its own, its servers, what stands between them, and what was published.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fmt::Debug;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use async_nats::jetstream::{self, Context};
use dlr::config::Config;
use dlr::dev::nats::Identity;
use fastrand::Rng;
use futures_util::{StreamExt as _, stream};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_postgres::{Client, Row};

use super::model::{Change, Disposition, Seen};
use super::traffic::Traffic;
use crate::support::{Process, TestApp, eventually, http, reconcile, servers};

/// For what needs redeliveries, more than one of them perhaps, on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(100);
/// How long a carrier waits for a confirmation before it publishes again.
const CONFIRMATION: Duration = Duration::from_secs(2);

/// A lock that somebody else holds.
pub(crate) struct Lock(Client);

impl Lock {
    pub(crate) async fn release(self) {
        self.0.batch_execute("ROLLBACK").await.unwrap();
    }
}

pub(crate) struct World {
    pub(crate) app: TestApp,
    /// What the processes are given: with proxies in front of the servers, perhaps.
    pub(crate) config: Config,
    pub(crate) processes: Vec<Process>,
    random: Rng,
    traffic: usize,
    started: usize,
    /// Receipts that PostgreSQL refuses: see [`Seen::poisoned`].
    pub(crate) poisoned: fn(&str) -> bool,
    /// Ids of messages that were drawn unwritten.
    early: BTreeSet<String>,
    /// Sequences that were confirmed, with what was published.
    pub(crate) confirmed: Vec<(u64, String)>,
}

impl World {
    pub(crate) async fn new(seed: u64) -> Self {
        Self::around(TestApp::around(|_| {}).await, seed)
    }

    /// On servers that are there.
    pub(crate) fn around(app: TestApp, seed: u64) -> Self {
        Self {
            config: app.config.clone(),
            app,
            processes: Vec::new(),
            // `make test-faults` runs them with others.
            random: Rng::with_seed(seed.wrapping_add(setting::<u64>("DLR_FAULTS_SEED", 0) << 32)),
            traffic: 0,
            started: 0,
            poisoned: |_| false,
            early: BTreeSet::new(),
            confirmed: Vec::new(),
        }
    }

    /// Where the next process is to log.
    pub(crate) async fn next_log(&mut self) -> PathBuf {
        self.started += 1;
        let name = self.app.database.name();
        let folder = servers().await.supervisor.folder();
        folder.join(format!("{name}-{}.log", self.started))
    }

    /// One more process; returns without waiting for it.
    pub(crate) async fn start(&mut self) {
        let log = self.next_log().await;
        self.processes.push(Process::start(&self.config, &log));
    }

    /// One more process, once it takes receipts.
    pub(crate) async fn start_ready(&mut self) {
        self.start().await;
        self.ready().await;
    }

    /// Waits until the last process is ready.
    pub(crate) async fn ready(&self) {
        eventually(PATIENCE, "the process is ready", async || {
            self.problems().await.is_empty()
        })
        .await;
    }

    /// Waits until the last process says that this part does not work, in these words among others.
    pub(crate) async fn trouble(&self, part: &str, words: &str) {
        let what = format!("{part} is reported with {words:?}");
        eventually(PATIENCE, &what, async || {
            self.is_in_trouble(part, words).await
        })
        .await;
    }

    pub(crate) async fn is_in_trouble(&self, part: &str, words: &str) -> bool {
        let problems = self.problems().await;
        problems
            .iter()
            .any(|it| it.0 == part && it.1.contains(words))
    }

    /// Waits until the last process says that something does not work.
    pub(crate) async fn any_trouble(&self) {
        eventually(PATIENCE, "the process tells of its trouble", async || {
            !self.problems().await.is_empty()
        })
        .await;
    }

    /// Which parts of the last process do not work, and why.
    async fn problems(&self) -> Vec<(String, String)> {
        let process = self.processes.last().unwrap();
        let (_, answer) = http(process.probes().await, "GET", "/ready").await;
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let body: Value = serde_json::from_str(body).unwrap();
        let parts = body["parts"].as_array().unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let troubled = parts.iter().filter(|part| part["ready"] == false);
        troubled
            .map(|part| (text(&part["part"]), text(&part["problem"])))
            .collect()
    }

    /// What a process shows to Prometheus.
    pub(crate) async fn metrics(&self, of: usize) -> String {
        http(self.processes[of].probes().await, "GET", "/metrics")
            .await
            .1
    }

    /// How many envelopes a process holds, by its own account: the server's also has what is on its way.
    pub(crate) async fn in_flight(&self, of: usize) -> usize {
        let shown = self.metrics(of).await;
        let mut lines = shown.lines();
        let held = lines.find_map(|it| it.strip_prefix("dlr_in_flight "));
        held.map_or(0, |it| it.parse().unwrap())
    }

    /// SIGKILL for the last process.
    pub(crate) fn kill(&mut self) {
        self.processes.pop().unwrap().kill();
    }

    /// Locks these tables so that nobody writes to them.
    pub(crate) async fn lock(&self, tables: &str) -> Lock {
        let session = self.app.database.superuser().await;
        let lock = format!("BEGIN; LOCK TABLE {tables} IN EXCLUSIVE MODE");
        session.batch_execute(&lock).await.unwrap();
        Lock(session)
    }

    /// The orchestrator's messages, and the receipts that carriers will publish about them.
    pub(crate) async fn draw(&mut self, messages: usize) -> Vec<String> {
        let Traffic { messages, receipts } = self.next_traffic(messages);
        self.write(&messages).await;
        receipts
    }

    fn next_traffic(&mut self, messages: usize) -> Traffic {
        self.traffic += 1;
        let name = format!("t{}", self.traffic);
        Traffic::draw(&mut self.random, &name, messages)
    }

    /// The same, before the orchestrator has written the messages.
    pub(crate) fn draw_unwritten(&mut self, messages: usize) -> Traffic {
        let traffic = self.next_traffic(messages);
        self.early.extend(traffic.messages.iter().cloned());
        traffic
    }

    /// The orchestrator writes messages that it has sent.
    pub(crate) async fn write(&self, messages: &[String]) {
        let insert = "INSERT INTO orch.sms_messages
                (id, account_id, carrier_id, operator_message_id, status, created_at)
             SELECT gen_random_uuid(), gen_random_uuid(), 'acme', id, 'sent', now()
             FROM unnest($1::text[]) AS id";
        self.app.sql.execute(insert, &[&messages]).await.unwrap();
    }

    /// Publishes as a gateway does that waits for each confirmation and repeats without one.
    pub(crate) async fn publish(&mut self, receipts: &[String]) {
        let published = publish(self.app.gateway(), receipts).await;
        self.confirmed.extend(published);
    }

    /// Somebody who publishes while other things happen.
    pub(crate) async fn carrier(&self) -> Carrier {
        Carrier::new(jetstream::new(self.app.connect(Identity::Ingest).await))
    }

    /// Draws and publishes the receipts of so many messages.
    pub(crate) async fn traffic(&mut self, messages: usize) {
        let receipts = self.draw(messages).await;
        self.publish(&receipts).await;
    }

    /// How many envelopes have a disposition.
    pub(crate) async fn decided(&self) -> usize {
        let decided: i64 = self.app.dispositions().await.iter().sum();
        usize::try_from(decided).unwrap()
    }

    pub(crate) async fn decided_more_than(&self, count: usize) {
        eventually(PATIENCE, "the processor gets on", async || {
            self.decided().await > count
        })
        .await;
    }

    /// Waits until everything is settled, and asks every witness.
    pub(crate) async fn judge(&self) {
        self.app.drained_within(PATIENCE).await;
        let (success, report) = reconcile(&self.app.onlooker(), &[]).await;
        assert!(success, "{report:#}");
        let seen = self.see().await;
        let stored: BTreeMap<u64, &String> = seen.payloads.iter().map(|it| (it.0, &it.1)).collect();
        for (sequence, payload) in &self.confirmed {
            let there = stored.get(sequence) == Some(&payload);
            assert!(there, "confirmed as {sequence}, and not there");
        }
        seen.assert_accounted_for();
    }

    async fn see(&self) -> Seen {
        let app = &self.app;
        let text = |row: &Row, at| row.get::<_, String>(at);
        let dispositions = app
            .rows(
                "SELECT seq, disposition, '' FROM dlr.delivery_receipts WHERE NOT late
                 UNION ALL SELECT seq, 'parked', reason FROM dlr.orphaned_receipts
                 UNION ALL SELECT seq, 'rejected', '' FROM dlr.rejected_receipts",
            )
            .await;
        let changes = app
            .rows(
                "SELECT operator_message_id, previous_status, status FROM dlr.delivery_receipts
                 WHERE disposition = 'applied'",
            )
            .await;
        let late = app
            .rows("SELECT seq FROM dlr.delivery_receipts WHERE late")
            .await;
        let messages = app
            .rows("SELECT id::text, operator_message_id, status FROM orch.sms_messages")
            .await;
        let bodies = async |stream: &str| -> Vec<Value> {
            app.stream(stream)
                .await
                .into_iter()
                .map(|it| it.body)
                .collect()
        };
        let streams = &app.config.streams;
        Seen {
            payloads: app.payloads().await,
            dispositions: dispositions
                .iter()
                .map(|row| Disposition {
                    sequence: row.get::<_, i64>(0).cast_unsigned(),
                    end: text(row, 1),
                    reason: text(row, 2),
                })
                .collect(),
            changes: changes
                .iter()
                .map(|row| Change {
                    id: text(row, 0),
                    from: text(row, 1),
                    to: text(row, 2),
                })
                .collect(),
            late: late
                .iter()
                .map(|row| row.get::<_, i64>(0).cast_unsigned())
                .collect(),
            messages: messages
                .iter()
                .map(|row| (text(row, 1), text(row, 2)))
                .collect(),
            operator_ids: messages
                .iter()
                .map(|row| (text(row, 0), text(row, 1)))
                .collect(),
            webhooks: bodies(&streams.webhook).await,
            bills: bodies(&streams.billing).await,
            notices: bodies(&streams.unmatched).await,
            poisoned: self.poisoned,
            early: self.early.clone(),
        }
    }
}

/// What whoever runs the tests sets.
#[expect(
    clippy::disallowed_methods,
    reason = "of the tests, not of the product"
)]
pub(crate) fn setting<T: FromStr<Err: Debug>>(name: &str, default: T) -> T {
    env::var(name).map_or(default, |it| it.parse().expect(name))
}

/// Publishes on its own, in the order in which it is told to.
pub(crate) struct Carrier {
    receipts: mpsc::UnboundedSender<Vec<String>>,
    published: JoinHandle<Vec<(u64, String)>>,
}

impl Carrier {
    #[expect(
        clippy::disallowed_methods,
        reason = "it ends with the test's runtime; there is no shutdown to track it for"
    )]
    fn new(gateway: Context) -> Self {
        let (receipts, mut next) = mpsc::unbounded_channel::<Vec<String>>();
        let published = tokio::spawn(async move {
            let mut published = Vec::new();
            while let Some(receipts) = next.recv().await {
                published.extend(publish(&gateway, &receipts).await);
            }
            published
        });
        Self {
            receipts,
            published,
        }
    }

    pub(crate) fn publish(&self, receipts: Vec<String>) {
        self.receipts.send(receipts).unwrap();
    }

    /// Waits until everything is confirmed; returns it with the sequences.
    pub(crate) async fn finish(self) -> Vec<(u64, String)> {
        drop(self.receipts);
        self.published.await.unwrap()
    }
}

/// Returns each payload with the sequence that was confirmed.
async fn publish(gateway: &Context, receipts: &[String]) -> Vec<(u64, String)> {
    const AT_ONCE: usize = 32;
    let publishing: Vec<_> = receipts
        .iter()
        .map(|payload| publish_one(gateway.clone(), payload.clone()))
        .collect();
    stream::iter(publishing).buffered(AT_ONCE).collect().await
}

async fn publish_one(gateway: Context, payload: String) -> (u64, String) {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        let sent = gateway.publish("sms.dlr.inbound", payload.clone().into());
        let Ok(confirmation) = sent.await else {
            continue;
        };
        if let Ok(Ok(stored)) = timeout(CONFIRMATION, confirmation.into_future()).await {
            return (stored.sequence, payload);
        }
    }
    panic!("no confirmation within {PATIENCE:?}");
}
