//! The messages are somebody else's table or view: whatever it does, it costs the receipts that
//! meet it and no others.

use dlr::lifecycle::Part;

use crate::support::{PATIENCE, TestApp, eventually, receipt};

/// A message `7` on which `trouble` has been brought, and a healthy one, `8`, in the same batch.
async fn meets(trouble: &str) -> TestApp {
    let mut app = TestApp::around(|config| config.pipeline.lanes = 1).await;
    app.message("7").await;
    app.message("8").await;
    app.sql.batch_execute(trouble).await.unwrap();
    app.publish(receipt("7", "DELIVRD")).await;
    app.publish(receipt("8", "DELIVRD")).await;
    app.add_processor().await;
    app
}

/// A function that every update of message 7 calls.
fn trigger(body: &str) -> String {
    format!(
        "CREATE FUNCTION orch.trouble() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN {body} END $$;
         CREATE TRIGGER trouble BEFORE UPDATE ON orch.sms_messages FOR EACH ROW
             WHEN (OLD.operator_message_id = '7') EXECUTE FUNCTION orch.trouble();"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_that_is_null_is_one_that_no_table_knows() {
    let app = meets(
        "ALTER TABLE orch.sms_messages ALTER status DROP NOT NULL;
         UPDATE orch.sms_messages SET status = NULL WHERE operator_message_id = '7'",
    )
    .await;
    app.drained().await;
    assert_eq!(app.dispositions().await, [1, 1, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_unique_index_is_not_taken_for_ours() {
    let app = meets(
        "CREATE UNIQUE INDEX one ON orch.sms_messages (status)
             WHERE status = 'delivered' AND operator_message_id = '7';
         INSERT INTO orch.sms_messages (id, account_id, carrier_id, operator_message_id, status, created_at)
         SELECT gen_random_uuid(), account_id, 'other', '7', 'delivered', created_at
         FROM orch.sms_messages WHERE operator_message_id = '7'",
    )
    .await;
    app.drained().await;
    assert_eq!(app.dispositions().await, [1, 0, 1, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_trigger_raises_is_not_shown_and_parks_one_receipt() {
    let app = meets(&trigger(
        "RAISE EXCEPTION 'message to +447700900123 is archived';",
    ))
    .await;
    app.drained().await;
    assert_eq!(app.dispositions().await, [1, 0, 1, 0]);
    assert!(!format!("{:?}", app.readiness().report()).contains("7700900123"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_never_happens_is_reported() {
    let app = meets(&trigger("RETURN NULL;")).await;
    let fault = app.fault_of(Part::PostgreSql).await;
    assert!(fault.contains("cannot be changed"), "{fault}");
    app.sql
        .batch_execute("DROP TRIGGER trouble ON orch.sms_messages")
        .await
        .unwrap();
    app.drained().await;
    assert_eq!(app.dispositions().await, [2, 0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customers_text_of_any_size_fits_into_its_events() {
    let app = meets(
        "UPDATE orch.sms_messages SET client_ref = repeat('x', 2000000) WHERE operator_message_id = '7'",
    )
    .await;
    app.drained().await;
    assert_eq!(app.dispositions().await, [2, 0, 0, 0]);
    assert_eq!(app.webhooks().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn c8_absurd_dates_are_kept_and_change_nothing() {
    let app = TestApp::start().await;
    for (id, date) in [
        ("1", "-005000-01-01T00:00:00Z"),
        ("2", "1970-01-01T00:00:00Z"),
        ("3", "2100-01-01T00:00:00Z"),
    ] {
        app.message(id).await;
        let payload = format!(
            r#"{{"carrierId":"acme","operatorMessageId":"{id}","stat":"DELIVRD","doneDate":"{date}"}}"#
        );
        app.publish(payload).await;
    }
    app.drained().await;
    assert_eq!(app.dispositions().await, [3, 0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_envelope_delivered_again_while_still_held_is_taken_once() {
    let mut app = TestApp::around(|config| config.pipeline.lanes = 1).await;
    for n in 0..2 {
        app.message(&n.to_string()).await;
    }
    app.add_processor().await;
    // The lane hangs on the first receipt, and the second waits behind it.
    app.sql
        .batch_execute("BEGIN; LOCK TABLE dlr.delivery_receipts IN EXCLUSIVE MODE")
        .await
        .unwrap();
    app.publish(receipt("0", "DELIVRD")).await;
    eventually(PATIENCE, "the first is held", async || {
        app.backlog().await.1 == 1
    })
    .await;
    app.publish(receipt("1", "DELIVRD")).await;
    eventually(PATIENCE, "the second is held", async || {
        app.backlog().await.1 == 2
    })
    .await;
    // As if `ack_wait` had run out.
    let client = app.connect(dlr::dev::nats::Identity::Processor).await;
    client
        .publish("$JS.ACK.SMS_DLR.dlr-processor.1.2.2.0.0", "-NAK".into())
        .await
        .unwrap();
    client.flush().await.unwrap();
    eventually(PATIENCE, "it is delivered again", async || {
        app.metrics().contains("dlr_redeliveries_total 1")
    })
    .await;
    app.sql.batch_execute("ROLLBACK").await.unwrap();
    app.drained().await;
    assert_eq!(app.dispositions().await, [2, 0, 0, 0]);
    assert_eq!(app.billing().await.len(), 2);
}
