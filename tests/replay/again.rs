//! Events published a second time.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::jetstream;
use bytes::Bytes;
use dlr::broker::layout::Layout;
use dlr::broker::provision::{self, Retention};
use dlr::dev::nats::Identity;
use serde_json::json;

use super::{RECORDED, map_words};
use crate::support::{PATIENCE, TestApp, eventually, receipt, reconcile, report};

/// With streams that forget at once which events they have.
async fn app() -> TestApp {
    let mut app = TestApp::unprovisioned(|_| {}).await;
    let provisioner = jetstream::new(app.connect(Identity::Provisioner).await);
    let mut layout = Layout::of(&app.config.streams);
    for stream in &mut layout.streams {
        stream.duplicate_window = Duration::from_millis(100);
    }
    provision::provision(&provisioner, &layout, Retention::Keep)
        .await
        .unwrap();
    app.add_processor().await;
    app
}

/// The bodies of a stream, by event id.
async fn bodies(app: &TestApp, stream: &str) -> BTreeMap<String, Vec<Bytes>> {
    let client = app.connect(Identity::Reconcile).await;
    let streams = jetstream::with_prefix(client, "JSAPI.reconcile");
    let mut stream = streams.get_stream(stream).await.unwrap();
    let last = stream.info().await.unwrap().state.last_sequence;
    let mut bodies: BTreeMap<String, Vec<Bytes>> = BTreeMap::new();
    for sequence in 1..=last {
        let message = stream.get_raw_message(sequence).await.unwrap();
        let id = message.headers.get("Nats-Msg-Id").unwrap().to_string();
        bodies.entry(id).or_default().push(message.payload);
    }
    bodies
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_decisions_are_published_again_byte_for_byte() {
    let app = app().await;
    for id in ["7", "8", "447700900123"] {
        app.message(id).await;
    }
    app.message_of("other", "7").await;
    for payload in [
        receipt("7", "ENROUTE"),
        receipt("7", "DELIVRD"),
        receipt("7", "UNDELIV"),
        receipt("8", "RT:0148"),
        receipt("nobody", "DELIVRD"),
        // An id that is the receipt's own number is sealed, and part of the event's id.
        r#"{"carrierId":"acme","operatorMessageId":"447700900123","stat":"DELIVRD","destAddr":"+447700900123","doneDate":"2611211200","err":"000"}"#.to_owned(),
        receipt("7", "EXPIRED").replace("acme", "other"),
    ] {
        app.publish(payload).await;
    }
    app.publish(receipt("later", "DELIVRD")).await;
    app.drained().await;
    app.message("later").await;
    eventually(PATIENCE, "the sweeper finds the message", async || {
        app.rows("SELECT FROM dlr.orphan_resolutions").await.len() == 1
    })
    .await;
    map_words(&app.sql, 1, &json!({"RT:0148": "failed"})).await;
    report(&app.config, &RECORDED).await;

    for (stream, subject, counted, of_other) in [
        ("BILLING", "billing.events", [3, 1, 1, 0, 0], 1),
        ("WEBHOOK", "webhook.dispatch", [4, 1, 1, 0, 0], 1),
        ("SMS_DLR_UNMATCHED", "sms.dlr.unmatched", [0, 0, 0, 2, 1], 0),
    ] {
        let first = bodies(&app, stream).await;
        assert!(first.values().all(|bodies| bodies.len() == 1));
        let all = [
            "events",
            "replay",
            "--subject",
            subject,
            "--from",
            "1h ago",
            "--json",
        ];
        let until = ["--to", "9999-01-01T00:00:00Z"];
        let all = [&all[..], &until].concat();
        let dry = report(&app.config, &[&all[..], &["--dry-run"]].concat()).await;
        let [at_once, late, replayed, parked, resolved] = counted;
        let counted = json!({
            "atOnce": at_once, "late": late, "replayed": replayed, "parked": parked,
            "resolved": resolved
        });
        assert_eq!(
            (&dry["counted"], &dry["published"]),
            (&counted, &json!(null))
        );
        let other = [&all[..], &["--carrier", "other", "--dry-run"]].concat();
        let other = report(&app.config, &other).await;
        let total: u64 = (other["counted"].as_object().unwrap().values())
            .map(|count| count.as_u64().unwrap())
            .sum();
        assert_eq!(total, of_other);
        let none = [
            "events",
            "replay",
            "--subject",
            subject,
            "--json",
            "--rate",
            "1",
        ];
        let earlier = ["--from", "3h ago", "--to", "1h ago"];
        let none = report(&app.config, &[&none[..], &earlier].concat()).await;
        assert_eq!(none["published"]["atOnce"], json!(0));
        assert_eq!(bodies(&app, stream).await, first);

        let wet = report(&app.config, &[&all[..], &["--rate", "100"]].concat()).await;
        assert_eq!((&wet["counted"], &wet["published"]), (&counted, &counted));
        let both = bodies(&app, stream).await;
        assert!(both.keys().eq(first.keys()));
        for bodies in both.values() {
            assert_eq!(bodies.len(), 2);
            assert_eq!(bodies[0], bodies[1]);
        }
    }
    let (success, books) = reconcile(&app.onlooker(), &[]).await;
    assert!(success, "{books:#}");
    assert_eq!(books["events"]["webhook"]["repeated"], 6);
}
