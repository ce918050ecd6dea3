//! The canary: phone numbers planted wherever a receipt can carry one, and sought wherever the
//! processor leaves a trace.

mod canary;
mod commands;
mod ways;

use bytes::Bytes;
use dlr::dev::nats::Identity;
use dlr::seal::{KeyRing, Place, Purpose};
use rustix::process::Signal;
use uuid::Uuid;

use self::canary::{PLANTED, found};
use crate::support::{PATIENCE, Process, TestApp, eventually, http, servers};

/// Numbers in everything that may hold text.
const FULL: &str = r#""sourceAddr":"+447700900234","destAddr":"447700900123",
    "err":"447700900345","networkErrorCode":"447700900456","submitDate":"447700900567",
    "doneDate":"+44 7700 900567","sub":"44770090","dlvrd":"44770090",
    "rawPayload":"id:447700900123 sub:001 dlvrd:001 stat:DELIVRD text:call +447700900678",
    "msisdn":"447700900890","extra":{"447700900890":["+447700900890",447700900890]}"#;

fn payload(id: &str, stat: &str, more: &str) -> String {
    format!(r#"{{"carrierId":"acme","operatorMessageId":"{id}","stat":"{stat}",{more}}}"#)
}

/// What ends as applied or recorded, given the messages of [`fill`].
fn matched() -> Vec<String> {
    vec![
        payload("447700900123", "DELIVRD", FULL),
        payload("447700900123", "UNDELIV", FULL),
        payload("2", "DND_447700900789", r#""destAddr":"+447700900123""#),
        payload(
            "3",
            "447700900789",
            r#""tlv":{"networkErrorCode":"447700900456"}"#,
        ),
        payload(
            "4",
            "DELIVRD",
            r#""destAddr":"+44 7700 900123","err":"to 447-700-900-123""#,
        ),
        payload(
            "5",
            "DELIVRD",
            r#""destAddr":"441212012345","doneDate":"441212012345""#,
        ),
        payload(
            "6",
            "ENROUTE",
            r#""sourceAddr":"+441212012345","submitDate":"441212012345""#,
        ),
        payload(
            "7",
            "DELIVRD",
            r#""destAddr":"447700900123","err":"E5 44 7700 900123 barred""#,
        ),
    ]
}

/// What is parked: no message, two messages, another account's.
fn parked() -> Vec<String> {
    vec![
        payload("nobody-1", "447700900789", FULL),
        payload(
            "447700900123",
            "DELIVRD",
            r#""carrierId2":"x","destAddr":"+447700900123""#,
        )
        .replace("acme", "other"),
        payload("447700900334", "DELIVRD", r#""sourceAddr":"+447700900334""#),
        payload(
            "3",
            "DELIVRD",
            r#""accountId":"00000000-0000-0000-0000-447700900112""#,
        ),
        payload(
            "3",
            "DELIVRD",
            r#""messageId":"00000000-0000-0000-0000-447700900112""#,
        ),
    ]
}

/// What is rejected, each for another reason.
fn rejected() -> Vec<String> {
    vec![
        payload("1", "DELIVRD", r#""accountId":"447700900112""#),
        payload("1", "DELIVRD", r#""destAddr":447700900112"#),
        payload("1", "DELIVRD", r#""receivedAt":"447700900112""#),
        payload("1", "DELIVRD", r#""messageState":447700900112"#),
        payload(
            "1",
            "DELIVRD",
            r#""err":"447700900112 447700900112 447700900112""#,
        ),
        payload("+44 7700 900112", "DELIVRD", r#""x":1"#),
        payload("1", "+447700900112", r#""x":1"#),
        payload(
            "1",
            "DELIVRD",
            r#""destAddr":"+447700900112","destAddr":"+447700900112""#,
        ),
        payload("1", "DELIVRD", r#""destAddr":"+447700900112\u0000""#),
        payload("1", "DELIVRD", r#""destAddr":"+447700900112"#),
        payload("1", "DELIVRD", r#""x":1"#).replace("acme", "+447700900112"),
        "id:447700900112 sub:001 dlvrd:001 stat:DELIVRD".to_owned(),
    ]
}

async fn fill(app: &TestApp) {
    for id in [
        "447700900123",
        "2",
        "3",
        "4",
        "5",
        "6",
        "7",
        "first",
        "twice",
        "twice",
    ] {
        app.message(id).await;
    }
}

/// Publishes with numbers in the headers too; returns how many.
async fn publish(app: &TestApp, payloads: Vec<impl Into<Bytes>>) -> usize {
    let count = payloads.len();
    for payload in payloads {
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("X-To", "+447700900901");
        headers.insert("Nats-Msg-Id", format!("447700900901/{}", Uuid::new_v4()));
        let subject = app.config.streams.inbound_subject.clone();
        let published = app
            .gateway()
            .publish_with_headers(subject, headers, payload.into());
        published.await.unwrap().await.unwrap();
    }
    count
}

/// A processor that commits and can confirm nothing, killed: what it held is delivered again to
/// the next one.
async fn held_by_a_dead_processor(app: &TestApp, log: &std::path::Path) {
    let twice = payload("twice", "DELIVRD", FULL);
    publish(app, vec![payload("first", "DELIVRD", FULL), twice]).await;
    let mut config = app.config.clone();
    config.streams.webhook = "SOMEBODY_ELSE".into();
    config.streams.unmatched = "SOMEBODY_ELSE".into();
    let mut process = Process::start(&config, log);
    eventually(PATIENCE, "both are committed", async || {
        app.dispositions().await == [1, 0, 1, 0]
    })
    .await;
    process.kill();
    assert_eq!(app.backlog().await, (0, 2));
    // Instead of waiting for `ack_wait`: gives back in the dead one's name what it held, for when
    // its open pulls have expired.
    let heir = app.connect(Identity::Processor).await;
    for sequence in 1..=2 {
        let reply = format!("$JS.ACK.SMS_DLR.dlr-processor.1.{sequence}.{sequence}.1.0");
        heir.publish(reply, r#"-NAK {"delay":4000000000}"#.into())
            .await
            .unwrap();
    }
    heir.flush().await.unwrap();
}

/// Messages for two of the parked: one says a word that may be a number, the other's id is one.
async fn match_two_late(app: &TestApp) {
    app.message("nobody-1").await;
    app.message("447700900334").await;
    eventually(PATIENCE, "two parked receipts are matched", async || {
        app.rows("SELECT FROM dlr.orphan_resolutions").await.len() == 2
    })
    .await;
}

/// Every row of the processor's own tables as text, and of the orchestrator's what it writes.
async fn database(app: &TestApp) -> String {
    let tables = app
        .column(
            "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class AS c
             JOIN pg_namespace AS n ON n.oid = c.relnamespace
             WHERE n.nspname IN ('dlr', 'dlr_conf') AND c.relkind IN ('r', 'p')
               AND NOT c.relispartition ORDER BY 1",
        )
        .await;
    assert!(tables.len() >= 7, "{tables:?}");
    let mut text = app
        .column("SELECT (status, dlr_status, dlr_received_at, processed_at)::text FROM orch.sms_messages")
        .await
        .join("\n");
    for table in tables {
        text += &app
            .column(&format!("SELECT t::text FROM {table} AS t"))
            .await
            .join("\n");
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn c20_a_phone_number_shows_up_nowhere_and_is_not_lost() {
    let app = TestApp::around(|config| config.telemetry.log = "trace".to_owned()).await;
    fill(&app).await;
    ways::fill(&app).await;
    let folder = servers().await.supervisor.folder();
    let logs =
        ["dead", "heir"].map(|who| folder.join(format!("{}-{who}.log", app.database.name())));
    held_by_a_dead_processor(&app, &logs[0]).await;

    let mut process = Process::start(&app.config, &logs[1]);
    let (matched, parked, rejected) = (
        publish(&app, matched()).await + publish(&app, ways::matched()).await,
        publish(&app, parked()).await + publish(&app, ways::parked()).await,
        publish(&app, rejected()).await,
    );
    app.drained().await;
    let [applied, recorded, parked_now, rejected_now] = app
        .dispositions()
        .await
        .map(|count| usize::try_from(count).unwrap());
    assert_eq!(
        [applied + recorded, parked_now, rejected_now],
        [matched + 1, parked + 1, rejected]
    );
    assert!(recorded > 0, "both paths are walked");
    match_two_late(&app).await;
    let said = commands::said(&app).await;
    let probes = process.probes().await;
    let (_, ready) = http(probes, "GET", "/ready").await;
    let (_, metrics) = http(probes, "GET", "/metrics").await;
    assert!(!metrics.contains("dlr_redeliveries_total 0"), "{metrics}");
    process.signal(Signal::TERM);
    assert!(process.ended(PATIENCE).await.success(), "{}", process.log());

    let log = logs
        .map(|log| std::fs::read_to_string(log).unwrap())
        .join("\n");
    assert!(log.contains(r#""level":"DEBUG""#));
    for (place, text) in [
        ("the log", log),
        ("the commands", said),
        ("/ready", ready),
        ("/metrics", metrics),
        ("BILLING", app.stream_text("BILLING").await),
        ("WEBHOOK", app.stream_text("WEBHOOK").await),
        (
            "SMS_DLR_UNMATCHED",
            app.stream_text("SMS_DLR_UNMATCHED").await,
        ),
        ("PostgreSQL", database(&app).await),
    ] {
        assert!(!text.is_empty(), "{place}");
        assert_eq!(found(&text), [], "{place}");
    }
    // The same eyes see them where they came in.
    let inbound = app.stream_text("SMS_DLR").await;
    for number in PLANTED {
        assert!(
            found(&inbound).iter().any(|(hit, _)| *hit == number),
            "{number} was not planted"
        );
    }
    recoverable(&app).await;
}

/// Whoever holds the keys reads what was said.
async fn recoverable(app: &TestApp) {
    let ring = KeyRing::load(&app.config.seal.keyring_file).unwrap();
    let parked = app
        .rows("SELECT receipt_id, carrier_id, payload_sealed FROM dlr.orphaned_receipts WHERE reason = 'ambiguous'")
        .await;
    let place = Place {
        table: "orphaned_receipts",
        column: "payload_sealed",
        row: parked[0].get(0),
        carrier: parked[0].get(1),
        account: None,
    };
    let opened = ring
        .open(Purpose::Parked, &place, parked[0].get(2))
        .unwrap();
    assert_eq!(*opened, *payload("twice", "DELIVRD", FULL).as_bytes());

    let applied = app
        .rows(
            "SELECT receipt_id, carrier_id, account_id, personal_sealed FROM dlr.delivery_receipts
             WHERE operator_message_id IS NULL AND disposition = 'applied' AND NOT late",
        )
        .await;
    let place = Place {
        table: "delivery_receipts",
        column: "personal_sealed",
        row: applied[0].get(0),
        carrier: applied[0].get(1),
        account: Some(applied[0].get(2)),
    };
    let opened = ring
        .open(Purpose::Msisdn, &place, applied[0].get(3))
        .unwrap();
    let opened = std::str::from_utf8(&opened).unwrap();
    for number in &PLANTED[..5] {
        assert!(
            found(opened).contains(&(number, "plain"))
                || found(opened).contains(&(number, "separated"))
        );
    }
}
