//! What it costs to check the books of a run: `dlr reconcile`, as an operator starts it.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use dlr::config::Config;
use dlr::dev::nats::Identity;
use dlr::dev::postgres::Role;
use serde_json::Value;
use tempfile::tempfile;
use tokio::time::sleep;

use crate::cpu::{Parties, Spent, peak_memory};
use crate::ground::{Field, Ground};
use crate::options::Common;
use crate::progress::say;

const POLL: Duration = Duration::from_millis(20);

/// Says what it took, of whom; fails if the books do not balance.
pub(crate) async fn check(
    ground: &Ground,
    field: &Field,
    dlr: &Path,
    common: &Common,
) -> anyhow::Result<()> {
    let config = Config {
        nats: field.nats_config(Identity::Reconcile),
        postgres: ground.postgres_config(Role::Reader, &field.database),
        ..field.config.clone()
    };
    let settings = ground.write_settings("books", &config, common)?;
    let mut report = tempfile()?;
    let begun = Instant::now();
    let mut child = Command::new(dlr)
        .args(["reconcile", "--json", "--config"])
        .arg(&settings)
        .stdin(Stdio::null())
        .stdout(report.try_clone()?)
        .spawn()?;
    let parties = Parties {
        own: vec![child.id()],
        postmaster: ground.postmaster(),
        nats: field.nats_pid(),
    };
    let watched = watch(&mut child, &parties).await;
    // Whatever came in between.
    child.kill()?;
    let status = child.wait()?;
    let (spent, peak) = watched?;
    let took = begun.elapsed();
    std::io::Seek::rewind(&mut report)?;
    let report: Value = serde_json::from_reader(report)?;
    anyhow::ensure!(status.success(), "the books do not balance: {report:#}");
    say(&told(&report, took, spent, peak))?;
    Ok(())
}

/// What everybody spent until it ended, and its peak of memory.
async fn watch(child: &mut Child, parties: &Parties) -> anyhow::Result<(Spent, u64)> {
    let before = parties.spent()?;
    let (mut spent, mut peak) = (before, 0);
    while child.try_wait()?.is_none() {
        // It may have ended since.
        if let (Ok(now), Ok(memory)) = (parties.spent(), peak_memory(child.id())) {
            spent = now;
            peak = peak.max(memory);
        }
        sleep(POLL).await;
    }
    Ok((spent - before, peak))
}

#[expect(clippy::cast_precision_loss, reason = "figures for eyes")]
fn told(report: &Value, took: Duration, spent: Spent, peak: u64) -> String {
    let envelopes = report["checked"].as_u64().unwrap_or(0);
    let messages: u64 = ["billing", "webhook", "unmatched"]
        .iter()
        .filter_map(|kind| report["events"][kind]["messages"].as_u64())
        .sum();
    let each = |micros: f64| micros / envelopes.max(1) as f64;
    format!(
        "books: {envelopes} envelopes and {messages} messages of events in {:.1} s; \
         an envelope: own {:.1} us, PostgreSQL {:.1} us, nats-server {:.1} us; peak {:.1} MiB",
        took.as_secs_f64(),
        each(spent.own),
        each(spent.postgres),
        each(spent.nats),
        peak as f64 / 1_048_576.0,
    )
}
