//! Profiles of carriers: how they reach a running processor, and what is refused.

mod command;
mod metrics;

use std::sync::Arc;
use std::time::Duration;

use dlr::carriers::{CARRIERS_MAX, Carriers, Draft, DraftError, Loader};
use dlr::config::LogFormat;
use dlr::dev::postgres::Role;
use dlr::lifecycle::Part;
use dlr::store::profiles::InsertError;
use dlr::telemetry::metrics::{Metrics, Reasons};
use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::support::{Database, PATIENCE, Process, TestApp, eventually, receipt};

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
    let mut app = TestApp::start().await;
    app.add_processor().await;
    let postgres = app.database.config(Role::Profiles).await;
    command::set(&postgres, "acme", &says("HANDSET"));
    eventually(REACHED, "both replicas have it", async || {
        (0..2).all(|replica| app.metrics_of(replica).contains("dlr_profiles_loaded 1"))
    })
    .await;
    for _ in 0..10 {
        assert_eq!(revision_in_use(&app).await, 1);
    }
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

#[tokio::test]
async fn of_two_writers_of_one_revision_one_is_told_that_he_lost() {
    let database = Database::new().await;
    let client = database.connect(Role::Profiles).await;
    let one = Draft::new(&client, "acme", &says("A")).await.unwrap();
    let other = Draft::new(&client, "acme", &says("B")).await.unwrap();
    assert_eq!((one.revision(), other.revision()), (1, 1));
    one.write(&client).await.unwrap();
    let lost = other.write(&client).await.unwrap_err();
    assert!(matches!(lost, InsertError::Taken(1)), "{lost}");

    // Nor is one buried below a revision that was written ahead of it.
    let late = Draft::new(&client, "acme", &says("C")).await.unwrap();
    insert(&client, "acme", 9, &says("D")).await;
    assert!(matches!(
        late.write(&client).await,
        Err(InsertError::Taken(2))
    ));
    let again = Draft::new(&client, "acme", &says("C")).await.unwrap();
    assert_eq!((again.revision(), again.in_force()), (10, Some(9)));
}

#[tokio::test]
async fn nothing_invalid_becomes_a_draft() {
    let database = Database::new().await;
    let client = database.connect(Role::Profiles).await;
    let refused = async |carrier: &str, document: &Value| {
        Draft::new(&client, carrier, document).await.unwrap_err()
    };
    for carrier in ["", "Acme", "acme gmbh", "akmé", &"a".repeat(65)] {
        let error = refused(carrier, &json!({})).await;
        assert!(matches!(error, DraftError::NoCarrier), "{error}");
    }
    let field = refused("acme", &bad()).await.to_string();
    assert!(field.starts_with("refused: words"), "{field}");
    let long = refused("acme", &json!({"words": {"A": "x".repeat(65_536)}})).await;
    assert!(long.to_string().contains("65536 bytes"), "{long}");
}

fn metrics() -> Arc<Metrics> {
    Arc::new(Metrics::new(&Reasons::default(), 1))
}

fn loader(metrics: &Arc<Metrics>) -> (Arc<Carriers>, Loader) {
    let carriers = Arc::new(Carriers::default());
    let loader = Loader::new(Arc::clone(&carriers), Arc::clone(metrics));
    (carriers, loader)
}

#[tokio::test]
async fn whoever_keeps_the_profiles_is_told_which_carriers_changed() {
    let database = Database::new().await;
    let (admin, service) = (
        database.superuser().await,
        database.connect(Role::Service).await,
    );
    let (carriers, mut loader) = loader(&metrics());
    for carrier in ["acme", "initech", "hooli"] {
        insert(&admin, carrier, 1, &says("A")).await;
    }
    loader.follow(&service).await.unwrap();
    let before = Arc::clone(&carriers.current());
    loader.follow(&service).await.unwrap();
    assert!(Arc::ptr_eq(&before, &carriers.current()), "nothing is new");

    insert(&admin, "initech", 2, &says("A")).await;
    insert(&admin, "hooli", 2, &bad()).await;
    insert(&admin, "globex", 1, &json!({})).await;
    let gone = "DELETE FROM dlr_conf.carrier_profiles WHERE carrier_id = 'acme'";
    admin.batch_execute(gone).await.unwrap();
    loader.follow(&service).await.unwrap();
    let now = Arc::clone(&carriers.current());
    let mut changed: Vec<&str> = now.changed_since(&before).collect();
    changed.sort_unstable();
    assert_eq!(changed, ["acme", "globex", "initech"]);
    assert_eq!(now.of("initech").revision, 2);
    assert!(now.of("initech").created_at > before.of("initech").created_at);
    assert_eq!(
        (now.of("acme").revision, now.of("acme").created_at),
        (0, None)
    );
}

#[tokio::test]
async fn a_valid_revision_that_comes_in_below_a_refused_one_counts() {
    let database = Database::new().await;
    let (admin, service) = (
        database.superuser().await,
        database.connect(Role::Service).await,
    );
    let (carriers, mut loader) = loader(&metrics());
    insert(&admin, "acme", 5, &bad()).await;
    loader.follow(&service).await.unwrap();
    assert_eq!(carriers.current().of("acme").revision, 0);
    insert(&admin, "acme", 4, &says("A")).await;
    loader.follow(&service).await.unwrap();
    assert_eq!(carriers.current().of("acme").revision, 4);
}

#[tokio::test]
async fn there_is_a_bound_on_carriers_and_on_documents() {
    let database = Database::new().await;
    let (admin, service) = (
        database.superuser().await,
        database.connect(Role::Service).await,
    );
    let metrics = metrics();
    let (carriers, mut loader) = loader(&metrics);
    // What the table takes no more, it may hold from before.
    let many = format!(
        "ALTER TABLE dlr_conf.carrier_profiles DROP CONSTRAINT carrier_profiles_profile_check;
         INSERT INTO dlr_conf.carrier_profiles (carrier_id, revision, profile, created_at)
         SELECT 'z' || n, 1, '{{}}', now() - interval '1 hour'
         FROM generate_series(1, {}) AS n;
         INSERT INTO dlr_conf.carrier_profiles (carrier_id, revision, profile, created_at)
         VALUES ('zz', 1, '{{}}', now() - interval '1 hour'),
                ('zz', 2, jsonb_build_object('words', repeat('x', 70000)), now() - interval '1 hour'),
                ('zz', 3, jsonb_build_object('words', repeat('x', 50000000)), now() - interval '1 hour'),
                ('a-late', 1, '{{}}', now())",
        CARRIERS_MAX - 1
    );
    admin.batch_execute(&many).await.unwrap();
    loader.follow(&service).await.unwrap();
    let profiles = carriers.current();
    assert_eq!(profiles.iter().count(), CARRIERS_MAX);
    assert_eq!(profiles.of("zz").revision, 1);
    // Whoever comes late displaces nobody, whatever his name is.
    assert_eq!(profiles.of("a-late").revision, 0);
    let text = metrics.render();
    assert!(text.contains("dlr_profiles_loaded 10000"), "{text}");
    assert!(text.contains("dlr_profiles_refused 3"), "{text}");

    let client = database.connect(Role::Profiles).await;
    let refused = Draft::new(&client, "later-still", &json!({}))
        .await
        .unwrap_err();
    assert!(matches!(refused, DraftError::TooManyCarriers), "{refused}");
}
