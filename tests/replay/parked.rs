//! A look at the parked receipts that need not be waited for.

use serde_json::json;

use crate::support::{TestApp, receipt, report};

const PARKED: [&str; 3] = ["replay", "--parked", "--json"];

#[tokio::test(flavor = "multi_thread")]
async fn open_receipts_are_looked_at_when_asked_for() {
    let app = TestApp::start_with(|config| config.sweep.enabled = false).await;
    for id in ["7", "8"] {
        app.publish(receipt(id, "DELIVRD")).await;
    }
    app.publish(receipt("7", "DELIVRD").replace("acme", "other"))
        .await;
    app.drained().await;
    assert_eq!(app.dispositions().await, [0, 0, 3, 0]);
    let message = app.message("7").await;
    app.message_of("other", "7").await;

    let of_acme = [&PARKED[..], &["--carrier", "acme"]].concat();
    let dry = report(&app.config, &[&of_acme[..], &["--dry-run"]].concat()).await;
    let planned = json!({
        "lookedAt": 2, "matched": 1, "lapsed": 0, "open": 1, "openBecause": {"no_message": 1}
    });
    assert_eq!((&dry["planned"], &dry["done"]), (&planned, &json!(null)));
    assert_eq!(app.status(message).await.0, "sent");

    let wet = report(&app.config, &of_acme).await;
    let done = json!({"lookedAt": 2, "matched": 1, "lapsed": 0, "open": 1});
    assert_eq!((&wet["planned"], &wet["done"]), (&planned, &done));
    assert_eq!(app.status(message).await.0, "delivered");
    let late = app.column("SELECT carrier_id FROM dlr.delivery_receipts WHERE late");
    assert_eq!(late.await, ["acme"]);

    let all = report(&app.config, &PARKED).await;
    let done = json!({"lookedAt": 2, "matched": 1, "lapsed": 0, "open": 1});
    assert_eq!(all["done"], done);
    assert_eq!(app.webhooks().await.len(), 2);
}

/// The random walk, seed 125.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_parked_by_a_clock_ahead_is_looked_at_too() {
    let app = TestApp::start_with(|config| config.sweep.enabled = false).await;
    app.publish(receipt("7", "DELIVRD")).await;
    app.drained().await;
    let ahead = "UPDATE dlr.orphaned_receipts SET parked_at = parked_at + interval '9 minutes'";
    app.sql.batch_execute(ahead).await.unwrap();
    let message = app.message("7").await;
    let all = report(&app.config, &PARKED).await;
    assert_eq!(all["done"]["matched"], 1);
    assert_eq!(app.status(message).await.0, "delivered");
}
