//! `dlr replay --parked`

use std::io::{self, Write as _};
use std::sync::Arc;

use serde_json::json;

use super::{Args, done_word, unless_interrupted};
use crate::app;
use crate::broker;
use crate::cli::footing::{self, Footing};
use crate::config::{Config, LogFormat, Telemetry};
use crate::lifecycle::{Member, Part};
use crate::store::sweep::SweepSession;
use crate::sweep::on_demand::{Counts, OnDemand};
use crate::telemetry;

const COMMAND: &str = "dlr replay --parked";

pub(super) async fn run(args: &Args, config: &Config) -> anyhow::Result<()> {
    let mut sweeper = sweeper(config, COMMAND).await?;
    let carrier = args.carrier.as_deref();
    let planned = sweeper.preview(carrier).await?;
    if args.dry_run {
        return show(args, &planned, None);
    }
    if !args.json {
        show(args, &planned, None)?;
    }
    let mut done = Counts::default();
    let ended = unless_interrupted(sweeper.look(carrier, &mut done)).await;
    show(args, &planned, Some((&done, ended.is_ok())))?;
    ended
}

/// A sweeper of the command's own, by the profiles in force now.
pub(in crate::cli) async fn sweeper(config: &Config, command: &str) -> anyhow::Result<OnDemand> {
    // What keeps the sweeper from its work it logs.
    telemetry::tracing::init(&Telemetry {
        log: "warn".to_owned(),
        format: LogFormat::Text,
    })?;
    let Footing {
        ring,
        profiles,
        groups,
        ..
    } = Footing::open(config, command).await?;
    let session = SweepSession::open(footing::connect(config, command).await?).await?;
    let publish = broker::connect(&config.nats, command, Member::unwatched(Part::Nats)).await?;
    let metrics = Arc::new(app::metrics(config));
    Ok(OnDemand::open(config, &ring, session, publish, profiles, groups, &metrics).await?)
}

fn show(args: &Args, planned: &Counts, done: Option<(&Counts, bool)>) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    if args.json {
        let report = json!({
            "dryRun": args.dry_run,
            "planned": planned,
            "done": done.map(|(done, _)| done),
            "complete": done.map(|(_, complete)| complete),
        });
        writeln!(out, "{report}")?;
        return Ok(());
    }
    if let Some((done, complete)) = done {
        let Counts {
            matched,
            lapsed,
            open,
            ..
        } = done;
        writeln!(
            out,
            "{}: {matched} matched, {lapsed} lapsed, {open} stay open",
            done_word(complete)
        )?;
        return Ok(());
    }
    writeln!(out, "{} open parked receipts", planned.looked_at)?;
    writeln!(out, "{:>10} match a message now", planned.matched)?;
    writeln!(out, "{:>10} lapse", planned.lapsed)?;
    for (reason, count) in &planned.open_because {
        writeln!(out, "{count:>10} stay open: {reason}")?;
    }
    if args.dry_run {
        writeln!(out, "nothing is done (--dry-run)")?;
    }
    Ok(())
}
