//! Which message a receipt is about, and what it does to it.

use std::time::Duration;

use dlr::dev::nats::Identity;
use serde_json::json;

use crate::support::{TestApp, eventually, receipt};

#[tokio::test(flavor = "multi_thread")]
async fn out_of_order_receipts_never_move_a_message_backwards() {
    let app = TestApp::start().await;
    let message = app.message("7").await;
    for stat in ["DELIVRD", "ENROUTE", "ACCEPTD", "UNDELIV"] {
        app.publish(receipt("7", stat)).await;
        app.drained().await;
    }
    assert_eq!(
        app.status(message).await,
        ("delivered".into(), Some("DELIVRD".into()))
    );
    let reasons = app
        .column("SELECT coalesce(reason, 'applied') FROM dlr.delivery_receipts ORDER BY seq")
        .await;
    assert_eq!(reasons, ["applied", "not_higher", "not_higher", "conflict"]);
    assert_eq!(app.billing().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrected_final_status_is_billed_again_as_a_correction() {
    let app = TestApp::start().await;
    app.message("7").await;
    for stat in ["UNDELIV", "DELIVRD"] {
        app.publish(receipt("7", stat)).await;
    }
    app.drained().await;
    let corrections: Vec<_> = app
        .billing()
        .await
        .into_iter()
        .map(|event| {
            (
                event.body["data"]["status"].clone(),
                event.body["data"]["correction"].clone(),
            )
        })
        .collect();
    assert_eq!(
        corrections,
        [
            (json!("failed"), json!(false)),
            (json!("delivered"), json!(true))
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_folded_in_stream_order() {
    let mut app = TestApp::around(|_| {}).await;
    let message = app.message("7").await;
    for stat in ["ENROUTE", "ACCEPTD", "ENROUTE", "DELIVRD"] {
        app.publish(receipt("7", stat)).await;
    }
    app.add_processor().await;
    app.drained().await;
    let steps = app
        .column(
            "SELECT format('%s: %s -> %s', disposition, previous_status, status)
             FROM dlr.delivery_receipts ORDER BY seq",
        )
        .await;
    assert_eq!(
        steps,
        [
            "applied: sent -> in_transit",
            "applied: in_transit -> accepted",
            "recorded: accepted -> accepted",
            "applied: accepted -> delivered",
        ]
    );
    assert_eq!(app.status(message).await.0, "delivered");
    let sequences: Vec<_> = app
        .webhooks()
        .await
        .iter()
        .map(|event| event.body["data"]["sequence"].clone())
        .collect();
    assert_eq!(sequences, [json!(1), json!(2), json!(6)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn c7_the_same_id_at_another_carrier_is_another_message() {
    let app = TestApp::start().await;
    let ours = app.message_of("acme", "7").await;
    let theirs = app.message_of("other", "7").await;
    app.publish(receipt("7", "DELIVRD")).await;
    app.drained().await;
    assert_eq!(app.status(ours).await.0, "delivered");
    assert_eq!(app.status(theirs).await.0, "sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn c6_a_carrier_cannot_speak_for_another() {
    let app = TestApp::start().await;
    let theirs = app.message_of("other", "7").await;
    let carrier = async_nats::jetstream::new(app.connect(Identity::Carrier).await);
    let claim = r#"{"carrierId":"other","operatorMessageId":"7","stat":"DELIVRD"}"#;
    let unnamed = r#"{"operatorMessageId":"7","stat":"DELIVRD"}"#;
    for payload in [claim, unnamed] {
        let published = carrier
            .publish("sms.dlr.inbound.acme", payload.into())
            .await
            .unwrap();
        published.await.unwrap();
    }
    app.drained().await;
    assert_eq!(app.status(theirs).await.0, "sent");
    assert_eq!(
        app.column("SELECT reason FROM dlr.rejected_receipts").await,
        ["carrier_mismatch"]
    );
    assert_eq!(
        app.column("SELECT carrier_id FROM dlr.orphaned_receipts")
            .await,
        ["acme"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_early_receipt_waits_for_its_message() {
    let app = TestApp::start().await;
    app.publish(receipt("7", "DELIVRD")).await;
    eventually(
        Duration::from_secs(20),
        "the receipt was sent back to wait",
        async || app.metrics().contains("dlr_delayed_total 1"),
    )
    .await;
    let message = app.message("7").await;
    app.drained().await;
    assert_eq!(app.status(message).await.0, "delivered");
    assert_eq!(app.dispositions().await, [1, 0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_matches_nothing_is_parked_sealed_and_announced() {
    let app = TestApp::start().await;
    app.message("8").await;
    app.message("8").await;
    let contradiction = r#"{"carrierId":"acme","operatorMessageId":"9","stat":"DELIVRD","accountId":"00000000-0000-0000-0000-000000000001"}"#;
    app.message("9").await;
    app.publish(receipt("7", "DELIVRD")).await;
    app.publish(receipt("8", "DELIVRD")).await;
    app.publish(contradiction).await;
    app.drained().await;
    let reasons = app
        .column("SELECT reason FROM dlr.orphaned_receipts ORDER BY seq")
        .await;
    assert_eq!(reasons, ["no_message", "ambiguous", "account_mismatch"]);
    let announced: std::collections::BTreeSet<String> = app
        .unmatched()
        .await
        .iter()
        .map(|event| event.body["data"]["reason"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(announced.len(), 3);
    assert!(app.billing().await.is_empty() && app.webhooks().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_word_and_an_absurd_date_are_kept() {
    let app = TestApp::start().await;
    let message = app.message("7").await;
    app.publish(receipt("7", "RT:0148")).await;
    app.drained().await;
    assert_eq!(app.status(message).await, ("sent".into(), None));
    let kept = app
        .column("SELECT reason || ' ' || stat FROM dlr.delivery_receipts")
        .await;
    assert_eq!(kept, ["unknown_word RT:0148"]);

    app.publish(
        r#"{"carrierId":"acme","operatorMessageId":"7","stat":"DELIVRD","doneDate":"9913990099"}"#,
    )
    .await;
    app.drained().await;
    assert_eq!(app.status(message).await.0, "delivered");
}

#[tokio::test(flavor = "multi_thread")]
async fn c9_the_same_receipt_a_thousand_times_counts_once() {
    let mut app = TestApp::start().await;
    app.add_processor().await;
    let message = app.message("7").await;
    let publish = (0..1_000).map(|_| app.publish(receipt("7", "DELIVRD")));
    futures_util::future::join_all(publish).await;
    app.drained().await;
    assert_eq!(app.status(message).await.0, "delivered");
    assert_eq!(app.dispositions().await, [1, 999, 0, 0]);
    assert_eq!(
        (app.billing().await.len(), app.webhooks().await.len()),
        (1, 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_racing_end_in_the_highest_status() {
    let mut app = TestApp::around(|config| config.pipeline.batch_max = 7).await;
    let mut messages = Vec::new();
    for n in 0..20 {
        messages.push(app.message(&n.to_string()).await);
    }
    let stats = [
        "ENROUTE", "UNDELIV", "ACCEPTD", "DELIVRD", "EXPIRED", "ENROUTE",
    ];
    let mut published = Vec::new();
    for round in 0..30 {
        for n in 0..20 {
            let stat = stats[(round * 7 + n) % stats.len()];
            published.push(app.publish(receipt(&n.to_string(), stat)));
        }
    }
    let count = published.len();
    futures_util::future::join_all(published).await;
    app.add_processor().await;
    app.add_processor().await;
    app.drained().await;
    for message in messages {
        assert_eq!(app.status(message).await.0, "delivered");
    }
    let [applied, recorded, ..] = app.dispositions().await;
    assert_eq!(usize::try_from(applied + recorded).unwrap(), count);
    // Each status of a message is one fact and one event.
    let ids: Vec<String> = app
        .webhooks()
        .await
        .into_iter()
        .map(|event| event.id)
        .collect();
    let distinct: std::collections::BTreeSet<&String> = ids.iter().collect();
    assert_eq!(distinct.len(), ids.len());
    assert_eq!(i64::try_from(ids.len()).unwrap(), applied);
}
