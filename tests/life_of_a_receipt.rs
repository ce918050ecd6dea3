//! The life of a receipt as `src/lib.rs` and the README number its steps.

use serde_json::json;

use crate::support::{TestApp, receipt};

#[tokio::test(flavor = "multi_thread")]
async fn life_of_a_receipt() {
    let app = TestApp::start().await;

    // Before: the orchestrator has sent a message, and the carrier has given it an id.
    let message = app.message("0059113978").await;

    // 1. The gateway publishes the carrier's receipt and waits until the stream has it.
    let sequence = app
        .publish(
            r#"{"carrierId":"acme","operatorMessageId":"0059113978","stat":"DELIVRD","err":"000",
                "submitDate":"2611211200","doneDate":"2611211201",
                "sourceAddr":"ACME","destAddr":"+447700900123"}"#,
        )
        .await;

    // 2., 3. The processor pulls it, reads it, and gathers what waits with it.
    // 4. In one transaction the message is updated and the receipt is stored with the decision.
    app.drained().await;
    assert_eq!(
        app.status(message).await,
        ("delivered".into(), Some("DELIVRD".into()))
    );
    let stored = app
        .rows("SELECT disposition, previous_status, status, seq, message_id FROM dlr.delivery_receipts")
        .await;
    assert_eq!(stored.len(), 1);
    assert_eq!(stored[0].get::<_, &str>(0), "applied");
    assert_eq!(stored[0].get::<_, &str>(1), "sent");
    assert_eq!(stored[0].get::<_, &str>(2), "delivered");
    assert_eq!(stored[0].get::<_, i64>(3).cast_unsigned(), sequence);
    assert_eq!(stored[0].get::<_, uuid::Uuid>(4), message.id);

    // Its phone numbers are there, sealed, and nowhere in the open.
    let sealed = app
        .rows("SELECT octet_length(personal_sealed) >= 50, dest_hash IS NOT NULL FROM dlr.delivery_receipts")
        .await;
    assert!(sealed[0].get::<_, bool>(0) && sealed[0].get::<_, bool>(1));
    let open = app
        .column("SELECT r::text FROM dlr.delivery_receipts r")
        .await;
    assert!(!open[0].contains("7700900123"));

    // 5., 6. Billing and the webhook dispatcher each have their event, made from that decision.
    let (billing, webhooks) = (app.billing().await, app.webhooks().await);
    assert_eq!((billing.len(), webhooks.len()), (1, 1));
    for event in billing.iter().chain(&webhooks) {
        assert_eq!(event.id, event.body["id"]);
        let data = &event.body["data"];
        assert_eq!(data["messageId"], json!(message.id));
        assert_eq!(event.body["subject"], json!(message.account));
        assert_eq!(data["status"], "delivered");
        assert_eq!(data["price"], "0.0075");
        assert_eq!(
            (&data["final"], &data["firstFinal"]),
            (&json!(true), &json!(true))
        );
    }

    // 7. The envelope is acknowledged, or it would not be drained. The same receipt again changes
    // nothing.
    app.publish(receipt("0059113978", "DELIVRD")).await;
    app.drained().await;
    assert_eq!(app.dispositions().await, [1, 1, 0, 0]);
    assert_eq!(
        (app.billing().await.len(), app.webhooks().await.len()),
        (1, 1)
    );
}
