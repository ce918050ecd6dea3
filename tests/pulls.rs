//! How envelopes are asked for.

use std::ops::Range;
use std::time::Duration;

use dlr::config::Config;
use dlr::dev::nats::Identity;
use dlr::lifecycle::Part;
use futures_util::{FutureExt as _, StreamExt as _};

use crate::support::{PATIENCE, TestApp, eventually, receipt, servers};

/// Longer than a pull stays open.
const IDLE: Duration = Duration::from_secs(3);

/// Everything but the processor, without an import between it and the stream or with it.
async fn around(in_one_account: bool, adjust: impl FnOnce(&mut Config)) -> TestApp {
    if in_one_account {
        TestApp::in_one_account(adjust).await
    } else {
        TestApp::around(adjust).await
    }
}

async fn publish_known(app: &TestApp, ids: Range<usize>) {
    app.messages(ids.clone()).await;
    for id in ids {
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
    for round in 0..2_u8 {
        // Several pulls have ended by then with nothing, or with one envelope of two.
        eventually(PATIENCE, "pulls end", async || {
            started.elapsed() > u32::from(round + 1) * IDLE
        })
        .await;
        let first = usize::from(round) * 9;
        publish_known(&app, first..first + 9).await;
        app.drained().await;
        assert_eq!(
            app.dispositions().await,
            [i64::from(round + 1) * 9, 0, 0, 0]
        );
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
        let mut app = around(in_one_account, |_| {}).await;
        publish_known(&app, 0..50).await;
        app.publish("").await;
        publish_known(&app, 50..100).await;
        app.add_processor().await;
        app.drained().await;
        assert_eq!(app.dispositions().await, [100, 0, 0, 1]);
        assert!(app.counts("dlr_redeliveries_total 0"), "{}", app.metrics());
    }
}

/// Everything there is room for is held at once, and no more: nothing of it can be stored.
async fn holds_exactly(app: &TestApp, room: usize, ids: Range<usize>) {
    app.database.close().await;
    app.fault_of(Part::PostgreSql).await;
    publish_known(app, ids).await;
    eventually(PATIENCE, "the room is filled", async || {
        app.backlog().await.1 == room
    })
    .await;
    app.database.open().await;
    app.drained().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pulls_that_are_lost_with_a_connection_give_their_room_back() {
    const ROOM: usize = 18;
    for in_one_account in [true, false] {
        let adjust = |config: &mut Config| {
            config.pipeline.in_flight_max = ROOM;
            config.pipeline.batch_max = ROOM;
            config.pipeline.pull_max = 12;
        };
        let mut app = around(in_one_account, adjust).await;
        app.add_processor().await;
        publish_known(&app, 0..100).await;
        app.drained().await;
        let supervisor = &servers().await.supervisor;
        for _ in 0..3 {
            tokio::task::block_in_place(|| app.nats.stop().unwrap());
            app.fault_of(Part::Nats).await;
            tokio::task::block_in_place(|| app.nats.resume(supervisor).unwrap());
            let readiness = app.readiness();
            eventually(PATIENCE, "ready again", async || readiness.is_ready()).await;
        }
        holds_exactly(&app, ROOM, 100..200).await;
        assert_eq!(app.dispositions().await, [200, 0, 0, 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_for_when_it_stops_is_settled_and_nothing_more_is_asked_for() {
    for in_one_account in [true, false] {
        let mut app = around(in_one_account, |_| {}).await;
        publish_known(&app, 0..1_500).await;
        app.add_processor().await;
        eventually(PATIENCE, "it is at work", async || {
            app.dispositions().await[0] > 100
        })
        .await;
        app.stop_processors().await;
        let (pending, unsettled) = app.backlog().await;
        assert_eq!(unsettled, 0);
        let [applied, ..] = app.dispositions().await;
        assert_eq!(u64::try_from(applied).unwrap() + pending, 1_500);
        app.add_processor().await;
        app.drained().await;
        assert_eq!(app.dispositions().await, [1_500, 0, 0, 0]);
        assert!(app.counts("dlr_redeliveries_total 0"), "{}", app.metrics());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_pulls_pile_up_while_nats_is_away() {
    let mut app = TestApp::start().await;
    let supervisor = &servers().await.supervisor;
    tokio::task::block_in_place(|| app.nats.stop().unwrap());
    app.fault_of(Part::Nats).await;
    let stopped = std::time::Instant::now();
    eventually(PATIENCE, "some pulls' time passes", async || {
        stopped.elapsed() > 3 * IDLE
    })
    .await;
    tokio::task::block_in_place(|| app.nats.resume(supervisor).unwrap());
    // Envelopes that such pulls were given would come again only after `ack_wait`.
    publish_known(&app, 0..300).await;
    app.drained().await;
    assert_eq!(app.dispositions().await, [300, 0, 0, 0]);
    assert!(app.counts("dlr_redeliveries_total 0"), "{}", app.metrics());
    assert!(
        app.counts("dlr_foreign_envelopes_total 0"),
        "{}",
        app.metrics()
    );
}
