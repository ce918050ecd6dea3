//! Carriers give an id to one message after another: each receipt has the one of its own time.

use std::time::Duration;

use serde_json::json;

use super::parking::{Row, park, ring};
use super::{resolutions, resolved};
use crate::support::{PATIENCE, TestApp, eventually, receipt, report};

const HOUR: f64 = 3_600.0;

fn parked_ago(sequence: i64, id: &str, hours: f64) -> Row {
    Row {
        parked_ago: hours * HOUR,
        ..Row::new(sequence, receipt(id, "DELIVRD"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_written_long_after_a_parked_receipt_is_not_its_message() {
    let mut app = TestApp::around(|_| {}).await;
    let rows = [parked_ago(1, "7", 2.0), parked_ago(2, "8", 0.5)];
    park(&app, &ring(&app), &rows).await;
    let (another, own) = (app.message("7").await, app.message("8").await);

    let dry_run = ["replay", "--parked", "--dry-run", "--json"];
    let planned = &report(&app.config, &dry_run).await["planned"];
    assert_eq!(planned["matched"], json!(1));
    assert_eq!(planned["openBecause"], json!({"no_message": 1}));

    app.add_processor().await;
    resolved(&app, 1).await;
    eventually(PATIENCE, "both are looked at", async || {
        app.counts("dlr_sweep_rows_total 2")
    })
    .await;
    assert_eq!(resolutions(&app).await, ["matched by sweeper"]);
    assert_eq!(app.status(another).await.0, "sent");
    assert_eq!(app.status(own).await.0, "delivered");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_one_id_each_parked_receipt_gets_the_message_of_its_time() {
    let mut app = TestApp::around(|config| {
        config.pipeline.horizon = Duration::from_hours(1);
    })
    .await;
    // One look reads them together.
    let hours_ago = [0.5, 3.0, 6.0];
    let rows = (1..).zip(hours_ago).map(|(n, ago)| parked_ago(n, "7", ago));
    park(&app, &ring(&app), &rows.collect::<Vec<_>>()).await;
    let mut messages = Vec::new();
    for hours in hours_ago {
        let message = app.message("7").await;
        let created = "UPDATE orch.sms_messages
            SET created_at = now() - make_interval(secs => $2::float8 + 60) WHERE id = $1";
        let seconds = hours * HOUR;
        app.sql
            .execute(created, &[&message.id, &seconds])
            .await
            .unwrap();
        messages.push(message.id.to_string());
    }
    app.add_processor().await;
    resolved(&app, 3).await;
    assert_eq!(resolutions(&app).await, ["matched by sweeper"; 3]);
    let matched = app.column("SELECT message_id::text FROM dlr.delivery_receipts ORDER BY seq");
    assert_eq!(matched.await, messages);
}
