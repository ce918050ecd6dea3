//! PostgreSQL or NATS away: time is lost, receipts are not.

use dlr::lifecycle::Part;

use crate::support::{PATIENCE, TestApp, eventually, receipt, servers};

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_postgresql_costs_time_and_no_receipt() {
    let app = TestApp::start().await;
    let readiness = app.readiness();
    app.database.close().await;
    for n in 0..200 {
        app.message(&n.to_string()).await;
        app.publish(receipt(&n.to_string(), "DELIVRD")).await;
    }
    let fault = app.fault_of(Part::PostgreSql).await;
    assert!(
        fault.contains("PostgreSQL") || fault.contains("SQLSTATE"),
        "{fault}"
    );
    assert_eq!(app.dispositions().await, [0; 4]);
    app.database.open().await;
    app.drained().await;
    assert_eq!(app.dispositions().await, [200, 0, 0, 0]);
    assert_eq!(app.billing().await.len(), 200);
    eventually(PATIENCE, "ready again", async || readiness.is_ready()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_grant_is_said_plainly_and_parks_nothing() {
    let app = TestApp::start().await;
    app.message("7").await;
    app.sql
        .batch_execute("REVOKE INSERT ON dlr.delivery_receipts FROM dlr_svc")
        .await
        .unwrap();
    app.publish(receipt("7", "DELIVRD")).await;
    let fault = app.fault_of(Part::PostgreSql).await;
    assert!(
        fault.contains("permission denied") && fault.contains("42501"),
        "{fault}"
    );
    assert_eq!(app.dispositions().await, [0; 4]);
    app.sql
        .batch_execute("GRANT INSERT ON dlr.delivery_receipts TO dlr_svc")
        .await
        .unwrap();
    app.drained().await;
    assert_eq!(app.dispositions().await, [1, 0, 0, 0]);
}

/// A primary that has become a standby, or is about to.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_may_only_read_is_no_poison_and_is_given_up() {
    let app = TestApp::start().await;
    app.message("7").await;
    let name = app.database.name();
    let administer = async |statement: &str| {
        let postgres = &servers().await.postgres;
        postgres.execute("postgres", statement).await.unwrap();
    };
    administer(&format!(
        "ALTER DATABASE {name} SET default_transaction_read_only = on"
    ))
    .await;
    administer(&format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = '{name}' AND usename = 'dlr_svc'"
    ))
    .await;
    app.publish(receipt("7", "DELIVRD")).await;
    eventually(PATIENCE, "the refusal is told", async || {
        let fault = app.fault_of(Part::PostgreSql).await;
        fault.contains("SQLSTATE 25006")
    })
    .await;
    assert_eq!(app.dispositions().await, [0; 4]);
    // Of the sessions that there are this changes none.
    administer(&format!(
        "ALTER DATABASE {name} RESET default_transaction_read_only"
    ))
    .await;
    app.drained().await;
    assert_eq!(app.dispositions().await, [1, 0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_partition_is_no_poison() {
    let app = TestApp::start().await;
    app.message("7").await;
    let today = app
        .column("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD')")
        .await;
    let partition = format!("dlr.delivery_receipts_{}", today[0]);
    app.sql
        .batch_execute(&format!(
            "ALTER TABLE dlr.delivery_receipts DETACH PARTITION {partition}"
        ))
        .await
        .unwrap();
    app.publish(receipt("7", "DELIVRD")).await;
    let fault = app.fault_of(Part::Partitions).await;
    assert!(fault.contains("dlr migrate up"), "{fault}");
    app.sql
        .batch_execute(&format!("DROP TABLE {partition}"))
        .await
        .unwrap();
    app.sql
        .batch_execute("SELECT dlr.ensure_partitions()")
        .await
        .unwrap();
    app.drained().await;
    assert_eq!(app.dispositions().await, [1, 0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nats_that_goes_and_comes_back_costs_no_receipt() {
    let mut app = TestApp::start().await;
    for n in 0..100 {
        app.message(&n.to_string()).await;
        app.publish(receipt(&n.to_string(), "DELIVRD")).await;
    }
    let supervisor = &servers().await.supervisor;
    tokio::task::block_in_place(|| {
        app.nats.stop().unwrap();
    });
    assert!(!app.fault_of(Part::Nats).await.is_empty());
    tokio::task::block_in_place(|| app.nats.resume(supervisor).unwrap());
    app.drained().await;
    assert_eq!(app.dispositions().await, [100, 0, 0, 0]);
    let ids: std::collections::BTreeSet<String> = app
        .billing()
        .await
        .into_iter()
        .map(|event| event.id)
        .collect();
    assert_eq!(ids.len(), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn c13_a_confirmation_from_another_stream_confirms_nothing() {
    let mut app = TestApp::around(|_| {}).await;
    app.message("7").await;
    app.publish(receipt("7", "DELIVRD")).await;
    // The processor expects what the subject's real stream is not.
    app.config.streams.webhook = "SOMEBODY_ELSE".to_owned();
    app.add_processor_without_waiting();
    let fault = app.fault_of(Part::Publish).await;
    assert!(
        fault.contains("WEBHOOK") && fault.contains("SOMEBODY_ELSE"),
        "{fault}"
    );
    let (_, ack_pending) = app.backlog().await;
    assert_eq!(ack_pending, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_confirmed_before_its_envelope_is_acknowledged() {
    let mut app = TestApp::around(|_| {}).await;
    let message = app.message("7").await;
    app.publish(receipt("7", "DELIVRD")).await;
    app.config.streams.webhook = "SOMEBODY_ELSE".to_owned();
    app.add_processor_without_waiting();
    app.fault_of(Part::Publish).await;
    assert_eq!(app.status(message).await.0, "delivered");
    app.abandon_processors().await;

    // Delivered again after `ack_wait`, it finds what was decided and repeats the same events.
    let ids = |events: Vec<crate::support::Published>| {
        events
            .into_iter()
            .map(|event| event.id)
            .collect::<std::collections::BTreeSet<_>>()
    };
    let before = ids(app.billing().await);
    app.config.streams.webhook = "WEBHOOK".to_owned();
    app.add_processor().await;
    app.drained().await;
    assert_eq!(app.dispositions().await, [1, 0, 0, 0]);
    assert_eq!(ids(app.billing().await), before);
    assert_eq!(ids(app.webhooks().await).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_is_missing_is_named_with_its_remedy() {
    let mut app = TestApp::unprovisioned(|_| {}).await;
    app.add_processor_without_waiting();
    let fault = app.fault_of(Part::Consumer).await;
    assert!(
        fault.contains("dlr-processor") && fault.contains("dlr provision"),
        "{fault}"
    );
    app.provision().await;
    let readiness = app.readiness();
    eventually(PATIENCE, "ready once it is there", async || {
        readiness.is_ready()
    })
    .await;
}
