//! nats-server stopped, frozen, emptied, full, or no longer willing.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use async_nats::jetstream::{self, AckKind, consumer::PullConsumer};
use dlr::clock::Clock;
use dlr::dev::binaries::Version;
use dlr::dev::nats::Identity;
use futures_util::StreamExt as _;
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::task::block_in_place;
use tokio::time::sleep;

use super::postgres::EVERY_TIMEOUT;
use super::world::{PATIENCE, World};
use crate::support::nats::each_version;
use crate::support::{self, Published, TestApp, eventually, receipt, reconcile, report, servers};

const MESSAGES: usize = 60;

/// Lets a stream take so many messages; -1 for as many as it likes.
pub(super) async fn limit(world: &World, stream: &str, messages: i64) {
    let provisioner = jetstream::new(world.app.connect(Identity::Provisioner).await);
    let mut config = provisioner
        .get_stream(stream)
        .await
        .unwrap()
        .cached_info()
        .config
        .clone();
    config.max_messages = messages;
    provisioner.update_stream(config).await.unwrap();
}

pub(super) fn signal(world: &World, signal: Signal) {
    support::signal(world.app.nats.pid(), signal).unwrap();
}

pub(super) async fn restart(world: &mut World, meanwhile: impl FnOnce(&Path)) {
    let supervisor = &servers().await.supervisor;
    let nats = &mut world.app.nats;
    block_in_place(|| {
        nats.stop().unwrap();
        meanwhile(&nats.store());
        nats.resume(supervisor).unwrap();
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_and_started_again() {
    let mut world = World::new(41).await;
    world.start_ready().await;
    let receipts = world.draw(2 * MESSAGES).await;
    let (before, after) = receipts.split_at(MESSAGES);
    let lock = world.lock("dlr.delivery_receipts").await;
    world.publish(before).await;
    eventually(PATIENCE, "envelopes are held", async || {
        world.app.backlog().await.1 > MESSAGES / 2
    })
    .await;
    restart(&mut world, |_| {}).await;
    lock.release().await;
    world.publish(after).await;
    world.judge().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frozen_for_longer_than_every_timeout() {
    let mut world = World::new(42).await;
    world.start_ready().await;
    let lock = world.lock("dlr.delivery_receipts").await;
    world.traffic(MESSAGES).await;
    signal(&world, Signal::STOP);
    lock.release().await;
    // What is held is decided meanwhile, and cannot be told.
    world.trouble("publish", "").await;
    sleep(EVERY_TIMEOUT).await;
    signal(&world, Signal::CONT);
    world.traffic(MESSAGES).await;
    world.judge().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_output_stream_that_is_full_holds_everything_back() {
    let mut world = World::new(43).await;
    limit(&world, "BILLING", 5).await;
    world.start_ready().await;
    world.traffic(MESSAGES).await;
    world.trouble("publish", "maximum messages exceeded").await;
    let bills = ids(&world.app.billing().await).len();
    is_held_up(&world, bills).await;
    limit(&world, "BILLING", -1).await;
    world.judge().await;
}

/// What was decided and has no bill is not acknowledged. `bills`: so many the stream has had.
async fn is_held_up(world: &World, bills: usize) {
    let finals = "SELECT count(*)::text FROM dlr.delivery_receipts
         WHERE disposition = 'applied' AND status <> 'in_transit'";
    let finals: usize = world.app.column(finals).await[0].parse().unwrap();
    assert!(finals > bills, "{finals} of {bills} are billed");
    let (_, unsettled) = world.app.backlog().await;
    assert!(
        unsettled >= finals - bills,
        "{unsettled} of {finals} - {bills}"
    );
    let shown = world.metrics(0).await;
    assert!(shown.contains(r#"dlr_ready{part="publish"} 0"#));
}

fn ids(events: &[Published]) -> BTreeSet<&str> {
    events.iter().map(|event| &*event.id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_output_stream_that_was_wiped_gets_its_events_again_from_the_tables() {
    let mut world = World::new(44).await;
    world.start_ready().await;
    world.traffic(MESSAGES).await;
    world.judge().await;
    let before = world.decided().await;
    let bills = ids(&world.app.billing().await).len();
    restart(&mut world, |store| {
        fs::remove_dir_all(stream_folder(store, "BILLING")).unwrap();
    })
    .await;
    world.traffic(MESSAGES).await;
    world.trouble("publish", "dlr provision").await;
    world.decided_more_than(before).await;
    is_held_up(&world, bills).await;
    world.app.provision().await;
    world.ready().await;
    world.app.drained_within(PATIENCE).await;
    // What the stream lost is not there, and reconcile does not say that all is well.
    let (success, books) = reconcile(&world.app.onlooker(), &[]).await;
    assert!(!success);
    assert_eq!(books["events"]["billing"]["tooOld"], bills);
    let now = Clock.now().to_string();
    let replay = ["events", "replay", "--subject", "billing.events", "--json"];
    let replay = [&replay[..], &["--from", "1h ago", "--to", &now]].concat();
    report(&world.app.config, &replay).await;
    world.judge().await;
}

/// Where the server keeps a stream of account `SMS`.
fn stream_folder(store: &Path, stream: &str) -> PathBuf {
    let folder = store.join("jetstream/SMS/streams").join(stream);
    assert!(folder.is_dir(), "{}", folder.display());
    folder
}

/// DELIVERY.md, "After a restore": nobody may delete it as shipped.
#[tokio::test(flavor = "multi_thread")]
async fn the_consumer_deleted_and_made_anew_repeats_everything_and_changes_nothing() {
    let mut world = World::new(45).await;
    world.start_ready().await;
    world.traffic(MESSAGES).await;
    world.judge().await;
    let right = r#""$JS.API.CONSUMER.CREATE.*.*""#;
    let and_more = format!(r#"{right}, "$JS.API.CONSUMER.DELETE.SMS_DLR.dlr-processor""#);
    change_accounts(&world, right, &and_more).await;
    let owner = jetstream::new(world.app.connect(Identity::Provisioner).await);
    let inbound = owner.get_stream("SMS_DLR").await.unwrap();
    inbound.delete_consumer("dlr-processor").await.unwrap();
    change_accounts(&world, &and_more, right).await;
    world.trouble("consumer", "dlr provision").await;
    world.app.provision().await;
    world.ready().await;
    world.traffic(MESSAGES).await;
    world.judge().await;
}

/// DELIVERY.md, "After a restore": the stream still has what the tables lost.
#[tokio::test(flavor = "multi_thread")]
async fn tables_restored_from_an_old_backup_are_filled_again_from_the_stream() {
    let app = TestApp::in_one_account(|_| {}).await;
    let mut world = World::around(app, 49);
    world.start_ready().await;
    world.traffic(MESSAGES).await;
    world.judge().await;
    world.kill();
    let before_all_that = "TRUNCATE dlr.delivery_receipts, dlr.orphaned_receipts,
             dlr.orphan_resolutions, dlr.rejected_receipts;
         UPDATE orch.sms_messages SET status = 'sent', dlr_status = NULL";
    world.app.sql.batch_execute(before_all_that).await.unwrap();
    let (success, _) = reconcile(&world.app.onlooker(), &[]).await;
    assert!(!success);
    make_the_consumer_anew(&world).await;
    world.start().await;
    world.judge().await;
}

/// DELIVERY.md, "After a restore": as when the machine of a lone server dies.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_lost_its_end_is_found_out_and_delivered_anew() {
    for (version, binary) in each_version() {
        let app = Box::pin(TestApp::in_one_account_of(Some(&binary), |_| {})).await;
        // Newer servers take the consumer back to the stream's end. With older ones it is past that,
        // and passes over what comes in under the same sequences.
        let passes_over = version == Version(2, 10);
        lose_the_end(World::around(app, 50), passes_over).await;
    }
}

async fn lose_the_end(mut world: World, passes_over: bool) {
    world.start_ready().await;
    world.traffic(MESSAGES).await;
    world.judge().await;
    let old = TempDir::new().unwrap();
    restart(&mut world, |store| copy(&messages(store), old.path())).await;
    let kept = last_sequence(&world).await;
    world.traffic(MESSAGES).await;
    world.judge().await;
    let lost = last_sequence(&world).await - kept;
    restart(&mut world, |store| {
        fs::remove_dir_all(messages(store)).unwrap();
        fs::create_dir(messages(store)).unwrap();
        copy(old.path(), &messages(store));
    })
    .await;
    world.ready().await;

    let receipts = world.draw(3 * MESSAGES).await;
    let (some, rest) = receipts.split_at(MESSAGES / 2);
    // At first fewer than were lost, then more.
    for part in [some, rest] {
        world.publish(part).await;
        world.app.drained_within(PATIENCE).await;
        let again = lost.min(last_sequence(&world).await - kept);
        let (success, report) = reconcile(&world.app.onlooker(), &[]).await;
        let (passed, settled) = if passes_over { (again, 0) } else { (0, again) };
        assert_eq!(success, !passes_over, "{report:#}");
        assert_eq!(report["withoutDisposition"]["count"], passed, "{report:#}");
        assert_eq!(report["ofAnotherTime"], settled, "{report:#}");
    }
    make_the_consumer_anew(&world).await;
    world.ready().await;
    world.app.drained_within(PATIENCE).await;
    let (success, report) = reconcile(&world.app.onlooker(), &[]).await;
    assert!(success, "{report:#}");
    assert_eq!(report["ofAnotherTime"], lost);
    let untold = "SELECT FROM orch.sms_messages WHERE status = 'sent'";
    assert!(world.app.rows(untold).await.is_empty());
}

/// Where the server keeps what the inbound stream holds, without its consumer.
fn messages(store: &Path) -> PathBuf {
    stream_folder(store, "SMS_DLR").join("msgs")
}

async fn last_sequence(world: &World) -> u64 {
    let owner = jetstream::new(world.app.connect(Identity::Provisioner).await);
    let inbound = owner.get_stream("SMS_DLR").await.unwrap();
    inbound.cached_info().state.last_sequence
}

fn copy(from: &Path, to: &Path) {
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

/// As DELIVERY.md says: everything that the stream has is delivered again.
async fn make_the_consumer_anew(world: &World) {
    let owner = jetstream::new(world.app.connect(Identity::Provisioner).await);
    let inbound = owner.get_stream("SMS_DLR").await.unwrap();
    inbound.delete_consumer("dlr-processor").await.unwrap();
    world.app.provision().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_withdrawn_while_it_runs() {
    let mut world = World::new(46).await;
    world.start_ready().await;
    world.traffic(MESSAGES).await;
    let right = r#""billing.events", "webhook.dispatch", "sms.dlr.unmatched""#;
    let less = r#""billing.events", "sms.dlr.unmatched""#;
    change_accounts(&world, right, less).await;
    world.traffic(MESSAGES).await;
    world.trouble("publish", "").await;
    change_accounts(&world, less, right).await;
    world.judge().await;
}

/// Has the server read its accounts again, with `to` in place of `from`.
async fn change_accounts(world: &World, from: &str, to: &str) {
    let file = world.app.nats.log().with_file_name("accounts.conf");
    let accounts = fs::read_to_string(&file).unwrap();
    assert!(accounts.contains(from), "{from}");
    let log = || fs::read_to_string(world.app.nats.log()).unwrap();
    let reloads = || log().matches("Reloaded server configuration").count();
    let before = reloads();
    fs::write(&file, accounts.replacen(from, to, 1)).unwrap();
    signal(world, Signal::HUP);
    eventually(PATIENCE, "the server has read it", async || {
        reloads() > before
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn envelopes_delivered_many_times_are_settled_once() {
    let app = TestApp::in_one_account(|_| {}).await;
    let mut world = World::around(app, 47);
    world.traffic(MESSAGES).await;
    let owner = jetstream::new(world.app.connect(Identity::Provisioner).await);
    let consumer: PullConsumer = owner
        .get_consumer_from_stream("dlr-processor", "SMS_DLR")
        .await
        .unwrap();
    for _ in 0..20 {
        let pulled = consumer.fetch().max_messages(500).messages().await.unwrap();
        let mut pulled = std::pin::pin!(pulled);
        while let Some(envelope) = pulled.next().await {
            envelope
                .unwrap()
                .ack_with(AckKind::Nak(None))
                .await
                .unwrap();
        }
    }
    let delivered = consumer
        .clone()
        .info()
        .await
        .unwrap()
        .delivered
        .consumer_sequence;
    assert!(delivered > 10 * MESSAGES as u64, "{delivered} deliveries");
    world.start().await;
    world.judge().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_early_receipts_than_may_wait_are_parked_at_once() {
    const EARLY: usize = 300;
    const WAITING_MAX: usize = 5;
    let mut world = World::new(48).await;
    world.config.pipeline.early_waiting_max = WAITING_MAX;
    world.start_ready().await;
    let receipts: Vec<String> = (0..EARLY)
        .map(|n| receipt(&format!("nobody-{n}"), "DELIVRD"))
        .collect();
    let begun = Instant::now();
    world.publish(&receipts).await;
    eventually(PATIENCE, "they are parked", async || {
        usize::try_from(world.app.dispositions().await[2]).unwrap() >= EARLY
    })
    .await;
    // A place is free again when its receipt is delivered again, a second later.
    let turns = 2 + usize::try_from(begun.elapsed().as_secs()).unwrap();
    let waited = "SELECT count(*)::text FROM dlr.orphaned_receipts WHERE deliveries > 1";
    let waited: usize = world.app.column(waited).await[0].parse().unwrap();
    assert!(waited <= turns * WAITING_MAX, "{waited} waited");
    world.traffic(MESSAGES).await;
    world.judge().await;
}
