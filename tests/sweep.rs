//! Parked receipts are looked at again: matched late, or lapsed.

mod load;
mod parking;
mod times;
mod trouble;
mod turns;

use std::time::Duration;

use dlr::receipt::profile::{Profile, Profiles};
use serde_json::{Value, json};

use self::parking::{Row, park, ring};
use crate::support::{PATIENCE, TestApp, eventually, receipt};

/// Parks what is published, by a processor that does not sweep, and stops that.
async fn parked(payloads: &[String]) -> TestApp {
    let mut app = TestApp::start_with(|config| config.sweep.enabled = false).await;
    for payload in payloads {
        app.publish(payload.clone()).await;
    }
    app.drained().await;
    app.stop_processors().await;
    let count = i64::try_from(payloads.len()).unwrap();
    assert_eq!(app.dispositions().await, [0, 0, count, 0]);
    // On a crowded machine it takes batches that are seconds apart, and each is looked at in its time.
    let at_once = "UPDATE dlr.orphaned_receipts
         SET parked_at = (SELECT max(parked_at) FROM dlr.orphaned_receipts)";
    app.sql.batch_execute(at_once).await.unwrap();
    app.config.sweep.enabled = true;
    app
}

/// Waits until so many parked receipts have ended.
async fn resolved(app: &TestApp, count: usize) {
    eventually(PATIENCE, "the parked receipts are resolved", async || {
        app.rows("SELECT FROM dlr.orphan_resolutions").await.len() == count
    })
    .await;
}

async fn resolutions(app: &TestApp) -> Vec<String> {
    app.column(
        "SELECT resolution || ' by ' || resolved_by FROM dlr.orphan_resolutions ORDER BY seq",
    )
    .await
}

/// `reason` and `resolution` of the notices, in order.
async fn notices(app: &TestApp) -> Vec<(Value, Value)> {
    let notices = app.unmatched().await.into_iter();
    notices
        .map(|event| {
            let data = &event.body["data"];
            (data["reason"].clone(), data["resolution"].clone())
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_whose_message_comes_after_parking_is_matched_late() {
    let app = TestApp::start().await;
    let sequence = app.publish(receipt("7", "DELIVRD")).await;
    app.drained().await;
    assert_eq!(app.dispositions().await, [0, 0, 1, 0]);

    let message = app.message("7").await;
    resolved(&app, 1).await;
    assert_eq!(resolutions(&app).await, ["matched by sweeper"]);
    assert_eq!(
        app.status(message).await,
        ("delivered".into(), Some("DELIVRD".into()))
    );
    let row = app
        .rows(
            "SELECT r.seq, r.late, r.disposition, r.receipt_id = p.receipt_id AND r.receipt_id = e.receipt_id
             FROM dlr.delivery_receipts AS r
             JOIN dlr.orphaned_receipts AS p USING (stored_at, stream, seq)
             JOIN dlr.orphan_resolutions AS e USING (stored_at, stream, seq)",
        )
        .await;
    assert_eq!(row[0].get::<_, i64>(0).cast_unsigned(), sequence);
    assert!(row[0].get::<_, bool>(1) && row[0].get::<_, bool>(3));
    assert_eq!(row[0].get::<_, &str>(2), "applied");

    let (billing, webhooks) = (app.billing().await, app.webhooks().await);
    assert_eq!((billing.len(), webhooks.len()), (1, 1));
    for event in billing.iter().chain(&webhooks) {
        let data = &event.body["data"];
        assert_eq!(
            (&data["late"], &data["status"]),
            (&json!(true), &json!("delivered"))
        );
        assert_eq!(data["messageId"], json!(message.id));
    }
    let no_message = json!("no_message");
    assert_eq!(
        notices(&app).await,
        [
            (no_message.clone(), Value::Null),
            (no_message, json!("matched"))
        ]
    );
    let ids: Vec<String> = app.unmatched().await.into_iter().map(|it| it.id).collect();
    assert_ne!(ids[0], ids[1]);
    // Its disposition stays what it was.
    assert_eq!(app.dispositions().await, [0, 0, 1, 0]);
    assert!(app.counts(r#"dlr_resolved_total{resolution="matched"} 1"#));
    assert!(app.counts("dlr_sweep_active 1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn parked_receipts_of_one_message_fold_like_first_deliveries() {
    let stats = ["ENROUTE", "UNDELIV", "UNDELIV", "DELIVRD", "EXPIRED"];
    let mut app = parked(&stats.map(|stat| receipt("7", stat))).await;
    let message = app.message("7").await;
    app.add_processor().await;
    resolved(&app, 5).await;
    let steps = app
        .column(
            "SELECT format('%s: %s -> %s', coalesce(reason, disposition), previous_status, status)
             FROM dlr.delivery_receipts WHERE late ORDER BY seq",
        )
        .await;
    assert_eq!(
        steps,
        [
            "applied: sent -> in_transit",
            "applied: in_transit -> failed",
            "not_higher: failed -> failed",
            "applied: failed -> delivered",
            "conflict: delivered -> delivered",
        ]
    );
    assert_eq!(app.status(message).await.0, "delivered");
    let corrections: Vec<Value> = app
        .billing()
        .await
        .iter()
        .map(|event| event.body["data"]["correction"].clone())
        .collect();
    assert_eq!(corrections, [json!(false), json!(true)]);
    assert_eq!(app.webhooks().await.len(), 3);
    assert_eq!(resolutions(&app).await, ["matched by sweeper"; 5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_match_of_a_settled_message_is_recorded() {
    let mut app = parked(&[receipt("7", "UNDELIV")]).await;
    let message = app.message("7").await;
    app.sql
        .batch_execute("UPDATE orch.sms_messages SET status = 'delivered'")
        .await
        .unwrap();
    app.add_processor().await;
    resolved(&app, 1).await;
    assert_eq!(resolutions(&app).await, ["matched by sweeper"]);
    assert_eq!(
        app.column("SELECT reason FROM dlr.delivery_receipts").await,
        ["conflict"]
    );
    assert_eq!(app.status(message).await, ("delivered".into(), None));
    assert!(app.billing().await.is_empty() && app.webhooks().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn contradictions_keep_their_reason_and_match_when_they_go() {
    let account = "00000000-0000-0000-0000-000000000001";
    let other_account = format!(
        r#"{{"carrierId":"acme","operatorMessageId":"9","stat":"DELIVRD","accountId":"{account}"}}"#
    );
    let app = TestApp::start().await;
    app.message("8").await;
    let twin = app.message("8").await;
    app.message("9").await;
    app.publish(receipt("8", "DELIVRD")).await;
    app.publish(other_account).await;
    app.drained().await;
    eventually(PATIENCE, "both are looked at in vain", async || {
        app.counts("dlr_sweep_rows_total 2")
    })
    .await;
    assert!(resolutions(&app).await.is_empty());

    let mend = format!(
        "DELETE FROM orch.sms_messages WHERE id = '{}';
         UPDATE orch.sms_messages SET account_id = '{account}' WHERE operator_message_id = '9'",
        twin.id
    );
    app.sql.batch_execute(&mend).await.unwrap();
    resolved(&app, 2).await;
    let mut said = notices(&app).await;
    said.sort_by_key(|(reason, resolution)| (reason.to_string(), resolution.to_string()));
    let matched = json!("matched");
    assert_eq!(
        said,
        [
            (json!("account_mismatch"), matched.clone()),
            (json!("account_mismatch"), Value::Null),
            (json!("ambiguous"), matched),
            (json!("ambiguous"), Value::Null),
        ]
    );
    assert_eq!(
        app.column("SELECT DISTINCT status FROM orch.sms_messages")
            .await,
        ["delivered"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_finds_no_message_within_the_horizon_lapses() {
    let app = TestApp::start_with(|config| {
        config.pipeline.horizon = Duration::from_secs(3);
    })
    .await;
    app.publish(receipt("7", "DELIVRD")).await;
    app.drained().await;
    resolved(&app, 1).await;
    assert_eq!(resolutions(&app).await, ["lapsed by sweeper"]);
    let notices = app.unmatched().await;
    assert_eq!(notices.len(), 2);
    let (lapsed, data) = (&notices[1].body, &notices[1].body["data"]);
    assert_eq!(data["resolution"], json!("lapsed"));
    // Its time is when it lapsed, not when that was noticed: the same in every repetition.
    let time = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let waited = time(&lapsed["time"]).duration_since(time(&data["parkedAt"]));
    assert_eq!(waited, jiff::SignedDuration::from_secs(3));
    assert!(app.webhooks().await.is_empty());

    // And that is the end of it.
    app.message("7").await;
    app.publish(receipt("8", "DELIVRD")).await;
    app.drained().await;
    resolved(&app, 2).await;
    assert_eq!(app.webhooks().await.len(), 0);
    assert_eq!(app.dispositions().await, [0, 0, 2, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_is_parked_long_after_it_came_keeps_its_message() {
    let mut app = TestApp::around(|config| {
        config.pipeline.horizon = Duration::from_hours(24);
    })
    .await;
    let message = app.message("7").await;
    let redriven = Row {
        reason: "redriven",
        parked_ago: 50.0 * 3_600.0,
        ..Row::new(1, receipt("7", "DELIVRD"))
    };
    park(&app, &ring(&app), &[redriven]).await;
    let past = "UPDATE orch.sms_messages SET created_at = now() - interval '60 hours';
         UPDATE dlr.orphaned_receipts SET parked_at = now()";
    app.sql.batch_execute(past).await.unwrap();
    app.add_processor().await;
    resolved(&app, 1).await;
    assert_eq!(resolutions(&app).await, ["matched by sweeper"]);
    assert_eq!(app.status(message).await.0, "delivered");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_profile_makes_its_carriers_receipts_due_at_once() {
    let mut app = TestApp::around(|_| {}).await;
    park(&app, &ring(&app), &[Row::new(1, receipt("7", "DELIVRD"))]).await;
    let message = app.message("7").await;
    app.sql
        .batch_execute("UPDATE orch.sms_messages SET created_at = now() - interval '80 hours'")
        .await
        .unwrap();
    app.add_processor().await;
    eventually(PATIENCE, "it is looked at in vain", async || {
        app.counts("dlr_sweep_rows_total 1")
    })
    .await;
    // Its next look by time would be in forty minutes.
    let profile = Profile {
        revision: 1,
        horizon: Some(Duration::from_hours(100)),
        ..Profile::default()
    };
    let profiles = Profiles::new([("acme".to_owned(), profile)]);
    app.carriers().replace(profiles);
    resolved(&app, 1).await;
    assert_eq!(app.status(message).await.0, "delivered");
    assert!(app.counts("dlr_sweep_rows_total 2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_open_row_is_read_once_a_round_however_they_lie() {
    const ROWS: i64 = 500;
    // Most of them parked at one time, as a batch is, and from two streams with the same sequences.
    let mut app = TestApp::around(|config| config.sweep.batch_max = 7).await;
    let row = |sequence: i64| Row {
        stream: if sequence % 2 == 0 {
            "SMS_DLR"
        } else {
            "OTHER"
        },
        parked_ago: if sequence % 10 == 0 { 1_300.0 } else { 1_200.0 },
        ..Row::new(
            sequence / 2,
            receipt(&(sequence / 2).to_string(), "DELIVRD"),
        )
    };
    let rows: Vec<Row> = (0..ROWS).map(row).collect();
    park(&app, &ring(&app), &rows).await;
    app.sql
        .batch_execute(
            "INSERT INTO dlr.orphan_resolutions
             SELECT stored_at, stream, seq, receipt_id, 'discarded', now(), 'test'
             FROM dlr.orphaned_receipts WHERE seq < 100",
        )
        .await
        .unwrap();
    let last = app.message(&(ROWS / 2 - 1).to_string()).await;
    app.config.sweep.share = 100;
    app.add_processor().await;
    eventually(PATIENCE, "the round is over", async || {
        app.metrics().contains("dlr_sweep_seconds_count 1")
    })
    .await;
    assert!(app.counts("dlr_sweep_rows_total 300"), "{}", app.metrics());
    // The two about the message are decided on, each once.
    assert_eq!(app.status(last).await.0, "delivered");
    let late = app
        .column("SELECT disposition FROM dlr.delivery_receipts ORDER BY disposition")
        .await;
    assert_eq!(late, ["applied", "recorded"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redriven_receipt_is_announced_by_the_sweeper() {
    let mut app = TestApp::around(|_| {}).await;
    let redriven = Row {
        reason: "redriven",
        parked_ago: 0.0,
        ..Row::new(1, receipt("7", "DELIVRD"))
    };
    park(&app, &ring(&app), &[redriven]).await;
    app.add_processor().await;
    eventually(PATIENCE, "its parking is announced", async || {
        app.unmatched().await.len() == 1
    })
    .await;
    app.message("7").await;
    resolved(&app, 1).await;
    let redriven = json!("redriven");
    assert_eq!(
        notices(&app).await,
        [
            (redriven.clone(), Value::Null),
            (redriven, json!("matched"))
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redriven_receipt_is_announced_once_however_often_it_is_looked_at() {
    let mut app = TestApp::around(|_| {}).await;
    let redriven = Row {
        reason: "redriven",
        ..Row::new(1, receipt("7", "DELIVRD"))
    };
    park(&app, &ring(&app), &[redriven]).await;
    app.add_processor().await;
    for revision in 1..=3 {
        eventually(PATIENCE, "it is looked at in vain", async || {
            app.counts(&format!("dlr_sweep_rows_total {revision}"))
        })
        .await;
        let profile = Profile {
            revision,
            ..Profile::default()
        };
        let profiles = Profiles::new([("acme".to_owned(), profile)]);
        app.carriers().replace(profiles);
    }
    app.message("7").await;
    app.carriers().replace(Profiles::default());
    resolved(&app, 1).await;
    // The stream would hide a repetition.
    eventually(PATIENCE, "the notices are counted", async || {
        app.counts("dlr_events_published_total{kind=\"unmatched\"} 2")
    })
    .await;
    assert_eq!(app.unmatched().await.len(), 2);
}
