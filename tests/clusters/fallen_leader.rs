//! The server that leads is gone from one moment to the next, and comes back.

use dlr::dev::nats::Identity;

use super::nats::{App, survives};
use super::progress;

async fn killed(app: &mut App, stream: &str) {
    let leader = app.leader(stream).await;
    app.kill(leader);
    // The others elect another, and go on without it.
    progress(app, 2_000).await;
    app.resume(leader).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes long: make test-faults"]
async fn the_leader_of_the_receipts_is_killed_and_comes_back() {
    survives(Identity::Processor, async |app, _| {
        killed(app, "SMS_DLR").await;
        app.whole().await;
        killed(app, "SMS_DLR").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes long: make test-faults"]
async fn the_leader_of_the_billing_events_is_killed_and_comes_back() {
    survives(Identity::Processor, async |app, _| {
        killed(app, "BILLING").await;
    })
    .await;
}

/// Without an import between the processor and the streams it hears every answer of every leader.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes long: make test-faults"]
async fn in_one_account_the_leader_of_the_billing_events_is_killed_and_comes_back() {
    survives(Identity::Provisioner, async |app, _| {
        killed(app, "BILLING").await;
    })
    .await;
}
