//! `dlr reconcile` proves the books from outside, and finds what was taken from them.

use async_nats::jetstream::{self, AckKind, consumer::PullConsumer};
use dlr::config::Config;
use dlr::dev::nats::Identity;
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use crate::support::{self, PATIENCE, TestApp, eventually, receipt};

/// One of each disposition, and one more that is matched after parking.
async fn settled(pack: usize) -> TestApp {
    let mut app = TestApp::with_erasable_streams(|config| {
        config.events.pack = pack;
        // Parked at once.
        config.pipeline.early_waiting_max = 0;
    })
    .await;
    app.add_processor().await;
    app.messages(0..20).await;
    for n in 0..20 {
        app.publish(receipt(&n.to_string(), "DELIVRD")).await;
    }
    app.publish(receipt("7", "DELIVRD")).await;
    app.publish(receipt("nobody's", "DELIVRD")).await;
    app.publish("no receipt").await;
    app.drained().await;
    app
}

/// Whether it exits with 0, and what it says.
async fn reconcile(app: &TestApp, args: &[&str]) -> (bool, Value) {
    support::reconcile(&app.onlooker(), args).await
}

/// What somebody may do who owns the streams.
async fn owner(app: &TestApp) -> jetstream::Context {
    jetstream::new(app.connect(Identity::Provisioner).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn books_that_balance_are_accounted_for() {
    for pack in [1, 8] {
        let app = settled(pack).await;
        let (success, report) = reconcile(&app, &[]).await;
        assert!(success, "{report:#}");
        assert_eq!(report["verdict"], "accounted");
        assert_eq!(report["checked"], 23);
        let dispositions = json!({ "applied": 20, "recorded": 1, "parked": 1, "rejected": 1 });
        assert_eq!(report["dispositions"], dispositions);
        assert_eq!(report["events"]["billing"]["found"], 20);
        assert_eq!(report["events"]["webhook"]["found"], 20);
        assert_eq!(report["events"]["unmatched"]["found"], 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_matched_late_is_accounted_for() {
    let app = settled(1).await;
    app.message("nobody's").await;
    eventually(PATIENCE, "it is resolved", async || {
        !app.rows("SELECT FROM dlr.orphan_resolutions")
            .await
            .is_empty()
    })
    .await;
    let (success, report) = reconcile(&app, &[]).await;
    assert!(success, "{report:#}");
    assert_eq!(report["parked"]["matched"], 1);
    assert_eq!(report["events"]["webhook"]["found"], 21);
    assert_eq!(report["events"]["unmatched"]["found"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_receipt_row_is_a_gap_and_leaves_its_events_without_a_receipt() {
    let app = settled(1).await;
    app.sql
        .batch_execute("DELETE FROM dlr.delivery_receipts WHERE seq = 5")
        .await
        .unwrap();
    let (success, report) = reconcile(&app, &[]).await;
    assert!(!success);
    assert_eq!(report["verdict"], "amiss");
    let gaps = json!({ "count": 1, "first": [{ "sequences": [5, 5], "inStream": true }] });
    assert_eq!(report["withoutDisposition"], gaps);
    for kind in ["billing", "webhook"] {
        assert_eq!(report["events"][kind]["unexpected"]["count"], 1);
        assert_eq!(report["events"][kind]["missing"]["count"], 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_event_is_missing() {
    let app = settled(1).await;
    let webhooks = owner(&app).await.get_stream("WEBHOOK").await.unwrap();
    let event = webhooks.get_raw_message(9).await.unwrap();
    let event: Value = serde_json::from_slice(&event.payload).unwrap();
    webhooks.delete_message(9).await.unwrap();
    let receipt = event["data"]["receiptId"].as_str().unwrap();
    let lost = format!("SELECT seq FROM dlr.delivery_receipts WHERE receipt_id = '{receipt}'");
    let lost: i64 = app.rows(&lost).await[0].get(0);
    let (success, report) = reconcile(&app, &[]).await;
    assert!(!success);
    assert_eq!(report["verdict"], "amiss");
    assert_eq!(
        report["events"]["webhook"]["missing"],
        json!({ "count": 1, "first": [lost] })
    );
    assert_eq!(report["events"]["billing"]["missing"]["count"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lines_tell_what_to_do_next() {
    let app = settled(1).await;
    let said = async |config: &Config| {
        let output = support::run(config, &["reconcile"]).await;
        String::from_utf8(output.stdout).unwrap()
    };
    let all_is_well = said(&app.onlooker()).await;
    assert!(
        all_is_well.ends_with("\nall accounted for\n"),
        "{all_is_well}"
    );

    let billing = owner(&app).await.get_stream("BILLING").await.unwrap();
    billing.delete_message(9).await.unwrap();
    let lost = said(&app.onlooker()).await;
    for expected in [
        "  1 receipts whose event is missing: ",
        "\nNOT ALL ACCOUNTED FOR\n",
        "`dlr inspect SEQUENCE`",
        "`dlr events replay`",
    ] {
        assert!(lost.contains(expected), "no {expected:?} in:\n{lost}");
    }

    let mut elsewhere = app.onlooker();
    elsewhere.deployment.name = "elsewhere".to_owned();
    let misnamed = said(&elsewhere).await;
    assert!(misnamed.contains("is deployment.name"), "{misnamed}");
    assert!(!misnamed.contains("replay"), "{misnamed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_envelope_is_a_gap() {
    let mut app = settled(1).await;
    app.stop_processors().await;
    let lost = app.publish(receipt("3", "DELIVRD")).await;
    let consumer: PullConsumer = owner(&app)
        .await
        .get_consumer_from_stream("dlr-processor", "SMS_DLR")
        .await
        .unwrap();
    let batch = consumer.batch().max_messages(1).expires(PATIENCE);
    let mut envelopes = batch.messages().await.unwrap();
    let envelope = envelopes.next().await.unwrap().unwrap();
    envelope.double_ack_with(AckKind::Ack).await.unwrap();
    let (success, report) = reconcile(&app, &[]).await;
    assert!(!success);
    let gaps = json!({ "count": 1, "first": [{ "sequences": [lost, lost], "inStream": true }] });
    assert_eq!(report["withoutDisposition"], gaps);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_disposition_and_rows_that_contradict_one_another_are_found() {
    let app = settled(1).await;
    app.sql
        .batch_execute(
            "INSERT INTO dlr.orphaned_receipts (stored_at, stream, seq, receipt_id, carrier_id, reason,
                 deliveries, parked_at, payload_sealed)
             SELECT stored_at, stream, seq, receipt_id, carrier_id, 'no_message', 1, now(),
                 decode(repeat('00', 60), 'hex')
             FROM dlr.delivery_receipts WHERE seq = 2;
             INSERT INTO dlr.orphan_resolutions (stored_at, stream, seq, receipt_id, resolution,
                 resolved_at, resolved_by)
             SELECT stored_at, stream, seq, receipt_id, 'lapsed', now(), 'nobody'
             FROM dlr.delivery_receipts WHERE seq = 4",
        )
        .await
        .unwrap();
    let (success, report) = reconcile(&app, &[]).await;
    assert!(!success);
    assert_eq!(report["withSeveral"], json!({ "count": 1, "first": [2] }));
    assert_eq!(report["contradictory"], json!({ "count": 1, "first": [4] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_given_twice_is_found() {
    let app = settled(1).await;
    // What repeated a status was recorded; somebody counts it again.
    let again = "UPDATE dlr.delivery_receipts SET disposition = 'applied', reason = NULL
         WHERE disposition = 'recorded' RETURNING seq";
    let sequence: i64 = app.rows(again).await[0].get(0);
    let (success, report) = reconcile(&app, &[]).await;
    assert!(!success);
    let twice = json!({ "count": 1, "first": [sequence] });
    assert_eq!(report["appliedTwice"], twice, "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_checked_is_no_success() {
    let mut app = TestApp::in_one_account(|_| {}).await;
    let (success, report) = reconcile(&app, &[]).await;
    assert!(!success);
    assert_eq!(report["verdict"], "unchecked");
    assert_eq!(report["events"]["webhook"]["stream"], "WEBHOOK");
    // Delivered and not settled is nothing to check, either.
    app.publish(receipt("7", "DELIVRD")).await;
    let (success, report) = reconcile(&app, &[]).await;
    assert!(!success, "{report:#}");
    app.add_processor().await;
    app.drained().await;
    let (success, report) = reconcile(&app, &[]).await;
    assert!(success, "{report:#}");
    let (success, report) = reconcile(&app, &["--since", "1ms ago"]).await;
    assert!(!success, "{report:#}");
    assert_eq!(report["checked"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_a_stream_no_longer_has_are_not_called_missing_nor_all_checked() {
    let app = settled(1).await;
    let billing = owner(&app).await.get_stream("BILLING").await.unwrap();
    billing.purge().await.unwrap();
    let (success, report) = reconcile(&app, &[]).await;
    assert!(!success);
    assert_eq!(report["verdict"], "unchecked");
    assert_eq!(report["events"]["billing"]["tooOld"], 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_runs_beside_a_processor_at_work() {
    let mut app = TestApp::around(|_| {}).await;
    app.add_processor().await;
    app.messages(0..3_000).await;
    let publish = async {
        for n in 0..3_000 {
            app.publish(receipt(&n.to_string(), "DELIVRD")).await;
        }
    };
    let check = async {
        let mut checked = 0;
        while checked < 2_000 {
            let (success, report) = reconcile(&app, &[]).await;
            checked = report["checked"].as_u64().unwrap();
            assert!(success || checked == 0, "{report:#}");
        }
    };
    tokio::join!(publish, check);
    app.drained().await;
    let (success, report) = reconcile(&app, &[]).await;
    assert!(success && report["checked"] == 3_000, "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn since_reaches_back_behind_what_the_stream_has() {
    let app = settled(1).await;
    let inbound = owner(&app).await.get_stream("SMS_DLR").await.unwrap();
    inbound.purge().sequence(11).await.unwrap();
    let (success, report) = reconcile(&app, &[]).await;
    assert!(success, "{report:#}");
    assert_eq!(
        (&report["first"], &report["checked"]),
        (&json!(11), &json!(13))
    );
    app.sql
        .batch_execute("DELETE FROM dlr.delivery_receipts WHERE seq = 5")
        .await
        .unwrap();
    let (success, report) = reconcile(&app, &["--since", "1h ago"]).await;
    assert!(!success);
    assert_eq!(report["checked"], 23);
    let gaps = json!({ "count": 1, "first": [{ "sequences": [5, 5], "inStream": false }] });
    assert_eq!(report["withoutDisposition"], gaps);
}
