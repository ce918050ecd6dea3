//! `events.pack`: many events in one message.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use async_nats::jetstream;
use bytes::Bytes;
use dlr::config::Config;
use dlr::dev::nats::Identity;
use dlr::receipt::ids::{EventKind, message_event_id, pack_id};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{PATIENCE, Process, TestApp, eventually, receipt, report};

const OUTPUTS: [&str; 2] = ["BILLING", "WEBHOOK"];

/// As in `deploy/nats/hub.conf`.
const PAYLOAD_MAX: usize = 128 << 10;

/// A message of a stream, with what its consumers see of it.
struct Pack {
    id: String,
    content_type: String,
    events: Vec<Value>,
    /// Headers and all, as the server counts.
    size: usize,
}

impl Pack {
    fn ids(&self) -> impl Iterator<Item = String> {
        let id = |event: &Value| event["id"].as_str().unwrap().to_owned();
        self.events.iter().map(id)
    }
}

async fn packs(app: &TestApp, stream: &str) -> Vec<Pack> {
    let client = app.connect(Identity::Reconcile).await;
    let streams = jetstream::with_prefix(client, "JSAPI.reconcile");
    let mut stream = streams.get_stream(stream).await.unwrap();
    let last = stream.info().await.unwrap().state.last_sequence;
    let mut packs = Vec::new();
    for sequence in 1..=last {
        let message = stream.get_raw_message(sequence).await.unwrap();
        let header = |name| message.headers.get(name).unwrap().to_string();
        let headers: usize = (message.headers.iter())
            .map(|(name, values)| name.to_string().len() + values[0].as_str().len() + 4)
            .sum();
        packs.push(Pack {
            id: header("Nats-Msg-Id"),
            content_type: header("Content-Type"),
            events: match serde_json::from_slice(&message.payload).unwrap() {
                Value::Array(events) => events,
                lone => vec![lone],
            },
            size: message.payload.len() + headers + "NATS/1.0\r\n\r\n".len(),
        });
    }
    packs
}

/// How often each event is there.
fn counts(packs: &[Pack]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for id in packs.iter().flat_map(Pack::ids) {
        *counts.entry(id).or_default() += 1;
    }
    counts
}

/// What holds of packs under whatever circumstances.
#[track_caller]
fn assert_well_formed(packs: &[Pack], events_max: usize) {
    for pack in packs {
        assert_eq!(pack.content_type, "application/cloudevents-batch+json");
        assert!((1..=events_max).contains(&pack.events.len()));
        let ids = pack.ids().map(|id| Uuid::parse_str(&id).unwrap());
        assert_eq!(pack.id, pack_id(ids).to_string());
        assert!(pack.size <= PAYLOAD_MAX, "{} bytes", pack.size);
        for event in &pack.events {
            assert_eq!(event["specversion"], "1.0");
            assert_eq!(event["source"], "/dlr/default");
            assert_eq!(event["data"]["status"], "delivered");
        }
    }
    let ids: BTreeSet<&str> = packs.iter().map(|pack| pack.id.as_str()).collect();
    assert_eq!(ids.len(), packs.len(), "one pack is stored twice");
}

/// Everything but the processor, and `count` messages whose receipts are in the stream.
async fn waiting(count: usize, client_ref: &str, adjust: impl FnOnce(&mut Config)) -> TestApp {
    let app = TestApp::around(adjust).await;
    let count = i32::try_from(count).unwrap();
    app.sql
        .execute(
            "INSERT INTO orch.sms_messages
                (id, account_id, carrier_id, operator_message_id, status, created_at, client_ref)
             SELECT gen_random_uuid(), gen_random_uuid(), 'acme', n::text, 'sent', now(), $2
             FROM generate_series(1, $1) AS n",
            &[&count, &client_ref],
        )
        .await
        .unwrap();
    let mut confirmations = Vec::new();
    for n in 1..=count {
        let payload = Bytes::from(receipt(&n.to_string(), "DELIVRD"));
        let published = app.gateway().publish("sms.dlr.inbound", payload).await;
        confirmations.push(published.unwrap());
    }
    for confirmation in confirmations {
        confirmation.await.unwrap();
    }
    app
}

/// The ids that the events of all messages have to have.
async fn owed(app: &TestApp, kind: EventKind) -> BTreeSet<String> {
    let rows = app
        .rows("SELECT id, operator_message_id FROM orch.sms_messages")
        .await;
    let id =
        |row: &tokio_postgres::Row| message_event_id(kind, row.get(0), row.get(1), "delivered");
    rows.iter().map(|row| id(row).to_string()).collect()
}

async fn assert_complete(app: &TestApp, packs: &[Pack], kind: EventKind) {
    let found: BTreeSet<String> = counts(packs).into_keys().collect();
    assert_eq!(found, owed(app, kind).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn packed_events_arrive_once_each_under_the_ids_they_always_have() {
    const RECEIPTS: usize = 500;
    let mut app = waiting(RECEIPTS, "order 7", |config| config.events.pack = 64).await;
    app.add_processor().await;
    app.publish(receipt("nobody", "DELIVRD")).await;
    app.drained().await;
    for (stream, kind) in OUTPUTS
        .into_iter()
        .zip([EventKind::Billing, EventKind::Webhook])
    {
        let packs = packs(&app, stream).await;
        assert_well_formed(&packs, 64);
        assert!(packs.len() < RECEIPTS / 4, "{} messages", packs.len());
        assert!(counts(&packs).values().all(|count| *count == 1));
        assert_complete(&app, &packs, kind).await;
    }
    // Events are counted, not messages.
    for (kind, count) in [
        ("billing", RECEIPTS),
        ("webhook", RECEIPTS),
        ("unmatched", 1),
    ] {
        let line = format!(r#"dlr_events_published_total{{kind="{kind}"}} {count}"#);
        assert!(app.counts(&line), "{}", app.metrics());
    }
    // A lone event is an array, too.
    let notices = packs(&app, "SMS_DLR_UNMATCHED").await;
    assert_eq!((notices.len(), notices[0].events.len()), (1, 1));
    assert_eq!(notices[0].events[0]["data"]["reason"], "no_message");

    // A replay puts them into other company, under the ids they had.
    let replay = [
        "events",
        "replay",
        "--subject",
        "webhook.dispatch",
        "--from",
        "1h ago",
        "--to",
        "9999-01-01T00:00:00Z",
        "--rate",
        "300",
        "--json",
    ];
    let before = packs(&app, "WEBHOOK").await.len();
    let replayed = report(&app.config, &replay).await;
    assert_eq!(replayed["published"]["atOnce"], json!(RECEIPTS));
    let packs = packs(&app, "WEBHOOK").await;
    assert!(packs.len() > before);
    assert_well_formed(&packs, 64);
    assert_complete(&app, &packs, EventKind::Webhook).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pack_is_never_larger_than_the_server_takes() {
    let mut long = String::new();
    for n in 0..146 {
        write!(long, "ref {n:03}").unwrap();
    }
    let mut app = waiting(400, &long, |config| config.events.pack = 1_000).await;
    app.add_processor().await;
    app.drained().await;
    for (stream, kind) in OUTPUTS
        .into_iter()
        .zip([EventKind::Billing, EventKind::Webhook])
    {
        let packs = packs(&app, stream).await;
        assert_well_formed(&packs, 1_000);
        assert!(counts(&packs).values().all(|count| *count == 1));
        assert_complete(&app, &packs, kind).await;
        // Such events reach the limit long before their number does.
        let largest = packs.iter().map(|pack| pack.size).max().unwrap();
        assert!(largest > PAYLOAD_MAX - 4_096, "{largest} bytes at most");
    }
    let line = r#"dlr_publish_failures_total{stream="webhook"} 0"#;
    assert!(app.counts(line), "{}", app.metrics());
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_its_acknowledgements_it_repeats_events_in_other_company() {
    let mut app = waiting(300, "order 7", |config| config.events.pack = 64).await;
    let provisioner = jetstream::new(app.connect(Identity::Provisioner).await);
    let webhook = provisioner.get_stream("WEBHOOK").await.unwrap();
    let open = webhook.cached_info().config.clone();
    let shut = jetstream::stream::Config {
        max_message_size: 10,
        ..open.clone()
    };
    provisioner.update_stream(&shut).await.unwrap();
    let log = app.log_file().await;
    let mut process = Process::start(&app.config, &log);
    eventually(
        PATIENCE,
        "bills are out, and webhooks are not",
        async || {
            process.log().contains("WEBHOOK refused an event")
                && !packs(&app, "BILLING").await.is_empty()
        },
    )
    .await;
    process.kill();
    assert!(packs(&app, "WEBHOOK").await.is_empty());
    let (_, unsettled) = app.backlog().await;
    assert!(unsettled > 0);

    provisioner.update_stream(&open).await.unwrap();
    // Packs are off from now on: a lone event is never the pack that it was in.
    app.config.events.pack = 1;
    app.add_processor().await;
    app.drained().await;
    for (stream, kind) in OUTPUTS
        .into_iter()
        .zip([EventKind::Billing, EventKind::Webhook])
    {
        let is_pack = |pack: &Pack| pack.content_type.contains("batch");
        let all = packs(&app, stream).await.into_iter();
        let (packs, lone): (Vec<_>, Vec<_>) = all.partition(is_pack);
        assert_well_formed(&packs, 64);
        // Nothing was acknowledged, so every event is said again, also those that were in a pack.
        assert_eq!(packs.is_empty(), kind == EventKind::Webhook);
        assert_complete(&app, &lone, kind).await;
        assert!(counts(&lone).values().all(|count| *count == 1));
    }
    assert_eq!(app.dispositions().await, [300, 0, 0, 0]);
}
