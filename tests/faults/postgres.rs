//! PostgreSQL stopped, frozen, cut off, full, read-only, or no longer willing: none of it may be taken
//! for a poison row.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use dlr::dev::postgres::{Durability, Postgres};
use dlr::dev::supervisor::{Server, Supervisor};
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::task::{block_in_place, spawn_blocking};
use tokio::time::sleep;

use super::world::{PATIENCE, World};
use crate::support::{DLR, Database, TestApp, eventually, servers, signal};

const MESSAGES: usize = 60;
/// Longer than `ack_wait`, which is the longest.
pub(super) const EVERY_TIMEOUT: Duration = Duration::from_secs(35);

/// A world whose PostgreSQL is its own, to be stopped.
pub(super) async fn on_its_own(seed: u64) -> (World, &'static Postgres, Supervisor) {
    let authority = &servers().await.authority;
    let (postgres, supervisor) = spawn_blocking(|| {
        let supervisor = Supervisor::start(Path::new(DLR)).unwrap();
        let postgres = Postgres::start(&supervisor, authority, Durability::Durable).unwrap();
        // What is left of it when the supervisor goes is a few strings.
        (&*Box::leak(Box::new(postgres)), supervisor)
    })
    .await
    .unwrap();
    let database = Database::on(postgres).await;
    let app = TestApp::on_database(database, |_| {}).await;
    (World::around(app, seed), postgres, supervisor)
}

/// Runs traffic, lets `fault` happen and `mend` undo it with traffic before, under it and behind it;
/// the process has to say that PostgreSQL is in trouble meanwhile.
async fn mended(seed: u64, fault: &str, says: &str, mend: &str) {
    let mut world = World::new(seed).await;
    let database = world.app.database.name().to_owned();
    let sql = |text: &str| text.replace("{database}", &database);
    world.start_ready().await;
    world.traffic(MESSAGES).await;
    world.app.sql.batch_execute(&sql(fault)).await.unwrap();
    world.traffic(MESSAGES).await;
    world.trouble("postgresql", says).await;
    world.app.sql.batch_execute(&sql(mend)).await.unwrap();
    world.traffic(MESSAGES).await;
    world.judge().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_frozen_and_killed() {
    let (mut world, postgres, supervisor) = on_its_own(61).await;
    world.start_ready().await;
    world.traffic(MESSAGES).await;
    // Messages of the time without it are written before.
    let receipts = world.draw(4 * MESSAGES).await;
    let parts: Vec<&[String]> = receipts.chunks(receipts.len().div_ceil(3)).collect();

    block_in_place(|| postgres.server().stop().unwrap());
    world.publish(parts[0]).await;
    world.trouble("postgresql", "").await;
    block_in_place(|| postgres.start_again(&supervisor).unwrap());
    world.app.sql = world.app.database.superuser().await;
    world.ready().await;

    let frozen = Frozen::now(postgres.server());
    world.publish(parts[1]).await;
    world.trouble("postgresql", "").await;
    sleep(EVERY_TIMEOUT).await;
    drop(frozen);
    world.ready().await;

    world.publish(parts[2]).await;
    kill_all(&postgres.server()).await;
    block_in_place(|| postgres.start_again(&supervisor).unwrap());
    world.app.sql = world.app.database.superuser().await;
    world.traffic(MESSAGES).await;
    world.judge().await;
}

/// A server that does nothing for as long as this lives.
pub(super) struct Frozen(Arc<Server>);

impl Frozen {
    pub(super) fn now(server: Arc<Server>) -> Self {
        signal_all(&server, Signal::STOP);
        Self(server)
    }
}

impl Drop for Frozen {
    /// Also when a test fails: whoever stands still cannot be stopped.
    fn drop(&mut self) {
        signal_all(&self.0, Signal::CONT);
    }
}

/// Sends a signal to every process of a server; the postmaster first, so that it makes no more.
fn signal_all(server: &Server, to_all: Signal) {
    for process in [vec![server.pid()], children(server)].concat() {
        // It may have ended.
        signal(process, to_all).ok();
    }
}

/// SIGKILL for every process of a server; returns when they are gone, so that another may start.
pub(super) async fn kill_all(server: &Server) {
    signal_all(server, Signal::STOP);
    let all = [children(server), vec![server.pid()]].concat();
    for &process in &all {
        signal(process, Signal::KILL).ok();
    }
    eventually(PATIENCE, "its processes are gone", async || {
        server.check().is_err() && !all.iter().any(|it| is_alive(*it))
    })
    .await;
}

fn is_alive(process: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"));
    // One that nobody has waited for yet holds nothing any more.
    stat.is_ok_and(|it| !it.contains(") Z "))
}

fn children(server: &Server) -> Vec<u32> {
    let pid = server.pid();
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let children = children.unwrap_or_default();
    let pids = children.split_whitespace();
    pids.map(|pid| pid.parse().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_cut_in_the_middle_of_statements() {
    let mut world = World::new(62).await;
    world.start_ready().await;
    let receipts = world.draw(400).await;
    let cutter = world.app.database.superuser().await;
    let publish = world.publish(&receipts);
    let mut rounds = 0;
    let cut = eventually(PATIENCE, "they are cut again and again", async || {
        let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND usename = 'dlr_svc'
               AND (state <> 'idle' OR random() < 0.2)";
        cutter.batch_execute(cut).await.unwrap();
        rounds += 1;
        rounds == 100
    });
    tokio::join!(publish, cut);
    // Chance may have missed every statement; one that waits cannot be missed.
    let lock = world.lock("dlr.delivery_receipts").await;
    world.traffic(MESSAGES).await;
    let app = &world.app;
    app.blocked(Some("dlr_svc"), "a statement waits").await;
    world.app.database.cut().await;
    lock.release().await;
    world.judge().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn read_only() {
    // Those who are signed in keep what they signed in with, and whoever comes back before the commit has
    // it again.
    let alter = |what: &str| {
        format!(
            "BEGIN; ALTER ROLE dlr_svc IN DATABASE {{database}} {what}; COMMIT;
             SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND usename = 'dlr_svc'"
        )
    };
    let set = alter("SET default_transaction_read_only = on");
    let reset = alter("RESET default_transaction_read_only");
    mended(63, &set, "25006", &reset).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_withdrawn() {
    mended(
        64,
        "REVOKE UPDATE (status) ON orch.sms_messages FROM dlr_svc",
        "42501",
        "GRANT UPDATE (status) ON orch.sms_messages TO dlr_svc",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_locked_for_longer_than_every_statement() {
    let mut world = World::new(65).await;
    world.start_ready().await;
    let receipts = world.draw(MESSAGES).await;
    let lock = world.lock("orch.sms_messages").await;
    world.publish(&receipts).await;
    world.trouble("postgresql", "lock timeout").await;
    lock.release().await;
    world.judge().await;
}

/// What a statement does behind its last row cannot be interrupted; its timeout is told behind its count.
/// Whoever has read the count and commits is told that all is well, and everything is rolled back.
#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_right_behind_the_last_row() {
    let mut world = World::new(70).await;
    // Some milliseconds a row: a batch is far from the bound of a transaction, on a busy machine, too.
    let slow = "CREATE INDEX slow ON dlr.delivery_receipts (md5(rpad(stat, 800000, '.')))";
    world.app.sql.batch_execute(slow).await.unwrap();
    world.config.postgres.statement_timeout = Duration::from_millis(100);
    world.start_ready().await;
    let lock = world.lock("dlr.delivery_receipts").await;
    world.traffic(MESSAGES).await;
    eventually(PATIENCE, "envelopes are held", async || {
        world.in_flight(0).await > MESSAGES
    })
    .await;
    lock.release().await;
    world.trouble("postgresql", "25P02").await;
    let mend = "DROP INDEX dlr.slow";
    world.app.sql.batch_execute(mend).await.unwrap();
    world.judge().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadlock() {
    let mut world = World::new(66).await;
    // PostgreSQL looks for a deadlock once, so long after it begins to wait: until then the other has to
    // have joined in.
    let patient = format!(
        "ALTER ROLE dlr_svc IN DATABASE {0} SET deadlock_timeout = '7s';
         ALTER ROLE dlr_svc IN DATABASE {0} SET lock_timeout = '9s'",
        world.app.database.name()
    );
    world.app.sql.batch_execute(&patient).await.unwrap();
    world.config.postgres.statement_timeout = Duration::from_secs(9);
    world.start_ready().await;
    let receipts = world.draw(MESSAGES).await;
    let other = world.app.database.superuser().await;
    // A batch raises its messages, and then inserts its receipts; this one goes the other way, and
    // is not the one to give in.
    let first = "BEGIN; SET LOCAL deadlock_timeout = '1min'; LOCK TABLE dlr.delivery_receipts IN EXCLUSIVE MODE";
    other.batch_execute(first).await.unwrap();
    world.publish(&receipts).await;
    // The first batch may be of receipts that change nothing; a message that is held is let go of
    // only behind the insert.
    let held = "SELECT (SELECT count(*) FROM orch.sms_messages)
        <> (SELECT count(*) FROM (SELECT FROM orch.sms_messages FOR UPDATE SKIP LOCKED) AS free)";
    eventually(PATIENCE, "a batch holds messages", async || {
        world.app.sql.query_one(held, &[]).await.unwrap().get(0)
    })
    .await;
    let second = "SELECT FROM orch.sms_messages FOR UPDATE; COMMIT";
    other.batch_execute(second).await.unwrap();
    world.judge().await;
    let deadlocks =
        "SELECT deadlocks::text FROM pg_stat_database WHERE datname = current_database()";
    eventually(PATIENCE, "it was a deadlock", async || {
        world.app.column(deadlocks).await[0] != "0"
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poison_row_that_no_code_foresaw() {
    let mut world = World::new(67).await;
    world.start_ready().await;
    let receipts = world.draw(MESSAGES).await;
    world
        .app
        .sql
        .batch_execute(
            "ALTER TABLE dlr.delivery_receipts ADD CONSTRAINT unforeseen
             CHECK (operator_message_id NOT LIKE '%7')",
        )
        .await
        .unwrap();
    world.poisoned = |id| id.ends_with('7');
    world.publish(&receipts).await;
    world.judge().await;
    let reasons = "SELECT DISTINCT reason FROM dlr.orphaned_receipts ORDER BY 1";
    assert!(
        world
            .app
            .column(reasons)
            .await
            .contains(&"store_refused".to_owned())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_partition() {
    let mut world = World::new(68).await;
    world.start_ready().await;
    world.traffic(MESSAGES).await;
    world.app.drained_within(PATIENCE).await;
    let partition = partition(&world).await;
    let bounds = world
        .app
        .column(&format!(
            "SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE oid = '{partition}'::regclass"
        ))
        .await;
    let detach = format!("ALTER TABLE dlr.delivery_receipts DETACH PARTITION {partition}");
    world.app.sql.batch_execute(&detach).await.unwrap();
    world.traffic(MESSAGES).await;
    world.trouble("partitions", "dlr migrate up").await;
    let attach = format!(
        "ALTER TABLE dlr.delivery_receipts ATTACH PARTITION {partition} {}",
        bounds[0]
    );
    world.app.sql.batch_execute(&attach).await.unwrap();
    world.judge().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk() {
    let Some(disk) = Disk::of_4_mib().await else {
        // Past the capture of output, so that nobody takes it for passed.
        writeln!(
            io::stderr(),
            "skipped: a full disk (only root may make one)"
        )
        .unwrap();
        return;
    };
    let mut world = World::new(69).await;
    world.start_ready().await;
    world.traffic(MESSAGES).await;
    world.app.drained_within(PATIENCE).await;
    let tablespace = format!("tiny_{}", world.app.database.name());
    let place = disk.0.path().display();
    let make = format!("CREATE TABLESPACE {tablespace} LOCATION '{place}'");
    world.app.sql.batch_execute(&make).await.unwrap();
    let today = partition(&world).await;
    let sql = |place: &str| format!("ALTER TABLE {today} SET TABLESPACE {place}");
    world
        .app
        .sql
        .batch_execute(&sql(&tablespace))
        .await
        .unwrap();
    // As much as there is room for.
    let filler = disk.0.path().join("filler");
    drop(fs::write(&filler, vec![0; 8 << 20]));
    // Where two backends wanted a page at once, PostgreSQL has made some dozens ahead: these fill up first.
    eventually(PATIENCE, "the disk is full", async || {
        world.traffic(5 * MESSAGES).await;
        world.is_in_trouble("postgresql", "53100").await
    })
    .await;
    fs::remove_file(filler).unwrap();
    world.judge().await;
    world
        .app
        .sql
        .batch_execute(&sql("pg_default"))
        .await
        .unwrap();
    let end = format!("DROP TABLESPACE {tablespace}");
    world.app.sql.batch_execute(&end).await.unwrap();
}

/// Today's partition of the receipts.
async fn partition(world: &World) -> String {
    let today = "SELECT 'dlr.delivery_receipts_' || to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD')";
    world.app.column(today).await.remove(0)
}

/// A file system of its own.
struct Disk(TempDir);

impl Disk {
    /// Owned by whom PostgreSQL runs as; `None` for whoever may not mount it.
    async fn of_4_mib() -> Option<Self> {
        let postgres = servers().await.supervisor.folder().join("postgresql");
        let owner = fs::metadata(postgres).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let options = format!("size=4m,mode=0700,uid={},gid={}", owner.uid(), owner.gid());
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(folder.path())
            .output();
        mounted
            .is_ok_and(|it| it.status.success())
            .then_some(Self(folder))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a failed test leaves a server that has files open there.
        drop(Command::new("umount").arg("-l").arg(self.0.path()).status());
    }
}
