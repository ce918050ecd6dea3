//! One server of three decides nothing.

use dlr::dev::nats::Identity;

use super::nats::survives;
use super::says_ready;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes long: make test-faults"]
async fn the_quorum_is_lost_and_regained() {
    survives(Identity::Processor, async |app, process| {
        let leader = app.leader("SMS_DLR").await;
        let other = (leader + 1) % 3;
        app.kill(leader);
        app.kill(other);
        says_ready(process, false).await;
        app.resume(other).await;
        says_ready(process, true).await;
        app.resume(leader).await;
        app.whole().await;
    })
    .await;
}
