//! Sweeping in trouble: killed, doubled, without a key, refused.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream;
use dlr::dev::nats::Identity;
use dlr::seal::KeyRing;
use serde_json::Value;

use super::parking::{Row, park, ring};
use super::{notices, parked, resolutions, resolved};
use crate::support::{PATIENCE, Process, TestApp, eventually, receipt};

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_killed_between_commit_and_publish_repeats_the_same_events() {
    let app = parked(&[receipt("7", "UNDELIV"), receipt("7", "DELIVRD")]).await;
    app.message("7").await;
    let provisioner = jetstream::new(app.connect(Identity::Provisioner).await);
    let webhook = provisioner.get_stream("WEBHOOK").await.unwrap();
    let open = webhook.cached_info().config.clone();
    let shut = jetstream::stream::Config {
        max_message_size: 10,
        ..open.clone()
    };
    provisioner.update_stream(&shut).await.unwrap();
    let log = app.log_file().await;
    let decisions =
        "SELECT r::text FROM dlr.delivery_receipts AS r WHERE late ORDER BY stored_at, seq";

    let mut process = Process::start(&app.config, &log);
    eventually(PATIENCE, "the decisions are committed", async || {
        app.column(decisions).await.len() == 2
    })
    .await;
    // It cannot get rid of the webhooks, and says so; the bills are out.
    eventually(PATIENCE, "it cannot publish", async || {
        process.log().contains("WEBHOOK refused an event")
            && app.distinct_events("BILLING").await == 2
    })
    .await;
    process.kill();
    let (decided, billing) = (app.column(decisions).await, app.billing().await);
    assert!(resolutions(&app).await.is_empty());

    provisioner.update_stream(&open).await.unwrap();
    let _next = Process::start(&app.config, &log);
    resolved(&app, 2).await;
    assert_eq!(app.column(decisions).await, decided);
    let same = |events: Vec<crate::support::Published>| {
        let mut events: Vec<(String, Value)> =
            events.into_iter().map(|it| (it.id, it.body)).collect();
        events.sort_by(|one, other| one.0.cmp(&other.0));
        events.dedup();
        events
    };
    assert_eq!(same(app.billing().await), same(billing));
    // Each once, with the ids of their facts: one webhook for each status, one bill for each.
    assert_eq!(app.distinct_events("WEBHOOK").await, 2);
    assert_eq!(same(app.webhooks().await).len(), 2);
    assert_eq!(app.distinct_events("SMS_DLR_UNMATCHED").await, 4);
    assert_eq!(resolutions(&app).await, ["matched by sweeper"; 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_replicas_sweeps_and_the_other_takes_over() {
    let mut app = TestApp::around(|_| {}).await;
    let log = app.log_file().await;
    let mut first = Process::start(&app.config, &log);
    eventually(PATIENCE, "the first sweeps", async || {
        first.log().contains("sweeping the parked receipts")
    })
    .await;
    app.add_processor().await;
    app.publish(receipt("7", "DELIVRD")).await;
    app.drained().await;
    app.message("7").await;
    resolved(&app, 1).await;
    assert!(app.counts("dlr_sweep_active 0") && app.counts("dlr_sweep_rows_total 0"));

    first.kill();
    app.publish(receipt("8", "DELIVRD")).await;
    eventually(PATIENCE, "the second sweeps", async || {
        app.counts("dlr_sweep_active 1")
    })
    .await;
    app.drained().await;
    app.message("8").await;
    resolved(&app, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sweepers_at_once_decide_once() {
    const MESSAGES: i64 = 100;
    let mut app = TestApp::around(|config| {
        config.sweep.batch_max = 20;
        config.sweep.share = 100;
    })
    .await;
    // A lock that everybody gets.
    let everybody = format!(
        "CREATE SCHEMA loose;
         CREATE FUNCTION loose.pg_try_advisory_lock(integer, integer) RETURNS boolean
             LANGUAGE sql AS 'SELECT true';
         GRANT USAGE ON SCHEMA loose TO dlr_svc;
         GRANT EXECUTE ON FUNCTION loose.pg_try_advisory_lock TO dlr_svc;
         ALTER ROLE dlr_svc IN DATABASE {} SET search_path = loose, pg_catalog;",
        app.database.name()
    );
    app.sql.batch_execute(&everybody).await.unwrap();
    let stats = ["ENROUTE", "UNDELIV", "DELIVRD", "ENROUTE", "DELIVRD"];
    let rows: Vec<Row> = (0..MESSAGES * 5)
        .map(|n| {
            let stat = stats[usize::try_from(n / MESSAGES).unwrap()];
            Row::new(n + 1, receipt(&(n % MESSAGES).to_string(), stat))
        })
        .collect();
    for n in 0..MESSAGES {
        app.message(&n.to_string()).await;
    }
    park(&app, &ring(&app), &rows).await;
    app.add_processor_without_waiting();
    app.add_processor_without_waiting();
    resolved(&app, rows.len()).await;
    eventually(PATIENCE, "both sweep", async || {
        app.counts("dlr_sweep_active 1")
    })
    .await;
    app.stop_processors().await;

    assert_eq!(
        app.column("SELECT DISTINCT status FROM orch.sms_messages")
            .await,
        ["delivered"]
    );
    let decided = app
        .column("SELECT disposition FROM dlr.delivery_receipts WHERE late")
        .await;
    assert_eq!(decided.len(), rows.len());
    let twice = app
        .column(
            "SELECT message_id::text FROM dlr.delivery_receipts WHERE disposition = 'applied'
             GROUP BY message_id, status HAVING count(*) > 1",
        )
        .await;
    assert_eq!(twice, [""; 0]);
    let applied = decided.iter().filter(|it| *it == "applied").count();
    assert_eq!(app.distinct_events("WEBHOOK").await, applied);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_cannot_be_read_now_stays_open_and_stops_no_other() {
    let mut app = TestApp::around(|_| {}).await;
    let elsewhere = format!(
        r#"{{"v":1,"keys":[{{"kid":9,"state":"primary","k":"{}"}}],"bidx":[{{"kid":9,"state":"primary","k":"{}"}}]}}"#,
        "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=",
        "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXoxMjM0NTY="
    );
    let elsewhere = Arc::new(KeyRing::parse(elsewhere.as_bytes()).unwrap());
    for n in 1..=4 {
        app.message(&n.to_string()).await;
    }
    park(&app, &elsewhere, &[Row::new(1, receipt("1", "DELIVRD"))]).await;
    // What no reader takes, and what was changed behind our back.
    let unreadable = Row::new(2, r#"{"carrierId":"acme"}"#.to_owned());
    let ours = [unreadable, Row::new(3, receipt("3", "DELIVRD"))];
    park(&app, &ring(&app), &ours).await;
    app.sql
        .batch_execute(
            "UPDATE dlr.orphaned_receipts
             SET payload_sealed = payload_sealed || '\\x00'::bytea WHERE seq = 3",
        )
        .await
        .unwrap();
    park(&app, &ring(&app), &[Row::new(4, receipt("4", "DELIVRD"))]).await;
    app.add_processor().await;
    resolved(&app, 1).await;
    assert_eq!(
        app.column("SELECT seq::text FROM dlr.orphan_resolutions")
            .await,
        ["4"]
    );
    for cause in ["unknown_key", "rejected", "damaged"] {
        let line = format!(r#"dlr_sweep_unreadable_total{{cause="{cause}"}} 1"#);
        eventually(PATIENCE, "they are counted", async || app.counts(&line)).await;
    }
}

/// Forty parked receipts, of which PostgreSQL will not have the thirteenth decided.
async fn all_but_the_thirteenth_match(poison: &str) -> TestApp {
    let mut app = TestApp::around(|_| {}).await;
    app.sql.batch_execute(poison).await.unwrap();
    let mut rows = Vec::new();
    for n in 1..=40 {
        app.message(&n.to_string()).await;
        rows.push(Row::new(n, receipt(&n.to_string(), "DELIVRD")));
    }
    park(&app, &ring(&app), &rows).await;
    app.add_processor().await;
    resolved(&app, 39).await;
    let left = app
        .column("SELECT operator_message_id FROM orch.sms_messages WHERE status = 'sent'")
        .await;
    assert_eq!(left, ["13"]);
    assert_eq!(app.webhooks().await.len(), 39);
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_postgresql_refuses_stays_open_and_holds_up_no_other() {
    let poison = "CREATE FUNCTION dlr.refuse() RETURNS trigger LANGUAGE plpgsql AS
             $$BEGIN RAISE EXCEPTION 'no'; END$$;
         CREATE TRIGGER refuse BEFORE INSERT ON dlr.delivery_receipts FOR EACH ROW
             WHEN (NEW.seq = 13) EXECUTE FUNCTION dlr.refuse()";
    let app = all_but_the_thirteenth_match(poison).await;
    // Cornered by halving: 40 to 20, 10, 5, 3 or 2, and so on to 1.
    let failures = app.metrics();
    let refused = failures
        .lines()
        .find_map(|line| line.strip_prefix(r#"dlr_sweep_failures_total{cause="refused"} "#))
        .unwrap();
    assert!(refused.parse::<u32>().unwrap() <= 8, "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_whose_message_cannot_be_updated_stays_open_and_holds_up_no_other() {
    let poison = "ALTER TABLE orch.sms_messages ADD CONSTRAINT poison
        CHECK (operator_message_id <> '13' OR status = 'sent')";
    let app = all_but_the_thirteenth_match(poison).await;
    let unavailable = r#"dlr_sweep_failures_total{cause="unavailable"} 0"#;
    assert!(app.counts(unavailable), "{}", app.metrics());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_whose_message_others_keep_changing_does_not_lapse() {
    let mut app = TestApp::around(|_| {}).await;
    // The status moves whenever we would change it, as if somebody were always faster.
    let moving = "CREATE FUNCTION orch.keep() RETURNS trigger LANGUAGE plpgsql AS
             $$BEGIN RETURN NULL; END$$;
         CREATE TRIGGER keep BEFORE UPDATE ON orch.sms_messages FOR EACH ROW
             EXECUTE FUNCTION orch.keep()";
    let message = app.message("7").await;
    app.sql
        .batch_execute("UPDATE orch.sms_messages SET created_at = now() - interval '75 hours'")
        .await
        .unwrap();
    app.sql.batch_execute(moving).await.unwrap();
    // Both are beyond their horizon, for nobody swept in time; only one has no message.
    let row = |sequence, id| Row {
        parked_ago: 74.0 * 3_600.0,
        ..Row::new(sequence, receipt(id, "DELIVRD"))
    };
    park(&app, &ring(&app), &[row(1, "7"), row(2, "8")]).await;
    app.add_processor().await;
    resolved(&app, 1).await;
    app.stop_processors().await;
    let lapsed = app.column("SELECT seq || ' ' || resolution FROM dlr.orphan_resolutions");
    assert_eq!(lapsed.await, ["2 lapsed"]);

    app.sql
        .batch_execute("DROP TRIGGER keep ON orch.sms_messages")
        .await
        .unwrap();
    app.add_processor().await;
    resolved(&app, 2).await;
    assert_eq!(app.status(message).await.0, "delivered");
    assert_eq!(app.webhooks().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redelivery_after_the_late_match_repeats_the_parked_notice_only() {
    let mut app = TestApp::around(|config| config.sweep.enabled = false).await;
    app.publish(receipt("7", "DELIVRD")).await;
    // Parked, but the notice is never confirmed: it will be delivered again.
    app.config.streams.unmatched = "SOMEBODY_ELSE".to_owned();
    app.add_processor_without_waiting();
    eventually(PATIENCE, "the receipt is parked", async || {
        app.dispositions().await == [0, 0, 1, 0]
    })
    .await;
    app.abandon_processors().await;
    let message = app.message("7").await;
    app.config.streams.unmatched = "SMS_DLR_UNMATCHED".to_owned();
    app.config.sweep.enabled = true;
    app.add_processor().await;
    resolved(&app, 1).await;
    app.drained().await;
    assert_eq!(app.dispositions().await, [0, 0, 1, 0]);
    assert_eq!(app.status(message).await.0, "delivered");
    assert_eq!(
        (app.billing().await.len(), app.webhooks().await.len()),
        (1, 1)
    );
    assert_eq!(app.distinct_events("SMS_DLR_UNMATCHED").await, 2);
    let resolutions: Vec<Value> = notices(&app).await.into_iter().map(|it| it.1).collect();
    assert!(resolutions.contains(&Value::Null) && resolutions.contains(&"matched".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_postgresql_costs_the_sweeper_time_only() {
    let app = TestApp::start().await;
    app.publish(receipt("7", "DELIVRD")).await;
    app.drained().await;
    app.database.close().await;
    eventually(PATIENCE, "the sweeper is out", async || {
        app.counts("dlr_sweep_active 0")
    })
    .await;
    app.database.open().await;
    app.message("7").await;
    resolved(&app, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_does_not_wait_for_a_stream_that_is_not_there() {
    let mut app = parked(&[receipt("7", "DELIVRD")]).await;
    app.message("7").await;
    app.config.streams.webhook = "SOMEBODY_ELSE".to_owned();
    app.add_processor_without_waiting();
    eventually(PATIENCE, "the decision is committed", async || {
        app.rows("SELECT FROM dlr.delivery_receipts").await.len() == 1
    })
    .await;
    let began = std::time::Instant::now();
    app.stop_processors().await;
    assert!(began.elapsed() < Duration::from_secs(15));
    assert!(resolutions(&app).await.is_empty());
}
