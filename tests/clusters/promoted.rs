//! A synchronous standby takes the place of its primary: nothing that was acknowledged is missing.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dlr::dev::postgres::Role;
use rustix::process::Signal;
use tokio::time::timeout;

use super::books::balance;
use super::load::{MESSAGES, load};
use super::postgres::{Frozen, Pair, configure, kill, process, superuser};
use super::{PATIENCE, progress, says_ready};
use crate::support::{TestApp, eventually, receipt};

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

/// PostgreSQL shows what a commit has written whose wait for the standby was cut off. It is not
/// acknowledged for that.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_standby_lacks_is_not_acknowledged_when_it_is_found() {
    let pair = Pair::synchronous().await;
    let mut app = Box::pin(pair.app()).await;
    app.message("7").await;
    let process = process(&app).await;
    says_ready(&process, true).await;
    configure(&pair.primary, "synchronous_standby_names = 'nobody'").await;
    eventually(PATIENCE, "commits wait for a standby", async || {
        let write = "SELECT pg_logical_emit_message(true, 'test', '')";
        let committed = app.sql.batch_execute(write);
        timeout(Duration::from_secs(2), committed).await.is_err()
    })
    .await;
    app.sql = superuser(&pair.primary).await;

    app.publish(receipt("7", "DELIVRD")).await;
    let first = waiting(&app, 0).await;
    let cut_off = format!("SELECT pg_terminate_backend({first})");
    app.sql.batch_execute(&cut_off).await.unwrap();
    waiting(&app, first).await;
    assert_eq!(app.dispositions().await, [1, 0, 0, 0]);
    assert_eq!(app.backlog().await.1, 1);
    assert_eq!(app.webhooks().await.len(), 0);

    configure(&pair.primary, "synchronous_standby_names = 'standby'").await;
    app.drained_within(PATIENCE).await;
    pair.promote(&mut app).await;
    assert_eq!(app.dispositions().await, [1, 0, 0, 0]);
    assert_eq!(app.webhooks().await.len(), 1);
}

/// Waits until a commit of the processor's waits for the standby, in another session than this.
async fn waiting(app: &TestApp, before: i32) -> i32 {
    let waiting = format!(
        "SELECT pid FROM pg_stat_activity
         WHERE usename = 'dlr_svc' AND wait_event = 'SyncRep' AND pid <> {before}"
    );
    let mut pid = None;
    eventually(PATIENCE, "a commit waits for the standby", async || {
        pid = app.rows(&waiting).await.first().map(|row| row.get(0));
        pid.is_some()
    })
    .await;
    pid.unwrap()
}
