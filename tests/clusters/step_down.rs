//! Leaders change while events are published: of a group of confirmations some come from the one, some
//! from the next, some twice, some never.

use dlr::dev::nats::Identity;

use super::nats::{App, survives};
use super::progress;

async fn changes(app: &App) {
    for _ in 0..10 {
        for stream in ["BILLING", "WEBHOOK"] {
            app.step_down(stream).await;
            progress(app, 200).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes long: make test-faults"]
async fn leaders_step_down_while_events_are_published() {
    survives(Identity::Processor, async |app, _| changes(app).await).await;
}

/// Without an import between the processor and the streams it hears every answer of every leader.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes long: make test-faults"]
async fn in_one_account_leaders_step_down_while_events_are_published() {
    survives(Identity::Provisioner, async |app, _| changes(app).await).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes long: make test-faults"]
async fn the_leader_of_the_receipts_steps_down_under_load() {
    survives(Identity::Processor, async |app, _| {
        for _ in 0..10 {
            app.step_down("SMS_DLR").await;
            progress(app, 200).await;
        }
    })
    .await;
}
