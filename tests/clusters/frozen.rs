//! A server that stands still keeps its connections, and wakes up with the world as it was.

use std::time::Duration;

use dlr::dev::nats::Identity;
use rustix::process::Signal;
use tokio::time::Instant;

use super::nats::{App, survives};
use super::progress;
use crate::support::eventually;

/// `ack_wait` is 30 s, a confirmation is awaited for 5 s, and a silent server is left after 12 s.
const LONGER_THAN_EVERY_TIMEOUT: Duration = Duration::from_secs(40);

async fn frozen(app: &App, server: usize) {
    app.signal(server, Signal::STOP);
    let since = Instant::now();
    progress(app, 500).await;
    let within = Duration::from_mins(1);
    assert!(since.elapsed() < within, "it took {:?}", since.elapsed());
    eventually(within, "it stood still for long", async || {
        since.elapsed() > LONGER_THAN_EVERY_TIMEOUT
    })
    .await;
    progress(app, 500).await;
    app.signal(server, Signal::CONT);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes long: make test-faults"]
async fn the_leader_of_the_receipts_stands_still_and_wakes_up() {
    survives(Identity::Processor, async |app, _| {
        let leader = app.leader("SMS_DLR").await;
        frozen(app, leader).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes long: make test-faults"]
async fn the_server_that_receipts_come_by_stands_still_and_wakes_up() {
    survives(Identity::Processor, async |app, _| {
        let server = app.server_of("dlr intake").await;
        frozen(app, server).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes long: make test-faults"]
async fn the_server_that_events_go_by_stands_still_and_wakes_up() {
    survives(Identity::Processor, async |app, _| {
        let server = app.server_of("dlr publish").await;
        frozen(app, server).await;
    })
    .await;
}
