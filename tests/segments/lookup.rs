//! Whether groups are looked at, in each kind of `orch.sms_messages`.

use std::time::Duration;

use dlr::config::Switch;
use serde_json::Value;

use super::{deliver, message_in_parts, told};
use crate::support::{Process, TestApp, eventually, receipt, servers};

#[tokio::test(flavor = "multi_thread")]
async fn a_message_in_one_part_or_of_too_many_has_no_group_status() {
    let app = TestApp::start().await;
    let nullable = "ALTER TABLE orch.sms_messages ALTER account_id DROP NOT NULL";
    app.sql.batch_execute(nullable).await.unwrap();
    app.message("single").await;
    let group = message_in_parts(&app, "a", 2).await;
    let too_large = message_in_parts(&app, "b", 255).await;
    app.sql
        .execute(
            "INSERT INTO orch.sms_messages (id, account_id, carrier_id, segment, segments, group_id)
             VALUES (gen_random_uuid(), gen_random_uuid(), 'acme', 1, 255, $1)",
            &[&too_large],
        )
        .await
        .unwrap();
    // In somebody else's table a row may have no account: it is not seen, here as in the match.
    app.sql
        .execute(
            "INSERT INTO orch.sms_messages (id, account_id, carrier_id, segment, segments, group_id)
             VALUES (gen_random_uuid(), NULL, 'acme', 2, 2, $1)",
            &[&group],
        )
        .await
        .unwrap();
    for id in ["single", "a-1", "b-7"] {
        app.publish(receipt(id, "UNDELIV")).await;
    }
    app.drained().await;
    let mut all: Vec<(Value, Value)> = app
        .webhooks()
        .await
        .into_iter()
        .map(|mut event| {
            let data = &mut event.body["data"];
            (data["groupId"].take(), data["groupStatus"].take())
        })
        .collect();
    let mut expected = vec![
        (Value::Null, Value::Null),
        (group.to_string().into(), "failed".into()),
        (too_large.to_string().into(), Value::Null),
    ];
    let by_text = |pair: &(Value, Value)| format!("{pair:?}");
    all.sort_by_key(by_text);
    expected.sort_by_key(by_text);
    assert_eq!(all, expected);
}

/// The orchestrator's table behind a view, of which the service knows nothing.
const VIEW: &str = "
    ALTER TABLE orch.sms_messages RENAME TO real_messages;
    REVOKE ALL ON orch.real_messages FROM dlr_svc;
    CREATE VIEW orch.sms_messages AS SELECT * FROM orch.real_messages;
    ALTER VIEW orch.sms_messages OWNER TO orch_owner;
    GRANT SELECT (id, account_id, carrier_id, operator_message_id, status, dlr_status, created_at, segment,
        segments, group_id, client_ref, mccmnc, price, currency),
        UPDATE (status, dlr_status, dlr_received_at, processed_at) ON orch.sms_messages TO dlr_svc;";

/// What the one webhook about a failed segment tells of its group.
async fn told_of_a_failed_segment(mut app: TestApp) -> Vec<String> {
    app.add_processor().await;
    let group = message_in_parts(&app, "a", 2).await;
    deliver(&app, &[("a-1", "UNDELIV")]).await;
    told(&app, group).await
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_view_groups_are_looked_at_only_if_that_is_asked_for() {
    let app = TestApp::around(|_| {}).await;
    app.sql.batch_execute(VIEW).await.unwrap();
    assert_eq!(told_of_a_failed_segment(app).await, ["1 failed: null"]);

    let app = TestApp::around(|config| config.pipeline.group_status = Switch::On).await;
    app.sql.batch_execute(VIEW).await.unwrap();
    assert_eq!(told_of_a_failed_segment(app).await, ["1 failed: failed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_partitioned_table_groups_are_looked_at_if_every_partition_has_the_index() {
    let app = TestApp::around(|_| {}).await;
    let bound = app
        .column("SELECT quote_literal(date_trunc('day', now())::text)")
        .await;
    let partitioned = format!(
        "CREATE TABLE orch.partitioned (LIKE orch.sms_messages INCLUDING DEFAULTS)
             PARTITION BY RANGE (created_at);
         DROP TABLE orch.sms_messages;
         ALTER TABLE orch.partitioned RENAME TO sms_messages;
         CREATE TABLE orch.messages_before PARTITION OF orch.sms_messages
             FOR VALUES FROM (MINVALUE) TO ({0});
         CREATE TABLE orch.messages_since PARTITION OF orch.sms_messages
             FOR VALUES FROM ({0}) TO (MAXVALUE);
         GRANT SELECT (id, account_id, carrier_id, operator_message_id, status, dlr_status, created_at, segment,
             segments, group_id, client_ref, mccmnc, price, currency),
             UPDATE (status, dlr_status, dlr_received_at, processed_at) ON orch.sms_messages TO dlr_svc;
         CREATE INDEX by_group ON ONLY orch.sms_messages (group_id, segment);
         CREATE INDEX by_group_before ON orch.messages_before (group_id, segment);
         ALTER INDEX orch.by_group ATTACH PARTITION orch.by_group_before;",
        bound[0]
    );
    app.sql.batch_execute(&partitioned).await.unwrap();
    let mut app = app;
    app.add_processor().await;
    let group = message_in_parts(&app, "a", 2).await;
    deliver(&app, &[("a-1", "UNDELIV")]).await;
    assert_eq!(told(&app, group).await, ["1 failed: null"]);

    app.stop_processors().await;
    app.sql
        .batch_execute(
            "CREATE INDEX by_group_since ON orch.messages_since (group_id, segment);
             ALTER INDEX orch.by_group ATTACH PARTITION orch.by_group_since;",
        )
        .await
        .unwrap();
    app.add_processor().await;
    deliver(&app, &[("a-2", "DELIVRD")]).await;
    assert_eq!(
        told(&app, group).await,
        ["1 failed: null", "2 delivered: partially_delivered"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_index_groups_are_not_looked_at_and_that_is_said_once() {
    let app = TestApp::around(|_| {}).await;
    app.sql
        .batch_execute(
            "DROP INDEX orch.sms_messages_group;
             CREATE INDEX partial ON orch.sms_messages (group_id) WHERE status = 'sent';
             CREATE INDEX second ON orch.sms_messages (status, group_id);",
        )
        .await
        .unwrap();
    let log = format!("{}.log", app.database.name());
    let log = servers().await.supervisor.folder().join(log);
    let process = Process::start(&app.config, &log);
    let group = message_in_parts(&app, "a", 2).await;
    deliver(&app, &[("a-1", "UNDELIV")]).await;
    assert_eq!(told(&app, group).await, ["1 failed: null"]);

    // The watch over the database sees an index come and go.
    let said = || {
        let log = process.log();
        let events = log
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let said = events.filter_map(|event| Some(event["group_status"].as_str()?.to_owned()));
        said.collect::<Vec<String>>()
    };
    let deadline = Duration::from_secs(30);
    let index = "CREATE INDEX sms_messages_group ON orch.sms_messages (group_id) WHERE group_id IS NOT NULL";
    app.sql.batch_execute(index).await.unwrap();
    eventually(deadline, "the index is noticed", async || {
        said() == ["off", "on"]
    })
    .await;
    deliver(&app, &[("a-2", "DELIVRD")]).await;
    assert_eq!(
        told(&app, group).await.last().unwrap(),
        "2 delivered: partially_delivered"
    );
    app.sql
        .batch_execute("DROP INDEX orch.sms_messages_group")
        .await
        .unwrap();
    eventually(deadline, "its loss is noticed", async || {
        said() == ["off", "on", "off"]
    })
    .await;
}
