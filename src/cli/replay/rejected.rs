//! `dlr replay --rejected`

use std::io::{self, Write as _};
use std::time::Duration;

use anyhow::bail;
use serde_json::json;

use super::{Args, done_word, unless_interrupted};
use crate::cli::account::Account;
use crate::cli::footing::{self, Footing};
use crate::config::Config;
use crate::pipeline::matching::candidates::before;
use crate::receipt::Rejection;
use crate::replay::Scope;
use crate::replay::redrive::{Counts, Inbound, Request, redrive};

const COMMAND: &str = "dlr replay --rejected";

/// A little longer than the inbound stream keeps envelopes.
const KEPT: Duration = Duration::from_hours(73);

pub(super) async fn run(args: &Args, config: &Config) -> anyhow::Result<()> {
    if let Some(reason) = &args.reason
        && !Rejection::REASONS.contains(&reason.as_str())
    {
        bail!("--reason: nothing is ever rejected for {reason}");
    }
    let nats = Account::Reconcile.adapt(&config.nats);
    let inbound = Inbound {
        witness: footing::witness(&nats, COMMAND).await?,
        stream: &config.streams.inbound,
        subject: &config.streams.inbound_subject,
    };
    let Footing {
        mut bench,
        profiles,
        ..
    } = Footing::open(config, COMMAND).await?;
    let now = bench.clock.now();
    let scope = args.scope(before(now, KEPT), now);
    let mut request = Request {
        scope: &scope,
        reason: args.reason.as_deref(),
        sequence: args.sequence,
        profiles: &profiles,
        dry_run: true,
    };
    let mut planned = Counts::default();
    redrive(&mut bench, &inbound, &request, &mut planned).await?;
    if args.dry_run {
        return show(args, &scope, &planned, None);
    }
    if !args.json {
        show(args, &scope, &planned, None)?;
    }
    request.dry_run = false;
    let mut done = Counts::default();
    let work = redrive(&mut bench, &inbound, &request, &mut done);
    let ended = unless_interrupted(work).await;
    show(args, &scope, &planned, Some((&done, ended.is_ok())))?;
    ended
}

fn show(
    args: &Args,
    scope: &Scope,
    planned: &Counts,
    done: Option<(&Counts, bool)>,
) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    let Scope { from, to, .. } = scope;
    if args.json {
        let report = json!({
            "dryRun": args.dry_run,
            "from": from,
            "to": to,
            "planned": planned,
            "done": done.map(|(done, _)| done),
            "complete": done.map(|(_, complete)| complete),
        });
        writeln!(out, "{report}")?;
        return Ok(());
    }
    if let Some((Counts { parked, .. }, complete)) = done {
        let done = done_word(complete);
        writeln!(
            out,
            "{done}: {parked} parked; the sweeper looks at them next"
        )?;
        return Ok(());
    }
    writeln!(
        out,
        "{} rejected envelopes, stored from {from} until {to}",
        planned.found
    )?;
    for (count, what) in [
        (planned.redriven_before, "were parked before"),
        (planned.gone, "are gone from the stream"),
        (
            planned.replaced,
            "are gone: the stream was made anew and has others in their places",
        ),
        (planned.other_carrier, "are another carrier's"),
        (planned.parked, "can be read now, to be parked"),
    ] {
        writeln!(out, "{count:>10} {what}")?;
    }
    for (reason, count) in &planned.rejected {
        writeln!(out, "{count:>10} are rejected still: {reason}")?;
    }
    if args.dry_run {
        writeln!(out, "nothing is done (--dry-run)")?;
    }
    Ok(())
}
