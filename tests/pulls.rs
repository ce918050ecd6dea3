//! How envelopes are asked for.

use std::time::Duration;

use dlr::dev::nats::Identity;
use futures_util::{FutureExt as _, StreamExt as _};

use crate::support::{PATIENCE, TestApp, eventually, receipt};

/// Longer than a pull stays open.
const IDLE: Duration = Duration::from_secs(3);

async fn publish_known(app: &TestApp, ids: std::ops::Range<u32>) {
    for id in ids {
        app.message(&id.to_string()).await;
        app.publish(receipt(&id.to_string(), "DELIVRD")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_import_lies_between_one_pull_asks_for_many() {
    let mut app = TestApp::in_one_account(|_| {}).await;
    publish_known(&app, 0..200).await;
    let observer = app.connect(Identity::Provisioner).await;
    let subject = "$JS.API.CONSUMER.MSG.NEXT.SMS_DLR.dlr-processor";
    let mut pulls = observer.subscribe(subject).await.unwrap();
    observer.flush().await.unwrap();
    app.add_processor().await;
    app.drained().await;
    assert_eq!(app.dispositions().await, [200, 0, 0, 0]);
    let mut asked = 0;
    while pulls.next().now_or_never().flatten().is_some() {
        asked += 1;
    }
    assert!((1..20).contains(&asked), "{asked} pulls");
    assert!(app.counts("dlr_redeliveries_total 0"), "{}", app.metrics());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_pull_did_not_bring_is_asked_for_again() {
    let mut app = TestApp::in_one_account(|config| {
        config.pipeline.in_flight_max = 4;
        config.pipeline.pull_max = 4;
    })
    .await;
    app.add_processor().await;
    let started = std::time::Instant::now();
    for round in 0..2 {
        // Several pulls have ended by then with nothing, or with one envelope of two.
        eventually(PATIENCE, "pulls end", async || {
            started.elapsed() > (round + 1) * IDLE
        })
        .await;
        let first = round * 9;
        publish_known(&app, first..first + 9).await;
        app.drained().await;
        assert_eq!(app.dispositions().await, [i64::from(first + 9), 0, 0, 0]);
    }
    assert!(app.counts("dlr_redeliveries_total 0"), "{}", app.metrics());
    assert!(
        app.counts("dlr_foreign_envelopes_total 0"),
        "{}",
        app.metrics()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_receipt_costs_its_neighbours_no_redelivery() {
    for in_one_account in [true, false] {
        let mut app = if in_one_account {
            TestApp::in_one_account(|_| {}).await
        } else {
            TestApp::around(|_| {}).await
        };
        publish_known(&app, 0..50).await;
        app.publish("").await;
        publish_known(&app, 50..100).await;
        app.add_processor().await;
        app.drained().await;
        assert_eq!(app.dispositions().await, [100, 0, 0, 1]);
        assert!(app.counts("dlr_redeliveries_total 0"), "{}", app.metrics());
    }
}
