//! The real program, stopped gently and killed at random moments.

use std::time::Duration;

use dlr::dev::nats::Identity;
use dlr::lifecycle::Part;
use rustix::process::Signal;

use crate::support::{Process, TestApp, eventually, receipt};

/// Publishes `count` receipts of `count / 4` messages, four each, as fast as they are confirmed.
async fn load(app: &TestApp, count: usize) {
    let gateway = app.connect(Identity::Ingest).await;
    let gateway = async_nats::jetstream::new(gateway);
    let mut confirmations = Vec::new();
    for n in 0..count {
        let stat = ["ENROUTE", "ENROUTE", "UNDELIV", "DELIVRD"][n / (count / 4)];
        let payload = receipt(&(n % (count / 4)).to_string(), stat);
        confirmations.push(
            gateway
                .publish("sms.dlr.inbound", payload.into())
                .await
                .unwrap(),
        );
        if confirmations.len() == 500 {
            for confirmation in confirmations.drain(..) {
                confirmation.await.unwrap();
            }
        }
    }
    for confirmation in confirmations {
        confirmation.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c10_killed_at_random_moments_it_loses_nothing_and_counts_nothing_twice() {
    const RECEIPTS: usize = 40_000;
    let app = TestApp::around(|_| {}).await;
    app.messages(0..RECEIPTS / 4).await;
    let log = app.log_file().await;
    let kills = async {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..10 {
            let mut process = Process::start(&app.config, &log);
            let done = app.dispositions().await.iter().sum::<i64>();
            // All may be done before the last of them on a machine that looks away for seconds.
            let mark = (done + random.i64(0..2_500)).min(i64::try_from(RECEIPTS).unwrap() - 1);
            eventually(Duration::from_mins(2), "the process gets on", async || {
                app.dispositions().await.iter().sum::<i64>() > mark
            })
            .await;
            process.kill();
        }
    };
    tokio::join!(load(&app, RECEIPTS), kills);
    let mut last = Process::start(&app.config, &log);
    app.drained_within(Duration::from_mins(3)).await;

    let [applied, recorded, parked, rejected] = app.dispositions().await;
    assert_eq!(usize::try_from(applied + recorded).unwrap(), RECEIPTS);
    assert_eq!((parked, rejected), (0, 0));
    let undelivered =
        app.column("SELECT id::text FROM orch.sms_messages WHERE status <> 'delivered'");
    assert_eq!(undelivered.await, [""; 0]);
    // After de-duplication each applied receipt has its webhook, each final status its bill.
    let finals = app
        .column(
            "SELECT count(*)::text FROM dlr.delivery_receipts
             WHERE disposition = 'applied' AND status IN ('failed', 'delivered')",
        )
        .await;
    assert_eq!(
        app.distinct_events("WEBHOOK").await,
        usize::try_from(applied).unwrap()
    );
    assert_eq!(
        app.distinct_events("BILLING").await,
        finals[0].parse::<usize>().unwrap()
    );
    // No message moved twice to the same status.
    let twice = app
        .column(
            "SELECT message_id::text FROM dlr.delivery_receipts WHERE disposition = 'applied'
             GROUP BY message_id, status HAVING count(*) > 1",
        )
        .await;
    assert_eq!(twice, [""; 0]);
    last.signal(Signal::TERM);
    let status = last.ended(Duration::from_secs(30)).await;
    assert!(status.success(), "{status}: {}", last.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_under_load_finishes_what_is_held() {
    let app = TestApp::around(|_| {}).await;
    app.messages(0..5_000).await;
    let log = app.log_file().await;
    let mut process = Process::start(&app.config, &log);
    let stop = async {
        eventually(Duration::from_mins(1), "the process gets on", async || {
            app.dispositions().await.iter().sum::<i64>() > 1_000
        })
        .await;
        process.signal(Signal::TERM);
        process.ended(Duration::from_secs(28)).await
    };
    let ((), status) = tokio::join!(load(&app, 20_000), stop);
    assert!(status.success(), "{status}: {}", process.log());
    // What it took it has settled: nothing waits for a redelivery.
    eventually(
        Duration::from_secs(5),
        "nothing is left unsettled",
        async || app.backlog().await.1 == 0,
    )
    .await;
    let held = app.dispositions().await.iter().sum::<i64>();
    let (pending, _) = app.backlog().await;
    assert_eq!(u64::try_from(held).unwrap() + pending, 20_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_right_after_a_stop_does_not_wait_for_a_redelivery() {
    let mut app = TestApp::start().await;
    app.message("7").await;
    app.stop_processors().await;
    app.publish(receipt("7", "DELIVRD")).await;
    app.add_processor().await;
    let sooner_than_a_redelivery = Duration::from_secs(20);
    app.drained_within(sooner_than_a_redelivery).await;
    assert_eq!(
        app.column("SELECT status FROM orch.sms_messages").await,
        ["delivered"]
    );
    assert!(app.metrics().contains("dlr_redeliveries_total 0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_does_not_wait_and_loses_nothing() {
    let mut app = TestApp::around(|_| {}).await;
    app.message("7").await;
    let log = app.log_file().await;
    let mut process = Process::start(&app.config, &log);
    eventually(
        Duration::from_secs(30),
        "the process takes receipts",
        async || process.log().contains("taking receipts"),
    )
    .await;
    app.sql
        .batch_execute("BEGIN; LOCK TABLE dlr.delivery_receipts IN EXCLUSIVE MODE")
        .await
        .unwrap();
    app.publish(receipt("7", "DELIVRD")).await;
    eventually(Duration::from_secs(30), "the receipt is held", async || {
        app.backlog().await.1 == 1
    })
    .await;
    process.signal(Signal::TERM);
    eventually(
        Duration::from_secs(10),
        "the first signal is heard",
        async || process.log().contains("stopping"),
    )
    .await;
    process.signal(Signal::TERM);
    assert!(!process.ended(Duration::from_secs(5)).await.success());
    app.sql.batch_execute("ROLLBACK").await.unwrap();
    app.add_processor().await;
    app.drained().await;
    assert_eq!(app.dispositions().await, [1, 0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redelivery_waits_for_whoever_may_still_commit_the_first_delivery() {
    let app = TestApp::start().await;
    // What a first delivery whose COMMIT hangs holds: the shared lock of its envelope's range.
    app.sql
        .batch_execute("BEGIN; SELECT pg_advisory_xact_lock_shared(6581362::bigint << 40)")
        .await
        .unwrap();
    // Early, so it is delivered a second time.
    app.publish(receipt("7", "DELIVRD")).await;
    let fault = app.fault_of(Part::PostgreSql).await;
    assert!(fault.contains("lock timeout"), "{fault}");
    assert_eq!(app.dispositions().await, [0; 4]);
    app.sql.batch_execute("ROLLBACK").await.unwrap();
    app.drained().await;
    assert_eq!(app.dispositions().await, [0, 0, 1, 0]);
}
