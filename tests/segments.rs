//! Messages in parts: each segment has its receipts, and webhooks tell how the whole stands.

mod lookup;
mod races;
mod replays;

use std::collections::BTreeMap;

use dlr::dev::postgres::Role;
use dlr::events::{self, Source};
use dlr::receipt::ids::Identity;
use dlr::receipt::profile::{Profile, Profiles, Segments};
use dlr::store::Session;
use serde_json::Value;
use uuid::Uuid;

use crate::support::{TestApp, receipt};

/// A sent message in `count` parts; the segments' operator message ids are `name-1`, `name-2`, ….
async fn message_in_parts(app: &TestApp, name: &str, count: i16) -> Uuid {
    let (group, account) = (Uuid::new_v4(), Uuid::new_v4());
    let numbers: Vec<i16> = (1..=count).collect();
    app.sql
        .execute(
            "INSERT INTO orch.sms_messages
                (id, account_id, carrier_id, operator_message_id, status, segment, segments, group_id)
             SELECT gen_random_uuid(), $1, 'acme', $2 || '-' || n, 'sent', n, $3, $4
             FROM unnest($5::int2[]) AS n",
            &[&account, &name, &count, &group, &numbers],
        )
        .await
        .unwrap();
    group
}

/// Publishes receipts one by one, each settled before the next.
async fn deliver(app: &TestApp, receipts: &[(&str, &str)]) {
    for (id, stat) in receipts {
        app.publish(receipt(id, stat)).await;
        app.drained().await;
    }
}

/// What the webhooks of a group tell, in the order of the stream: segment, status, group status.
async fn told(app: &TestApp, group: Uuid) -> Vec<String> {
    let webhooks = app.webhooks().await.into_iter();
    let of_group = webhooks.filter(|event| event.body["data"]["groupId"] == group.to_string());
    let told = of_group.map(|event| {
        let data = &event.body["data"];
        let text = |field: &str| data[field].as_str().unwrap_or("null").to_owned();
        format!(
            "{} {}: {}",
            data["segment"],
            text("status"),
            text("groupStatus")
        )
    });
    told.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_of_three_segments_to_be_delivered_says_so_of_the_message() {
    let app = TestApp::start().await;
    let orders = [
        [1, 2, 3],
        [1, 3, 2],
        [2, 1, 3],
        [2, 3, 1],
        [3, 1, 2],
        [3, 2, 1],
    ];
    let mut groups = Vec::new();
    for order in orders {
        let name = format!("{order:?}").replace(' ', "");
        groups.push((order, message_in_parts(&app, &name, 3).await, name));
    }
    for turn in 0..3 {
        for (order, _, name) in &groups {
            let id = format!("{name}-{}", order[turn]);
            app.publish(receipt(&id, "DELIVRD")).await;
        }
        app.drained().await;
    }
    for ([first, second, third], group, _) in groups {
        assert_eq!(
            told(&app, group).await,
            [
                format!("{first} delivered: pending"),
                format!("{second} delivered: pending"),
                format!("{third} delivered: delivered"),
            ]
        );
    }
    let bills = app.billing().await;
    assert_eq!(bills.len(), 18, "each segment is billed");
    assert!(
        bills
            .iter()
            .all(|bill| bill.body["data"].get("groupStatus").is_none())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_tells_the_group_as_each_of_its_receipts_leaves_it() {
    let mut app = TestApp::around(|config| config.pipeline.lanes = 1).await;
    let group = message_in_parts(&app, "a", 3).await;
    for (id, stat) in [
        ("a-2", "ENROUTE"),
        ("a-1", "DELIVRD"),
        ("a-3", "EXPIRED"),
        ("a-3", "ENROUTE"),
        ("a-2", "DELIVRD"),
        ("a-3", "DELIVRD"),
        ("a-3", "DELIVRD"),
    ] {
        app.publish(receipt(id, stat)).await;
    }
    app.add_processor().await;
    app.drained().await;
    let expected = [
        "2 in_transit: pending",
        "1 delivered: pending",
        "3 expired: partially_delivered",
        "2 delivered: partially_delivered",
        "3 delivered: delivered",
    ];
    assert_eq!(told(&app, group).await, expected);
    // What is stored is what is told, of recorded receipts too.
    let stored = app
        .column("SELECT disposition || ' ' || group_status FROM dlr.delivery_receipts ORDER BY seq")
        .await;
    assert_eq!(
        stored,
        [
            "applied pending",
            "applied pending",
            "applied partially_delivered",
            "recorded partially_delivered",
            "applied partially_delivered",
            "applied delivered",
            "recorded delivered",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_told_at_once_and_corrected_later() {
    let app = TestApp::start().await;
    let group = message_in_parts(&app, "a", 2).await;
    deliver(
        &app,
        &[
            ("a-2", "UNDELIV"),
            ("a-1", "EXPIRED"),
            ("a-1", "DELIVRD"),
            ("a-2", "ENROUTE"),
            ("a-2", "DELIVRD"),
            ("a-2", "DELIVRD"),
            ("a-1", "UNDELIV"),
        ],
    )
    .await;
    let expected = [
        "2 failed: failed",
        "1 expired: failed",
        "1 delivered: partially_delivered",
        "2 delivered: delivered",
    ];
    assert_eq!(told(&app, group).await, expected);
}

/// A redelivery reads the row and decides nothing: it must come to the same events.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_of_a_group_is_a_function_of_the_stored_row() {
    let app = TestApp::start().await;
    message_in_parts(&app, "a", 2).await;
    deliver(&app, &[("a-1", "DELIVRD"), ("a-2", "DELIVRD")]).await;
    let rows =
        "SELECT seq, (extract(epoch FROM stored_at) * 1000000)::int8 FROM dlr.delivery_receipts";
    let identity = |row: &tokio_postgres::Row| Identity {
        stream: "SMS_DLR".into(),
        sequence: row.get::<_, i64>(0).cast_unsigned(),
        stored_ns: row.get::<_, i64>(1) * 1_000,
    };
    let identities: Vec<Identity> = app.rows(rows).await.iter().map(identity).collect();
    let session = Session::open(app.database.connect(Role::Service).await)
        .await
        .unwrap();
    let stored = session
        .find_receipts(&identities.iter().map(Identity::row_key).collect::<Vec<_>>())
        .await
        .unwrap();
    let source = Source::of_deployment(&app.config.deployment.name);
    let mut repeated = BTreeMap::new();
    for receipt in &stored {
        let mut events = Vec::new();
        let id = receipt.operator_message_id().unwrap();
        events::of_decision(&source, &receipt.decision(id), &mut events);
        let body = |body: &[u8]| serde_json::from_slice::<Value>(body).unwrap();
        repeated.extend(
            events
                .iter()
                .map(|event| (event.id.to_string(), body(&event.body))),
        );
    }
    let published = app.webhooks().await.into_iter().chain(app.billing().await);
    let published: BTreeMap<_, _> = published.map(|event| (event.id, event.body)).collect();
    assert_eq!(published.len(), 4);
    assert_eq!(repeated, published);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_profile_says_which_segments_are_waited_for() {
    let app = TestApp::start().await;
    for (policy, expected) in [
        (
            Segments::All,
            ["pending", "failed", "pending", "partially_delivered"],
        ),
        (
            Segments::First,
            ["delivered", "failed", "pending", "partially_delivered"],
        ),
        (
            Segments::Last,
            ["pending", "pending", "delivered", "delivered"],
        ),
        (
            Segments::Any,
            ["delivered", "failed", "delivered", "delivered"],
        ),
    ] {
        app.set_profiles(|| {
            let segments = policy;
            let profile = Profile {
                segments,
                ..Profile::default()
            };
            Profiles::new([("acme".to_owned(), profile)])
        });
        let names = ["first", "fails", "last", "mixed"].map(|name| format!("{policy:?}-{name}"));
        let mut groups = Vec::new();
        for name in &names {
            groups.push(message_in_parts(&app, name, 3).await);
        }
        let [first, fails, last, mixed] = &names;
        for (id, stat) in [
            (format!("{first}-1"), "DELIVRD"),
            (format!("{fails}-1"), "UNDELIV"),
            (format!("{last}-3"), "DELIVRD"),
            (format!("{mixed}-1"), "UNDELIV"),
        ] {
            app.publish(receipt(&id, stat)).await;
        }
        app.drained().await;
        deliver(&app, &[(&format!("{mixed}-3"), "DELIVRD")]).await;
        for (group, expected) in groups.into_iter().zip(expected) {
            let told = told(&app, group).await;
            let last = told.last().unwrap();
            assert!(
                last.ends_with(&format!(": {expected}")),
                "{policy:?}: {last} {expected}"
            );
        }
    }
}
