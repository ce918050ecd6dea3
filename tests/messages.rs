//! The orchestrator's messages may be a table, a partitioned table or an updatable view.

use std::time::Duration;

use dlr::config::Config;

use crate::support::{PATIENCE, TestApp, eventually, receipt};

const READ: &str =
    "id, account_id, carrier_id, operator_message_id, status, dlr_status, created_at,
    segment, segments, group_id, client_ref, mccmnc, price, currency";
const WRITTEN: &str = "status, dlr_status, dlr_received_at, processed_at";

/// The whole way of a delivered, a repeated and a corrected receipt.
async fn works(mut app: TestApp) {
    app.add_processor().await;
    let message = app.message("7").await;
    for stat in ["ENROUTE", "UNDELIV", "UNDELIV", "DELIVRD"] {
        app.publish(receipt("7", stat)).await;
    }
    app.drained().await;
    assert_eq!(
        app.status(message).await,
        ("delivered".into(), Some("DELIVRD".into()))
    );
    assert_eq!(app.dispositions().await, [3, 1, 0, 0]);
    assert_eq!(app.billing().await.len(), 2);
}

fn grants() -> String {
    format!(
        "GRANT SELECT ({READ}), UPDATE ({WRITTEN}) ON orch.sms_messages TO dlr_svc;
         REVOKE ALL ON orch.real_messages FROM dlr_svc;"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn an_updatable_view_serves_as_the_messages() {
    let app = TestApp::around(|_| {}).await;
    let view = format!(
        "ALTER TABLE orch.sms_messages RENAME TO real_messages;
         CREATE VIEW orch.sms_messages AS SELECT * FROM orch.real_messages;
         {}",
        grants()
    );
    app.sql.batch_execute(&view).await.unwrap();
    works(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partitioned_table_serves_as_the_messages() {
    let app = TestApp::around(|_| {}).await;
    let partitioned = format!(
        "ALTER TABLE orch.sms_messages RENAME TO real_messages;
         CREATE TABLE orch.sms_messages (LIKE orch.real_messages INCLUDING DEFAULTS)
             PARTITION BY RANGE (created_at);
         CREATE TABLE orch.messages_before PARTITION OF orch.sms_messages
             FOR VALUES FROM (MINVALUE) TO (date_trunc('day', now()));
         CREATE TABLE orch.messages_since PARTITION OF orch.sms_messages
             FOR VALUES FROM (date_trunc('day', now())) TO (MAXVALUE);
         CREATE INDEX ON orch.sms_messages (operator_message_id, carrier_id);
         {}",
        grants()
    );
    // A partition's bounds have to be constants.
    let bound = app
        .column("SELECT quote_literal(date_trunc('day', now())::text)")
        .await;
    let partitioned = partitioned.replace("date_trunc('day', now())", &bound[0]);
    app.sql.batch_execute(&partitioned).await.unwrap();
    works(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_waits_in_the_stream_keeps_its_message() {
    let mut app = TestApp::around(|config| {
        config.pipeline.horizon = Duration::from_secs(2);
        config.sweep.enabled = false;
    })
    .await;
    let message = app.message("7").await;
    app.publish(receipt("7", "DELIVRD")).await;
    // As if there had been no processor for longer than the horizon.
    let outlived = "SELECT FROM orch.sms_messages WHERE created_at < now() - interval '2 seconds'";
    eventually(PATIENCE, "the horizon passes", async || {
        !app.rows(outlived).await.is_empty()
    })
    .await;
    app.add_processor().await;
    app.drained().await;
    assert_eq!(app.dispositions().await, [1, 0, 0, 0]);
    assert_eq!(app.status(message).await.0, "delivered");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_older_than_the_horizon_is_not_matched() {
    let lag = |config: &mut Config| config.pipeline.message_lag = Duration::from_secs(1);
    let app = TestApp::start_with(lag).await;
    let old = app.message("7").await;
    app.sql
        .batch_execute("UPDATE orch.sms_messages SET created_at = now() - interval '74 hours'")
        .await
        .unwrap();
    app.publish(receipt("7", "DELIVRD")).await;
    app.drained().await;
    assert_eq!(app.status(old).await.0, "sent");

    // The carrier gives the id to another message: that is the one, but not of the first receipt.
    let later = "SELECT FROM dlr.orphaned_receipts WHERE stored_at < now() - interval '2 seconds'";
    eventually(PATIENCE, "the lag passes", async || {
        !app.rows(later).await.is_empty()
    })
    .await;
    let new = app.message("7").await;
    let looks = || {
        let metrics = app.metrics();
        let mut lines = metrics.lines();
        lines.find_map(|line| Some(line.strip_prefix("dlr_sweep_rows_total ")?.to_owned()))
    };
    let before = looks();
    eventually(
        PATIENCE,
        "the parked one is looked at in vain",
        async || looks() != before,
    )
    .await;
    assert_eq!(app.status(new).await.0, "sent");
    app.publish(receipt("7", "DELIVRD")).await;
    app.drained().await;
    assert_eq!(app.status(new).await.0, "delivered");
    assert_eq!(app.dispositions().await, [1, 0, 1, 0]);
    assert!(
        app.rows("SELECT FROM dlr.orphan_resolutions")
            .await
            .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_that_no_table_knows_is_left_alone() {
    let app = TestApp::start().await;
    let message = app.message("7").await;
    app.sql
        .batch_execute("UPDATE orch.sms_messages SET status = 'on_hold'")
        .await
        .unwrap();
    app.publish(receipt("7", "DELIVRD")).await;
    app.drained().await;
    assert_eq!(app.status(message).await.0, "on_hold");
    let reasons = app.column("SELECT reason FROM dlr.delivery_receipts").await;
    assert_eq!(reasons, ["unknown_status"]);
    assert!(app.webhooks().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_see_where_rows_are_updates_them_by_id() {
    let app = TestApp::around(|_| {}).await;
    let revoke = "REVOKE SELECT (ctid, tableoid) ON orch.sms_messages FROM dlr_svc";
    app.sql.batch_execute(revoke).await.unwrap();
    works(app).await;
}

/// The update goes to where the match found the row; the orchestrator may change it in between.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_somebody_changes_under_the_batch_is_raised_all_the_same() {
    let app = TestApp::start().await;
    let message = app.message("7").await;
    let mut other = app.database.superuser().await;
    let other = other.transaction().await.unwrap();
    let changed = "UPDATE orch.sms_messages SET client_ref = 'changed', price = 1.50";
    other.batch_execute(changed).await.unwrap();
    app.publish(receipt("7", "DELIVRD")).await;
    app.blocked(Some("dlr_svc"), "the processor waits for the other")
        .await;
    other.commit().await.unwrap();
    app.drained().await;
    assert_eq!(
        app.status(message).await,
        ("delivered".into(), Some("DELIVRD".into()))
    );
    let kept = "SELECT client_ref || ' ' || price FROM orch.sms_messages";
    assert_eq!(app.column(kept).await, ["changed 1.50"]);
}

/// No figure of money is converted on its way from the message to the receipt and its events.
#[tokio::test(flavor = "multi_thread")]
async fn a_price_is_kept_to_the_last_digit() {
    const PRICES: [&str; 7] = [
        "0",
        "0.0420",
        "-0.000000000000000000000001",
        "123456789012345678901234567890.123456789012345678901234567890",
        "1e-20",
        "NaN",
        "Infinity",
    ];
    let app = TestApp::start().await;
    for (n, price) in PRICES.iter().enumerate() {
        app.message(&n.to_string()).await;
        let set = format!(
            "UPDATE orch.sms_messages SET price = '{price}' WHERE operator_message_id = '{n}'"
        );
        app.sql.batch_execute(&set).await.unwrap();
        app.publish(receipt(&n.to_string(), "DELIVRD")).await;
    }
    app.drained().await;
    let stored = "SELECT r.price::text FROM dlr.delivery_receipts AS r
        JOIN orch.sms_messages AS m ON m.id = r.message_id AND m.price::text = r.price::text
        ORDER BY r.seq";
    let stored = app.column(stored).await;
    assert_eq!(stored.len(), PRICES.len(), "{stored:?}");
    let mut billed: Vec<(String, String)> = Vec::new();
    for event in app.billing().await {
        let text = |field: &str| event.body["data"][field].as_str().unwrap().to_owned();
        billed.push((text("receiptId"), text("price")));
    }
    billed.sort();
    let rows = "SELECT receipt_id::text || ' ' || price FROM dlr.delivery_receipts ORDER BY 1";
    let billed: Vec<String> = billed
        .into_iter()
        .map(|(id, price)| format!("{id} {price}"))
        .collect();
    assert_eq!(billed, app.column(rows).await);
}
