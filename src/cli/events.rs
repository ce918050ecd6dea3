//! `dlr events`: what was published, once more.

use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::bail;
use jiff::Timestamp;
use serde_json::json;

use super::footing::{self, Footing};
use super::moment;
use super::replay::{done_word, unless_interrupted};
use crate::config::{Config, Loaded, Streams};
use crate::events::EventKind;
use crate::replay::again::{Counts, Pace, Request, again};
use crate::replay::{Outlet, Scope};

const COMMAND: &str = "dlr events replay";

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Publish the events of stored decisions again, with the ids and bodies they had
    Replay(ReplayArgs),
}

const MORE: &str = "\
For consumers that lost events. They tell repeated ones by source and id; a stream itself takes none
twice within its de-duplication window (two minutes).

Decisions are sought among the receipts that were stored from 73 hours before --from on, since the
inbound stream keeps nothing for longer; those after parking and those decided anew, from 34 days
before, since no horizon is longer.";

#[derive(Debug, clap::Args)]
#[command(after_help = MORE)]
struct ReplayArgs {
    /// Where they go: billing.events, webhook.dispatch or sms.dlr.unmatched
    #[arg(long)]
    subject: String,

    /// Decided at or after this time: 2026-11-21T12:00:00Z or "2h ago"
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    from: Timestamp,

    /// Decided before this time
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    to: Timestamp,

    /// Of this carrier only
    #[arg(long, value_name = "ID")]
    carrier: Option<String>,

    /// Most events a second
    #[arg(long, value_name = "N", default_value_t = 1_000,
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: u32,

    /// Only count them
    #[arg(long)]
    dry_run: bool,

    /// Print one JSON document instead of lines
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: Args, loaded: Loaded) -> anyhow::Result<ExitCode> {
    let Action::Replay(args) = args.action;
    let config = loaded.require_pipeline()?;
    replay(&args, config).await?;
    Ok(ExitCode::SUCCESS)
}

async fn replay(args: &ReplayArgs, config: &Config) -> anyhow::Result<()> {
    let kind = kind_of(&config.streams, &args.subject)?;
    let scope = Scope {
        from: args.from,
        to: args.to,
        carrier: args.carrier.clone(),
    };
    let request = Request {
        kind,
        scope: &scope,
    };
    let Footing { bench, .. } = Footing::open(config, COMMAND).await?;
    let mut counted = Counts::default();
    again(&bench, &request, None, &mut counted).await?;
    if args.dry_run {
        return show(args, &counted, None);
    }
    if !args.json {
        show(args, &counted, None)?;
    }
    let mut publisher = footing::publisher(config, COMMAND).await?;
    let mut outlet = Outlet {
        publisher: &mut publisher,
        report: &mut footing::complain(),
    };
    let mut pace = Pace::new(args.rate);
    let mut published = Counts::default();
    let way = Some((&mut outlet, &mut pace));
    let ended = unless_interrupted(again(&bench, &request, way, &mut published)).await;
    show(args, &counted, Some((&published, ended.is_ok())))?;
    ended
}

fn kind_of(streams: &Streams, subject: &str) -> anyhow::Result<EventKind> {
    let known = [
        (&streams.billing_subject, EventKind::Billing),
        (&streams.webhook_subject, EventKind::Webhook),
        (&streams.unmatched_subject, EventKind::Unmatched),
    ];
    match known.iter().find(|(known, _)| *known == subject) {
        Some((_, kind)) => Ok(*kind),
        None => bail!(
            "--subject: nothing is published to {subject}; it is one of {}, {} and {}",
            known[0].0,
            known[1].0,
            known[2].0
        ),
    }
}

fn show(
    args: &ReplayArgs,
    counted: &Counts,
    published: Option<(&Counts, bool)>,
) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    let ReplayArgs { from, to, .. } = args;
    if args.json {
        let report = json!({
            "dryRun": args.dry_run,
            "subject": args.subject,
            "from": from,
            "to": to,
            "counted": counted,
            "published": published.map(|(published, _)| published),
            "complete": published.map(|(_, complete)| complete),
        });
        writeln!(out, "{report}")?;
        return Ok(());
    }
    if let Some((published, complete)) = published {
        writeln!(
            out,
            "{}: {} events are with their stream",
            done_word(complete),
            published.total()
        )?;
        return Ok(());
    }
    writeln!(
        out,
        "{} events of {}, decided from {from} until {to}",
        counted.total(),
        args.subject
    )?;
    for (count, what) in [
        (counted.at_once, "of receipts matched at once"),
        (counted.late, "of receipts matched after parking"),
        (counted.replayed, "of receipts decided anew"),
        (counted.parked, "of receipts parked"),
        (counted.resolved, "of parked receipts that ended"),
    ] {
        writeln!(out, "{count:>10} {what}")?;
    }
    if args.dry_run {
        writeln!(out, "nothing is published (--dry-run)")?;
    }
    Ok(())
}
