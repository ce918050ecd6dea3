//! What is decided anew tells the group too.

use serde_json::json;

use super::{deliver, message_in_parts, told};
use crate::support::{TestApp, receipt, report};

const RECORDED: [&str; 5] = ["replay", "--recorded", "--reason", "unknown_word", "--json"];

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_tells_the_group_as_each_of_its_receipts_leaves_it() {
    let app = TestApp::start().await;
    let whole = message_in_parts(&app, "a", 3).await;
    let broken = message_in_parts(&app, "b", 2).await;
    for segment in [2, 3, 1] {
        app.publish(receipt(&format!("a-{segment}"), "RT:1")).await;
    }
    app.drained().await;
    deliver(&app, &[("b-1", "DELIVRD"), ("b-2", "RT:2")]).await;
    let profile = json!({"words": {"RT:1": "delivered", "RT:2": "failed"}}).to_string();
    let insert = "INSERT INTO dlr_conf.carrier_profiles (carrier_id, revision, profile)
        VALUES ('acme', 1, $1::text::jsonb)";
    app.sql.execute(insert, &[&profile]).await.unwrap();

    let done = &report(&app.config, &RECORDED).await["done"];
    assert_eq!(done["applied"], json!(4));
    assert_eq!(
        told(&app, whole).await,
        [
            "2 delivered: pending",
            "3 delivered: pending",
            "1 delivered: delivered"
        ]
    );
    assert_eq!(
        told(&app, broken).await,
        ["1 delivered: pending", "2 failed: partially_delivered"]
    );
    // What is stored is what is told, so that it can be told again.
    let stored = app.column("SELECT group_status FROM dlr.replayed_receipts ORDER BY seq");
    let expected = ["pending", "pending", "delivered", "partially_delivered"];
    assert_eq!(stored.await, expected);
}
