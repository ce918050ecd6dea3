//! A synchronous standby takes the place of its primary: nothing that was acknowledged is missing.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dlr::dev::postgres::Role;
use rustix::process::Signal;

use super::books::balance;
use super::load::{MESSAGES, load};
use super::postgres::{Frozen, Pair, configure, kill, process};
use super::{progress, says_ready};

/// What holds when the primary is no more one, in whichever way, and the standby is promoted.
async fn survives<T>(fault: impl AsyncFnOnce(&Pair) -> T) {
    let pair = Pair::synchronous().await;
    let mut app = Box::pin(pair.app()).await;
    app.messages(0..MESSAGES).await;
    let mut process = process(&app).await;
    let (gateway, enough) = (app.gateway().clone(), AtomicBool::new(false));
    let trouble = async {
        progress(&app, 2_000).await;
        let fault = fault(&pair).await;
        pair.promote(&mut app).await;
        progress(&app, 4_000).await;
        says_ready(&process, true).await;
        enough.store(true, Ordering::Relaxed);
        fault
    };
    let (messages, _fault) = tokio::join!(load(&gateway, &enough), trouble);
    balance(&app, pair.config(Role::Reader), messages).await;
    process.signal(Signal::TERM);
    let status = process.ended(Duration::from_secs(30)).await;
    assert!(status.success(), "{status}: {}", process.log());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes long: make test-faults"]
async fn the_primary_is_killed_and_its_standby_promoted() {
    survives(async |pair| kill(&pair.primary)).await;
}

/// Its kernel goes on acknowledging what sessions send, and accepting connections.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes long: make test-faults"]
async fn the_primary_stands_still_and_its_standby_is_promoted() {
    survives(async |pair| Frozen::freeze(&pair.primary).await).await;
}

/// Whoever switches over by plan lets nobody write to the old primary any more; its sessions stay.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes long: make test-faults"]
async fn the_primary_may_only_be_read_and_its_standby_is_promoted() {
    survives(async |pair| configure(&pair.primary, "default_transaction_read_only = on").await)
        .await;
}
