//! `dlr replay --recorded`

use std::io::{self, Write as _};

use anyhow::bail;
use serde_json::json;

use super::{Args, done_word, unless_interrupted};
use crate::cli::footing::{self, Footing};
use crate::config::Config;
use crate::pipeline::matching::candidates::before;
use crate::receipt::decision::Because;
use crate::replay::recorded::{Counts, Request, replay};
use crate::replay::{Outlet, Scope, publish_unconfirmed};

const COMMAND: &str = "dlr replay --recorded";

pub(super) async fn run(args: &Args, config: &Config) -> anyhow::Result<()> {
    let reason = Because::UnknownWord;
    if args.reason.as_deref() != Some(reason.as_str()) {
        bail!(
            "--reason: of the recorded receipts only those with {reason:?} may become more",
            reason = reason.as_str()
        );
    }
    let Footing {
        bench,
        profiles,
        groups,
        ..
    } = Footing::open(config, COMMAND).await?;
    let now = bench.clock.now();
    let scope = args.scope(before(now, config.pipeline.horizon), now);
    let request = Request {
        scope: &scope,
        reason,
        word: args.word.as_deref(),
        profiles: &profiles,
        horizon: config.pipeline.horizon,
        groups: &groups,
        why: &format!("{COMMAND} --reason {}", reason.as_str()),
    };
    if args.dry_run {
        let mut planned = Counts::default();
        replay(&bench, &request, None, &mut planned).await?;
        return show(args, &scope, 0, &planned, None);
    }
    let mut publisher = footing::publisher(config, COMMAND).await?;
    let mut outlet = Outlet {
        publisher: &mut publisher,
        report: &mut footing::complain(),
    };
    // Of a replay that died: before anything is added to it.
    let unconfirmed = publish_unconfirmed(
        &bench.session,
        &bench.sealing,
        &bench.source,
        now,
        &mut outlet,
    )
    .await?;
    let mut planned = Counts::default();
    replay(&bench, &request, None, &mut planned).await?;
    if !args.json {
        show(args, &scope, unconfirmed, &planned, None)?;
    }
    let mut done = Counts::default();
    let work = replay(&bench, &request, Some(&mut outlet), &mut done);
    let ended = unless_interrupted(work).await;
    let done = Some((&done, ended.is_ok()));
    show(args, &scope, unconfirmed, &planned, done)?;
    ended
}

/// What is going to be done, then what was, and whether that is all. As JSON it is one document, so
/// all at once.
fn show(
    args: &Args,
    scope: &Scope,
    unconfirmed: u64,
    planned: &Counts,
    done: Option<(&Counts, bool)>,
) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    if args.json {
        let report = json!({
            "dryRun": args.dry_run,
            "from": scope.from,
            "to": scope.to,
            "publishedAgain": unconfirmed,
            "planned": planned,
            "done": done.map(|(done, _)| done),
            "complete": done.map(|(_, complete)| complete),
        });
        writeln!(out, "{report}")?;
        return Ok(());
    }
    if let Some((done, complete)) = done {
        let Counts {
            applied, refused, ..
        } = done;
        let decided = done.decided();
        writeln!(
            out,
            "{}: {decided} decided anew, {applied} raised their messages and are announced",
            done_word(complete)
        )?;
        if *refused > 0 {
            writeln!(out, "PostgreSQL refuses what {refused} would change")?;
        }
        return Ok(());
    }
    if unconfirmed > 0 {
        writeln!(
            out,
            "{unconfirmed} replays of before were not confirmed: their events are out now"
        )?;
    }
    let Scope { from, to, .. } = scope;
    writeln!(
        out,
        "{} receipts recorded as unknown_word, stored from {from} until {to}",
        planned.found
    )?;
    for (count, what) in [
        (planned.still_unknown, "have a word that nobody knows yet"),
        (
            planned.replayed_before,
            "were decided anew before, with the same meaning",
        ),
        (
            planned.beyond_horizon,
            "are about messages beyond the horizon, and stay as they are",
        ),
        (planned.applied, "raise their messages"),
    ] {
        writeln!(out, "{count:>10} {what}")?;
    }
    for (reason, count) in &planned.recorded {
        writeln!(out, "{count:>10} change nothing: {reason}")?;
    }
    if args.dry_run {
        writeln!(out, "nothing is done (--dry-run)")?;
    }
    Ok(())
}
