//! Profiles of carriers: how they reach a running processor, and what is refused.

mod command;
mod metrics;
mod revisions;

use std::time::Duration;

use dlr::config::LogFormat;
use dlr::dev::postgres::Role;
use dlr::lifecycle::Part;
use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::support::{PATIENCE, Process, TestApp, eventually, receipt};

/// What the README promises.
const REACHED: Duration = Duration::from_secs(5);

/// Adds a revision behind the back of everybody who would check it.
async fn insert(client: &Client, carrier: &str, revision: i32, profile: &Value) {
    let statement = "INSERT INTO dlr_conf.carrier_profiles (carrier_id, revision, profile)
                     VALUES ($1, $2, $3::text::jsonb)";
    let profile = profile.to_string();
    let row: [&(dyn tokio_postgres::types::ToSql + Sync); 3] = [&carrier, &revision, &profile];
    client.execute(statement, &row).await.unwrap();
}

fn says(word: &str) -> Value {
    json!({"words": {word: "delivered"}})
}

/// A profile that nobody can read by.
fn bad() -> Value {
    json!({"words": {"HANDSET": "eaten"}})
}

/// The revision that a receipt published now is read by.
async fn revision_in_use(app: &TestApp) -> i32 {
    let id = uuid::Uuid::new_v4().to_string();
    app.message(&id).await;
    app.publish(receipt(&id, "DELIVRD")).await;
    app.drained().await;
    let row = "SELECT profile_revision FROM dlr.delivery_receipts WHERE operator_message_id = $1";
    app.sql.query_one(row, &[&id]).await.unwrap().get(0)
}

async fn is_in_use(app: &TestApp, revision: i32) {
    eventually(PATIENCE, "the revision is in use", async || {
        revision_in_use(app).await == revision
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_set_by_the_command_reaches_every_running_replica_within_five_seconds() {
    let mut app = TestApp::start_with(|config| config.pipeline.early_redeliveries = 0).await;
    app.add_processor().await;
    // The orchestrator has what the carrier answered, in hexadecimal; receipts say it in decimal.
    app.message("0059113978").await;
    app.publish(receipt("1494301048", "DELIVRD")).await;
    app.drained().await;
    assert_eq!(app.dispositions().await, [0, 0, 1, 0]);

    let postgres = app.database.config(Role::Profiles);
    let profile = json!({
        "ids": {
            "field": {"form": "decimal"},
            "text": {"form": "decimal"},
            "tlv": {"form": "hex"},
            "stored": {"form": "hex", "width": 10, "case": "upper"},
        },
        "words": {"HANDSET": "delivered"},
    });
    command::set(&postgres, "acme", &profile);
    eventually(REACHED, "both replicas have it", async || {
        (0..2).all(|replica| app.metrics_of(replica).contains("dlr_profiles_loaded 1"))
    })
    .await;
    // Enough for both to take some.
    let mut messages = vec![app.message("00591139FF").await];
    app.publish(r#"{"carrierId":"acme","tlv":{"receiptedMessageId":"591139ff"},"stat":"Handset"}"#)
        .await;
    for number in 0..50_u64 {
        messages.push(app.message(&format!("{:010X}", 0x5911_4000 + number)).await);
        let receipt = if number % 2 == 0 {
            receipt(&format!("{}", 0x5911_4000 + number), "DELIVRD")
        } else {
            let text = format!("id:{} stat:HANDSET err:000", 0x5911_4000 + number);
            json!({"carrierId": "acme", "rawPayload": text}).to_string()
        };
        app.publish(receipt).await;
    }
    app.drained().await;
    for message in messages {
        assert_eq!(app.status(message).await.0, "delivered");
    }
    assert_eq!(app.dispositions().await, [51, 0, 1, 0]);
    let revisions = "SELECT DISTINCT profile_revision::text FROM dlr.delivery_receipts";
    assert_eq!(app.column(revisions).await, ["1"]);

    // Not a guess, not a rejection: kept for when the profile, or the carrier, is set right.
    app.publish(receipt("59-11", "DELIVRD")).await;
    app.drained().await;
    let reasons = app
        .column("SELECT reason FROM dlr.orphaned_receipts ORDER BY reason")
        .await;
    assert_eq!(reasons, ["id_notation", "no_message"]);
    app.stop_processors().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_revision_is_refused_the_old_one_stays_and_a_later_good_one_is_taken() {
    let app = TestApp::around(|_| {}).await;
    insert(&app.sql, "acme", 1, &says("HANDSET")).await;
    let mut app = app;
    app.add_processor().await;
    assert_eq!(revision_in_use(&app).await, 1);

    insert(&app.sql, "acme", 2, &bad()).await;
    eventually(PATIENCE, "the refusal shows", async || {
        app.metrics().contains("dlr_profiles_refused 1")
    })
    .await;
    assert_eq!(revision_in_use(&app).await, 1);
    assert!(app.metrics().contains("dlr_profiles_loaded 1"));

    insert(&app.sql, "acme", 3, &says("GOT_IT")).await;
    is_in_use(&app, 3).await;
    assert!(app.metrics().contains("dlr_profiles_refused 0"));
    app.stop_processors().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn at_start_the_newest_valid_revision_counts_or_else_none() {
    let mut app = TestApp::around(|_| {}).await;
    for (revision, profile) in [(1, says("A")), (2, says("B")), (3, bad()), (4, bad())] {
        insert(&app.sql, "acme", revision, &profile).await;
    }
    insert(&app.sql, "initech", 7, &bad()).await;
    app.add_processor().await;
    assert_eq!(revision_in_use(&app).await, 2);

    let message = app.message_of("initech", "7").await;
    let other = receipt("7", "DELIVRD").replace("acme", "initech");
    app.publish(other).await;
    app.drained().await;
    assert_eq!(app.status(message).await.0, "delivered");
    assert!(app.metrics().contains("dlr_profiles_refused 3"));
    assert!(app.metrics().contains("dlr_profiles_loaded 1"));
    app.stop_processors().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_names_a_refused_revision_and_an_unknown_word_once_and_no_value() {
    let app = TestApp::around(|config| {
        config.telemetry.format = LogFormat::Json;
        "dlr=info".clone_into(&mut config.telemetry.log);
    })
    .await;
    insert(&app.sql, "acme", 4, &bad()).await;
    let log = app.config.seal.keyring_file.with_extension("log");
    let mut process = Process::start(&app.config, &log);
    for (id, stat) in [("1", "GOT_IT"), ("2", "got_it"), ("3", "DND4477009001")] {
        app.message(id).await;
        app.publish(receipt(id, stat)).await;
    }
    app.drained().await;
    // It looks again and again, and has said it.
    insert(&app.sql, "initech", 1, &json!({})).await;
    eventually(
        PATIENCE,
        "the other carrier's profile is in force",
        async || process.log().contains("initech"),
    )
    .await;
    process.kill();
    let log = process.log();
    let told = |what: &str| -> Vec<Value> {
        let lines = log.lines().filter(|line| line.contains(what));
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let refused = told("is refused");
    assert_eq!(refused.len(), 1, "{log}");
    for (field, value) in [("carrier", json!("acme")), ("revision", json!(4))] {
        assert_eq!(refused[0][field], value);
    }
    assert!(refused[0]["field"].as_str().unwrap().starts_with("words"));
    assert!(!log.contains("eaten"), "{log}");

    let unknown = told("no table knows");
    assert_eq!(unknown.len(), 1, "{log}");
    assert_eq!(
        (&unknown[0]["carrier"], &unknown[0]["word"]),
        (&json!("acme"), &json!("GOT_IT"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_receipt_is_taken_before_the_profiles_are_loaded() {
    let mut app = TestApp::around(|_| {}).await;
    insert(&app.sql, "acme", 1, &says("HANDSET")).await;
    let revoke = "REVOKE SELECT ON dlr_conf.carrier_profiles FROM dlr_svc";
    app.sql.batch_execute(revoke).await.unwrap();
    app.message("7").await;
    app.publish(receipt("7", "DELIVRD")).await;
    app.add_processor_without_waiting();
    let fault = app.fault_of(Part::PostgreSql).await;
    assert!(fault.contains("carrier_profiles"), "{fault}");
    assert_eq!(app.backlog().await, (1, 0));

    let grant = "GRANT SELECT ON dlr_conf.carrier_profiles TO dlr_svc";
    app.sql.batch_execute(grant).await.unwrap();
    app.drained().await;
    let read_by = app
        .rows("SELECT profile_revision FROM dlr.delivery_receipts")
        .await;
    assert_eq!(read_by[0].get::<_, i32>(0), 1);
    app.stop_processors().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_loaded_stays_while_the_database_is_away() {
    let mut app = TestApp::around(|_| {}).await;
    insert(&app.sql, "acme", 1, &says("HANDSET")).await;
    app.add_processor().await;
    app.message("7").await;
    app.database.close().await;
    app.fault_of(Part::PostgreSql).await;
    app.publish(receipt("7", "DELIVRD")).await;
    assert!(app.metrics().contains("dlr_profiles_loaded 1"));
    app.database.open().await;
    app.drained().await;
    let read_by = app
        .rows("SELECT profile_revision FROM dlr.delivery_receipts")
        .await;
    assert_eq!(read_by[0].get::<_, i32>(0), 1);
    app.stop_processors().await;
}
