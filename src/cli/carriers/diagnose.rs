//! `dlr carriers diagnose`

mod apply;
mod figures;
mod spoken;
mod text;

use std::io::{self, Write as _};
use std::process::ExitCode;

use serde_json::json;

use self::apply::{Applied, apply};
use crate::cli::footing::confirm;
use crate::cli::run::key_ring;
use crate::clock::Clock;
use crate::config::Loaded;
use crate::diagnosis::{Findings, Study};
use crate::receipt::is_carrier_id;
use crate::store::connect::Connector;
use crate::store::studies::Studies;

const MORE: &str = "\
Nothing is proposed on fewer than 20 receipts and half of those that match nothing, nor where readings
contradict each other or made-up ids would match too. What would lose receipts that matched lately is
proposed, but written only with --accept-losses: right if the carrier writes all its ids otherwise now,
wrong if only one of its connections does. Exits with 1 when something is proposed and not written, or
when fewer parked receipts than expected have ended in time.";

#[derive(Debug, clap::Args)]
#[command(after_help = MORE)]
pub(super) struct Args {
    /// The carrier's id, as in receipts; without it, every carrier that has parked receipts
    #[arg(value_name = "CARRIER")]
    carrier: Option<String>,

    /// Write what is proposed as the next revision, and wait until the parked receipts have been
    /// looked at again
    #[arg(long, requires = "carrier")]
    apply: bool,

    /// Write it although receipts that matched in the last 24 hours would match no more
    #[arg(long, requires = "apply")]
    accept_losses: bool,

    /// Try a proposal on at most so many parked receipts of a carrier
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    limit: u32,

    /// Wait at most so long for the parked receipts
    #[arg(long, value_name = "SECONDS", default_value_t = 120, requires = "apply", value_parser = clap::value_parser!(u64).range(1..=3_600))]
    wait: u64,
}

/// Signs in with `postgres.url` to study, as the processor does, because what is parked is sealed;
/// only what is written is written as whoever writes profiles.
pub(super) async fn run(args: &Args, json: bool, loaded: &Loaded) -> anyhow::Result<ExitCode> {
    let config = loaded.require_parked()?;
    if let Some(carrier) = args.carrier.as_deref().filter(|it| !is_carrier_id(it)) {
        anyhow::bail!("{carrier:?} is no carrier id: it has to be 1 to 64 of a-z 0-9 _ -");
    }
    let ring = key_ring(config)?;
    let connector = Connector::new(&config.postgres, "dlr carriers diagnose");
    let (client, connection) = connector.connect().await?;
    let work = async {
        confirm(&ring, &client).await?;
        let studies = Studies::open(client).await?;
        let study = Study {
            studies: &studies,
            ring: &ring,
            horizon: config.pipeline.horizon,
            message_lag: config.pipeline.message_lag,
            limit: usize::try_from(args.limit).unwrap_or(usize::MAX),
            now: Clock.now(),
        };
        let alone = args.carrier.is_some();
        let mut told = Ok(0);
        let findings = study
            .diagnose(args.carrier.as_deref(), |diagnosis| {
                if let (false, Ok(before)) = (json, &told) {
                    let telling = text::print(&mut io::stdout().lock(), diagnosis, alone);
                    told = telling.map(|is_told| before + usize::from(is_told));
                }
            })
            .await?;
        if !json {
            text::print_end(&mut io::stdout().lock(), &findings, told?)?;
        }
        let mut applied = None;
        if args.apply {
            applied = apply(args, json, loaded, &study, &findings).await?;
        }
        if json {
            print_json(&findings, applied.as_ref())?;
        }
        Ok(exit_code(&findings, args.apply, applied.as_ref()))
    };
    let (outcome, _) = tokio::join!(work, connection);
    outcome
}

fn print_json(findings: &Findings, applied: Option<&Applied>) -> io::Result<()> {
    let report = json!({
        "carriers": findings.carriers,
        "leftOut": findings.left_out,
        "applied": applied,
    });
    writeln!(io::stdout().lock(), "{report:#}")
}

/// As with `--check` elsewhere: 1 says that there is something to do.
fn exit_code(findings: &Findings, apply: bool, applied: Option<&Applied>) -> ExitCode {
    let proposes = findings.carriers.iter().any(|it| it.proposal.is_some());
    match applied {
        Some(applied) if applied.is_complete() => ExitCode::SUCCESS,
        None if apply || !proposes => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
