//! `dlr provision`: makes the streams and consumers of the contract, or says how they differ.

use std::io::{self, Write as _};
use std::process::ExitCode;

use super::account::Account;
use crate::broker;
use crate::broker::layout::Layout;
use crate::broker::provision::{self, Item, Kind, Retention, State};
use crate::config::Loaded;
use crate::lifecycle::{Member, Part};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Compare and change nothing; exits with 1 when anything is missing or differs
    #[arg(long)]
    check: bool,

    /// Let a stream become smaller or shorter-lived, which drops messages it keeps today
    #[arg(long, conflicts_with = "check")]
    lower_retention: bool,

    /// Print one JSON document instead of lines
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: Args, loaded: Loaded) -> anyhow::Result<ExitCode> {
    let config = loaded.require_nats()?;
    let nats = Account::Provisioner.adapt(&config.nats);
    let client = broker::connect(&nats, "dlr provision", Member::unwatched(Part::Nats)).await?;
    let context = broker::jetstream(client, &nats);
    let layout = Layout::of(&config.streams);

    let items = if args.check {
        provision::check(&context, &layout).await?
    } else {
        let retention = if args.lower_retention {
            Retention::MayLower
        } else {
            Retention::Keep
        };
        provision::provision(&context, &layout, retention).await?
    };
    print(&args, &items)?;
    let differs = items.iter().any(|it| it.state != State::AsWanted);
    Ok(if args.check && differs {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn print(args: &Args, items: &[Item]) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    if args.json {
        let report = serde_json::json!({ "check": args.check, "items": items });
        serde_json::to_writer_pretty(&mut out, &report)?;
        writeln!(out)?;
        return Ok(());
    }
    for Item { kind, name, state } in items {
        let kind = match kind {
            Kind::Stream => "stream",
            Kind::Consumer => "consumer",
        };
        let word = match (state, args.check) {
            (State::AsWanted, _) => "as wanted",
            (State::Missing, true) => "missing",
            (State::Missing, false) => "made",
            (State::Differs(_), true) => "differs",
            (State::Differs(_), false) => "changed",
        };
        writeln!(out, "{kind} {name}: {word}")?;
        if let State::Differs(differences) = state {
            for difference in differences {
                writeln!(out, "  {difference}")?;
            }
        }
    }
    Ok(())
}
