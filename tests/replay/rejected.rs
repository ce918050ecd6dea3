//! A reader that reads what an earlier one rejected.

use async_nats::jetstream;
use dlr::dev::nats::Identity as Account;
use dlr::receipt::ids::Identity;
use dlr::seal::{KeyRing, Place, Purpose};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::{PATIENCE, TestApp, eventually, receipt, report};

const REJECTED: [&str; 3] = ["replay", "--rejected", "--json"];

/// The identity of an envelope in the inbound stream.
async fn identity(app: &TestApp, sequence: u64) -> Identity {
    let client = app.connect(Account::Reconcile).await;
    let streams = jetstream::with_prefix(client, "JSAPI.reconcile");
    let stream = streams.get_stream("SMS_DLR").await.unwrap();
    let message = stream.get_raw_message(sequence).await.unwrap();
    Identity {
        stream: "SMS_DLR".into(),
        sequence,
        stored_ns: i64::try_from(message.time.unix_timestamp_nanos()).unwrap(),
    }
}

/// What an earlier version, with another reader, would have stored of an envelope.
async fn rejected(app: &TestApp, identity: &Identity) {
    let insert = "INSERT INTO dlr.rejected_receipts (stored_at, stream, seq, receipt_id, reason,
            payload_length, fingerprint, fingerprint_kid, rejected_at)
        VALUES ($1, 'SMS_DLR', $2, $3, 'bad_timestamp', 7, decode(repeat('00', 16), 'hex'), 1, now())";
    let stored_at: Timestamp = identity.stored_at();
    let sequence = identity.sequence.cast_signed();
    app.sql
        .execute(insert, &[&stored_at, &sequence, &identity.receipt_id().0])
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_read_by_now_is_parked_and_stays_rejected() {
    let mut app = TestApp::around(|config| config.sweep.enabled = false).await;
    let readable = app.publish(receipt("7", "DELIVRD")).await;
    let broken = app.publish("no receipt").await;
    let other = app
        .publish(r#"{"carrierId":"other","operatorMessageId":"7","stat":"DELIVRD"}"#)
        .await;
    let foreign = app.publish(receipt("8", "DELIVRD")).await;
    for sequence in [readable, broken, other] {
        rejected(&app, &identity(&app, sequence).await).await;
    }
    // Of a stream that was made anew, and of an envelope that is gone by its age.
    let mut replaced = identity(&app, foreign).await;
    replaced.stored_ns -= 1_000_000;
    rejected(&app, &replaced).await;
    rejected(
        &app,
        &Identity {
            sequence: 99,
            ..replaced
        },
    )
    .await;

    let mut config = app.config.clone();
    config.nats = app.nats.config(Account::Reconcile);
    let counts = json!({
        "found": 5, "redrivenBefore": 0, "gone": 1, "replaced": 1, "otherCarrier": 1,
        "rejected": {"unknown_encoding": 1}, "parked": 1
    });
    let of_acme = [&REJECTED[..], &["--carrier", "acme"]].concat();
    let dry = report(&config, &[&of_acme[..], &["--dry-run"]].concat()).await;
    assert_eq!((&dry["planned"], &dry["done"]), (&counts, &json!(null)));
    assert!(
        app.rows("SELECT FROM dlr.orphaned_receipts")
            .await
            .is_empty()
    );
    let wet = report(&config, &of_acme).await;
    assert_eq!((&wet["planned"], &wet["done"]), (&counts, &counts));
    let rows = app
        .rows("SELECT reason, stat, receipt_id, carrier_id, payload_sealed FROM dlr.orphaned_receipts")
        .await;
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (rows[0].get::<_, &str>(0), rows[0].get::<_, &str>(1)),
        ("redriven", "DELIVRD")
    );
    let ring = KeyRing::load(&app.config.seal.keyring_file).unwrap();
    let place = Place {
        table: "orphaned_receipts",
        column: "payload_sealed",
        row: rows[0].get(2),
        carrier: rows[0].get(3),
        account: None,
    };
    let payload = ring.open(Purpose::Parked, &place, rows[0].get(4)).unwrap();
    assert_eq!(*payload, *receipt("7", "DELIVRD").as_bytes());
    assert_eq!(app.dispositions().await, [0, 0, 0, 5]);

    let sequence = readable.to_string();
    let one = [&REJECTED[..], &["--sequence", &sequence]].concat();
    let again = report(&config, &one).await;
    assert_eq!(again["done"]["found"], json!(1));
    assert_eq!(again["done"]["redrivenBefore"], json!(1));
    assert_eq!(again["done"]["parked"], json!(0));
    assert!(app.unmatched().await.is_empty(), "nothing is published");

    // Delivered again, it is what it was: rejected, and nobody else's to announce.
    app.add_processor().await;
    app.drained().await;
    assert!(
        app.metrics()
            .contains(r#"dlr_events_published_total{kind="unmatched"} 1"#),
        "{}",
        app.metrics()
    );
    assert_eq!(app.dispositions().await, [0, 0, 1, 5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_rejected_first_is_matched_late() {
    let mut app = TestApp::around(|_| {}).await;
    let sequence = app.publish(receipt("7", "DELIVRD")).await;
    rejected(&app, &identity(&app, sequence).await).await;
    let mut config = app.config.clone();
    config.nats = app.nats.config(Account::Reconcile);
    let done = report(&config, &REJECTED).await;
    assert_eq!(done["done"]["parked"], json!(1));

    app.add_processor().await;
    app.drained().await;
    let message = app.message("7").await;
    eventually(PATIENCE, "the sweeper finds the message", async || {
        app.rows("SELECT FROM dlr.orphan_resolutions").await.len() == 1
    })
    .await;
    assert_eq!(app.status(message).await.0, "delivered");
    assert_eq!(app.dispositions().await, [0, 0, 0, 1]);
    assert_eq!(app.webhooks().await[0].body["data"]["late"], json!(true));
    let resolutions: Vec<Value> = (app.unmatched().await.iter())
        .map(|notice| notice.body["data"]["resolution"].clone())
        .collect();
    assert_eq!(resolutions, [json!(null), json!("matched")]);
}
