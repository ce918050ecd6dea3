//! Two segments of one message, decided at the same moment.

use std::collections::BTreeMap;

use super::{message_in_parts, told};
use crate::support::{TestApp, receipt};

#[tokio::test(flavor = "multi_thread")]
async fn what_another_replica_is_deciding_about_a_segment_is_waited_for() {
    let app = TestApp::start().await;
    let group = message_in_parts(&app, "a", 2).await;
    // Another replica at work: it has updated segment 1, is about to commit, and has seen to it
    // that segment 2 is not what the match reads.
    let mut other = app.database.superuser().await;
    let other = other.transaction().await.unwrap();
    other
        .batch_execute(
            "UPDATE orch.sms_messages SET status = CASE segment WHEN 1 THEN 'delivered' ELSE 'accepted' END",
        )
        .await
        .unwrap();
    app.publish(receipt("a-2", "DELIVRD")).await;
    app.blocked(Some("dlr_svc"), "the processor waits for the other")
        .await;
    other.commit().await.unwrap();
    app.drained().await;
    assert_eq!(told(&app, group).await, ["2 delivered: delivered"]);
    assert_eq!(
        app.column("SELECT previous_status FROM dlr.delivery_receipts")
            .await,
        ["accepted"]
    );
    let retries = "dlr_batch_retries_total{cause=\"moved\"} 0";
    assert!(
        app.metrics().contains(retries),
        "it was decided once: {}",
        app.metrics()
    );
}

/// Two lanes that decide two segments at one moment must not both say that the other is open.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_segments_decided_at_once_one_says_how_the_message_ended() {
    const GROUPS: usize = 200;
    let mut app = TestApp::around(|config| {
        config.pipeline.lanes = 4;
        config.pipeline.batch_max = 3;
    })
    .await;
    for n in 0..GROUPS {
        message_in_parts(&app, &n.to_string(), 2).await;
    }
    app.add_processor().await;
    app.add_processor().await;
    let receipts = (0..GROUPS).flat_map(|n| {
        let second = if n % 2 == 0 { "DELIVRD" } else { "UNDELIV" };
        [(format!("{n}-1"), "DELIVRD"), (format!("{n}-2"), second)]
    });
    let publish = receipts.map(|(id, stat)| app.publish(receipt(&id, stat)));
    futures_util::future::join_all(publish).await;
    app.drained().await;

    let mut told: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for event in app.webhooks().await {
        let data = &event.body["data"];
        let text = |field: &str| data[field].as_str().unwrap().to_owned();
        let of_group = told.entry(text("groupId")).or_default();
        of_group.push((text("status"), text("groupStatus")));
    }
    assert_eq!(told.len(), GROUPS);
    for of_group in told.values_mut() {
        of_group.sort();
        let told: Vec<(&str, &str)> = of_group
            .iter()
            .map(|(a, b)| (a.as_str(), b.as_str()))
            .collect();
        // Whoever came first knew of the other's segment that it was open, the other knew both.
        // Which of the two that was may differ; that both or neither knew of the other must not be.
        let possible: &[[(&str, &str); 2]] = if told[1].0 == "delivered" && told[0].0 == "delivered"
        {
            &[[("delivered", "delivered"), ("delivered", "pending")]]
        } else {
            &[
                [("delivered", "pending"), ("failed", "partially_delivered")],
                [("delivered", "partially_delivered"), ("failed", "failed")],
            ]
        };
        assert!(possible.iter().any(|possible| told == possible), "{told:?}");
    }
}

/// Transactions that lock groups, and messages that are in none, in whatever order the batches
/// have them: nobody waits in a circle, which PostgreSQL would have to break.
#[tokio::test(flavor = "multi_thread")]
async fn replicas_at_work_on_the_same_groups_never_wait_in_a_circle() {
    const GROUPS: usize = 200;
    let mut app = TestApp::around(|config| {
        config.pipeline.lanes = 4;
        config.pipeline.batch_max = 50;
    })
    .await;
    // With as many others that the plans are those of a large table.
    app.sql
        .batch_execute(
            "INSERT INTO orch.sms_messages (id, account_id, carrier_id, operator_message_id, status)
             SELECT gen_random_uuid(), gen_random_uuid(), 'acme', 'other-' || n, 'sent'
             FROM generate_series(0, 19999) AS n",
        )
        .await
        .unwrap();
    for n in 0..GROUPS {
        message_in_parts(&app, &n.to_string(), 3).await;
    }
    app.sql
        .batch_execute("VACUUM ANALYZE orch.sms_messages")
        .await
        .unwrap();
    let mut receipts = Vec::new();
    for n in 0..GROUPS {
        for stat in [
            "ENROUTE", "ACCEPTD", "EXPIRED", "UNDELIV", "DELIVRD", "DELIVRD",
        ] {
            receipts.extend((1..=3).map(|segment| (format!("{n}-{segment}"), stat)));
            receipts.push((format!("other-{n}"), stat));
        }
    }
    fastrand::Rng::with_seed(3).shuffle(&mut receipts);
    app.add_processor().await;
    app.add_processor().await;
    let publish = receipts
        .iter()
        .map(|(id, stat)| app.publish(receipt(id, stat)));
    futures_util::future::join_all(publish).await;
    app.drained().await;
    // Whose sessions end have told what they counted.
    app.stop_processors().await;
    let deadlocks =
        "SELECT deadlocks::text FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(app.column(deadlocks).await, ["0"]);

    let mut ends: BTreeMap<String, usize> = BTreeMap::new();
    for event in app.webhooks().await {
        let data = &event.body["data"];
        if data["groupStatus"] == "delivered" {
            *ends.entry(data["groupId"].to_string()).or_default() += 1;
        }
    }
    assert_eq!(ends.len(), GROUPS, "each message arrives");
    assert!(
        ends.values().all(|&times| times == 1),
        "and that is told once"
    );
}
