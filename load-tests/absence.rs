//! PostgreSQL is away while receipts come in: what waiting costs, and how the backlog is worked off.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::task::block_in_place;

use crate::contestant::Contestant;
use crate::cpu::{load_average, peak_memory, spent};
use crate::ground::{Field, Ground, Owner};
use crate::ledger::reconcile;
use crate::messages::chosen;
use crate::offer::profile::Profile;
use crate::options::Absence;
use crate::progress::say;
use crate::report::Figures;
use crate::runs::{gateway, hot_share};
use crate::window::Window;

/// How the processors stand at one moment.
struct Mark {
    at: Instant,
    own: f64,
    lines: usize,
}

pub(crate) async fn run(
    ground: &mut Ground,
    dlr: &Path,
    options: &Absence,
) -> anyhow::Result<Figures> {
    let Absence { common, scale, .. } = options;
    let times = Profile::Steady.times(options.rate, options.duration);
    let total = times.len() as u64;
    anyhow::ensure!(total <= scale.messages, "more receipts than messages");
    let numbers = chosen(scale.messages, total, common.random, common.seed);
    let mut field = ground.field(Owner::Processor, common, *scale).await?;
    let load = load_average();
    let contestant =
        Contestant::processors(&ground.supervisor, dlr, &field.settings, scale.replicas)?;
    contestant.ready().await?;

    let gateway = gateway(&field, common).await?;
    let before = mark(&field, &contestant)?;
    block_in_place(|| ground.postgres.server().stop())?;
    let plan = times.into_iter().zip(numbers).collect();
    let (offered, _) = gateway.schedule(plan, Instant::now()).await?;
    let after = mark(&field, &contestant)?;
    contestant.check()?;
    say(&told(&before, &after, &contestant)?)?;
    block_in_place(|| ground.start_postgres_again())?;
    field.sql = ground.superuser(&field.database).await?;

    let mut window = Window::on(ground, &field, &contestant).await?;
    // With the time that they take to find it again.
    window.begin(0).await?;
    let measured = window.until_settled(&contestant, total).await?;
    let batches = contestant.batches().await?;
    contestant.stop()?;
    let ledger = reconcile(&field, &offered, None).await?;
    let figures = Figures {
        hot_share: hot_share(&field).await?,
        ..Figures::of("after", load, &measured, batches, ledger)
    };
    ground.clear(field).await?;
    Ok(figures)
}

fn mark(field: &Field, contestant: &Contestant) -> anyhow::Result<Mark> {
    let log = fs::read_to_string(field.settings.with_extension("log"))?;
    Ok(Mark {
        at: Instant::now(),
        own: spent(&contestant.pids())?,
        lines: log.lines().count(),
    })
}

#[expect(clippy::cast_precision_loss, reason = "figures for eyes")]
fn told(before: &Mark, after: &Mark, contestant: &Contestant) -> anyhow::Result<String> {
    let took: Duration = after.at - before.at;
    let share = (after.own - before.own) / took.as_secs_f64() / 1e6;
    let peaks = contestant.pids().into_iter().map(peak_memory);
    let peak = peaks.sum::<std::io::Result<u64>>()? as f64 / 1_048_576.0;
    Ok(format!(
        "away for {:.0} s: {:.1} % of a core, {} lines logged, peak {peak:.1} MiB",
        took.as_secs_f64(),
        share * 100.0,
        after.lines - before.lines,
    ))
}
