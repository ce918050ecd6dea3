//! Payloads that are no receipts: each rejected by name, at no cost to its neighbours.

use crate::support::{TestApp, receipt};

#[tokio::test(flavor = "multi_thread")]
async fn c2_every_malformed_payload_is_rejected_by_name() {
    let app = TestApp::start().await;
    let with = |fields: &str| {
        format!(r#"{{"carrierId":"acme","operatorMessageId":"7","stat":"DELIVRD"{fields}}}"#)
    };
    let deep = format!(r#","x":{}{}"#, "[".repeat(7_000), "]".repeat(7_000));
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (b"".to_vec(), "empty"),
        (b"x".to_vec(), "unknown_encoding"),
        (with("").trim_end_matches('}').as_bytes().to_vec(), "truncated"),
        (with(&format!(r#","x":"{}""#, "x".repeat(16 * 1024))).into_bytes(), "oversized"),
        (b"{\"stat\":\"\xff\"}".to_vec(), "not_utf8"),
        (with(&deep).into_bytes(), "too_deep"),
        (with(r#","err":"a\u0000b""#).into_bytes(), "contains_nul"),
        (with(r#","stat":"DELIVRD""#).into_bytes(), "duplicate_field"),
        (with(r#","err":7"#).into_bytes(), "wrong_type"),
        (with(r#","err":1e999"#).into_bytes(), "malformed_json"),
        (b"{\"carrierId\":\"acme\",\"operatorMessageId\":\"7\",\"stat\":\"DELIVRD'; DROP TABLE x\"}".to_vec(), "bad_characters"),
    ];
    let mut expected = Vec::new();
    for (payload, reason) in cases {
        let length = payload.len();
        let sequence = app.publish(payload).await;
        expected.push(format!("{sequence} {reason} {length}"));
    }
    app.drained().await;
    let found = app
        .column("SELECT format('%s %s %s', seq, reason, payload_length) FROM dlr.rejected_receipts ORDER BY seq")
        .await;
    assert_eq!(found, expected);
    assert!(app.billing().await.is_empty() && app.unmatched().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn c3_a_broken_payload_costs_its_neighbours_nothing() {
    let mut app = TestApp::around(|_| {}).await;
    let mut messages = Vec::new();
    for n in 0..50 {
        messages.push(app.message(&n.to_string()).await);
    }
    for n in 0..50 {
        app.publish(receipt(&n.to_string(), "DELIVRD")).await;
        if n % 10 == 0 {
            app.publish("{\"carrierId\":\"acme\",\"stat\":\"a\0\"}")
                .await;
        }
    }
    // Started late, so that all of it is one batch.
    app.add_processor().await;
    app.drained().await;
    assert_eq!(app.dispositions().await, [50, 0, 0, 5]);
    for message in messages {
        assert_eq!(app.status(message).await.0, "delivered");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_empty_payloads_do_not_delay_their_neighbours() {
    // Between accounts a message without payload and headers ends the answer to a pull.
    let app = TestApp::start().await;
    for n in 0..100 {
        app.message(&n.to_string()).await;
        app.publish("").await;
        app.publish(receipt(&n.to_string(), "DELIVRD")).await;
    }
    let sooner_than_a_redelivery = std::time::Duration::from_secs(20);
    app.drained_within(sooner_than_a_redelivery).await;
    assert_eq!(app.dispositions().await, [100, 0, 0, 100]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_postgresql_refuses_is_parked_alone() {
    // In one lane, so that it shares its transactions with whatever else comes.
    let mut app = TestApp::around(|config| config.pipeline.lanes = 1).await;
    // A message whose status change the orchestrator's own constraint refuses.
    app.sql
        .batch_execute(
            "ALTER TABLE orch.sms_messages ADD CONSTRAINT poison
                CHECK (operator_message_id <> '13' OR status = 'sent')",
        )
        .await
        .unwrap();
    for n in 0..40 {
        app.message(&n.to_string()).await;
        app.publish(receipt(&n.to_string(), "DELIVRD")).await;
        app.publish("no receipt").await;
    }
    app.add_processor().await;
    app.drained().await;
    assert_eq!(app.dispositions().await, [39, 0, 1, 40]);
    let unavailable = r#"dlr_batch_retries_total{cause="unavailable"} 0"#;
    assert!(app.counts(unavailable), "{}", app.metrics());
    let parked = app.column("SELECT reason FROM dlr.orphaned_receipts").await;
    assert_eq!(parked, ["store_refused"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn c14_headers_of_a_receipt_go_nowhere() {
    let app = TestApp::start().await;
    app.message("7").await;
    let mut headers = async_nats::HeaderMap::new();
    for n in 0..200 {
        headers.insert(format!("X-{n}"), "spam");
    }
    headers.insert("Content-Type", "text/evil");
    let subject = app.config.streams.inbound_subject.clone();
    let publish =
        app.gateway()
            .publish_with_headers(subject, headers, receipt("7", "DELIVRD").into());
    publish.await.unwrap().await.unwrap();
    app.drained().await;
    for event in app.billing().await {
        let mut names = event.headers;
        names.sort();
        assert_eq!(names, ["Content-Type", "Nats-Msg-Id"]);
    }
    assert_eq!(app.dispositions().await, [1, 0, 0, 0]);
}
