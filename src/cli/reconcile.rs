//! `dlr reconcile`: whether every settled envelope has one disposition and its events.

mod lines;

use std::io::{self, Write as _};
use std::process::ExitCode;

use jiff::Timestamp;

use super::account::Account;
use super::{footing, moment};
use crate::config::Loaded;
use crate::reconcile::{Verdict, reconcile};

const COMMAND: &str = "dlr reconcile";

const MORE: &str = "\
Checks the envelopes up to the one before which all are settled: each has one disposition, what was
decided has its events, every event its receipt, and no message was given a status twice among them.
It may run beside processors at work. What the inbound stream let go of before anybody settled it shows
with --since only, as gaps.

A stream that lost its end gives sequences out again: envelopes that were passed over under one are
looked for where rows that follow one another in time have other sequences (at a hundred thousand
places), and at pauses between rows: all of a second or more, and the hundred thousand longest of a
tenth of a second or more.

Signs in to PostgreSQL as dlr_reader or as the processor's role, and to NATS with the certificate of
the account that checks the books (reconcile). Changes nothing. Ids of events lie in temporary files
meanwhile, below TMPDIR: some 65 bytes for each event, once as the tables and once as the streams
have it.

Exits with 0 only when there was something to check, everything could be checked, and all is
accounted for; with 78 if the configuration is refused, with 2 if the command line is, otherwise with 1.";

#[derive(Debug, clap::Args)]
#[command(after_help = MORE)]
pub(super) struct Args {
    /// Check what was stored since then, also what the inbound stream no longer has:
    /// 2026-11-21T12:00:00Z or "2h ago" [default: what the inbound stream has]
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    since: Option<Timestamp>,

    /// Print one JSON document instead of lines
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: Args, loaded: Loaded) -> anyhow::Result<ExitCode> {
    loaded.require_nats()?;
    let config = loaded.require_postgres()?;
    let nats = Account::Reconcile.adapt(&config.nats);
    let witness = footing::witness(&nats, COMMAND).await?;
    let client = footing::connect(config, COMMAND).await?;
    let report = reconcile(config, args.since, &client, &witness).await?;
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &report)?;
        writeln!(out)?;
    } else {
        for line in lines::of(&report) {
            writeln!(out, "{line}")?;
        }
    }
    Ok(match report.verdict {
        Verdict::Accounted => ExitCode::SUCCESS,
        Verdict::Amiss | Verdict::Unchecked => ExitCode::FAILURE,
    })
}
