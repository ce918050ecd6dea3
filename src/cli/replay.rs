//! `dlr replay`: a second chance for what was recorded, rejected or parked.

pub(super) mod parked;
mod recorded;
mod rejected;

use std::process::ExitCode;

use anyhow::bail;
use clap::ArgGroup;
use jiff::Timestamp;

use super::moment;
use crate::config::Loaded;
use crate::lifecycle::Signals;
use crate::replay::Scope;

const MORE: &str = "\
What was decided stays: what is decided anew is stored beside it. Done twice, it does nothing the
second time. What is to be done is counted first.

--recorded works as `dlr run` does, with its roles and key ring; a message that is older than the
horizon is left alone. --rejected needs, in nats.cert_file, the certificate of the account that checks
the books (reconcile), publishes nothing, and leaves the rest to the sweeper. --parked does what the
sweeper does by itself in the course of an hour.";

#[derive(Debug, clap::Args)]
#[command(after_help = MORE, group = ArgGroup::new("what").required(true).args(["recorded", "rejected", "parked"]))]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(super) struct Args {
    /// Decide anew about recorded receipts, by the profiles in force, and publish what changes
    #[arg(long, requires = "reason")]
    recorded: bool,

    /// Fetch rejected envelopes from the stream, and park those that can be read by now
    #[arg(long)]
    rejected: bool,

    /// Look at the open parked receipts now, without waiting for the sweeper
    #[arg(long, conflicts_with_all = ["reason", "from", "to"])]
    parked: bool,

    /// Why they were recorded (`unknown_word`) or rejected
    #[arg(long, value_name = "REASON")]
    reason: Option<String>,

    /// Of this carrier only
    #[arg(long, value_name = "ID")]
    carrier: Option<String>,

    /// With this word of the carrier's only
    #[arg(long, requires = "recorded")]
    word: Option<String>,

    /// The envelope with this sequence only
    #[arg(long, value_name = "N", requires = "rejected")]
    sequence: Option<u64>,

    /// Stored at or after this time: 2026-11-21T12:00:00Z or "2h ago" [default: the horizon ago;
    /// of rejected ones 73h ago, which is longer than the stream keeps them]
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    from: Option<Timestamp>,

    /// Stored before this time [default: now]
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    to: Option<Timestamp>,

    /// Only count what would be done
    #[arg(long)]
    dry_run: bool,

    /// Print one JSON document instead of lines
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: Args, loaded: Loaded) -> anyhow::Result<ExitCode> {
    let config = loaded.require_pipeline()?;
    if args.rejected {
        rejected::run(&args, config).await?;
    } else if args.parked {
        parked::run(&args, config).await?;
    } else {
        recorded::run(&args, config).await?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Works until the end, or until SIGINT or SIGTERM. What is under way then is given up, which is no
/// worse than a crash: whatever is counted by then is done, and the next run does the rest.
pub(super) async fn unless_interrupted<E>(
    work: impl Future<Output = Result<(), E>>,
) -> anyhow::Result<()>
where
    anyhow::Error: From<E>,
{
    let mut signals = Signals::listen()?;
    tokio::select! {
        biased;
        ended = work => Ok(ended?),
        signal = signals.next() => bail!("interrupted by {signal}; run it again for the rest"),
    }
}

/// How the line begins that says what was done.
pub(super) fn done_word(is_complete: bool) -> &'static str {
    if is_complete {
        "done"
    } else {
        "done until then"
    }
}

impl Args {
    /// What was asked for, from `from` on if nothing else was said.
    fn scope(&self, from: Timestamp, now: Timestamp) -> Scope {
        Scope {
            from: self.from.unwrap_or(from),
            to: self.to.unwrap_or(now),
            carrier: self.carrier.clone(),
        }
    }
}
