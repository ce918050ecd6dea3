//! `dlr dev`: the whole way of a receipt on real servers, on one machine, for as long as you look.

mod simulation;

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use self::simulation::Simulation;
use crate::clock::Clock;
use crate::config::{LogFormat, Pipeline, Telemetry};
use crate::dev::scenario::{Scenario, Shares};
use crate::dev::site::Site;
use crate::dev::view::View;
use crate::lifecycle::{Ended, Signals};
use crate::telemetry;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// End after this time, such as 20s or 5m [default: at Ctrl-C]
    #[arg(long = "for", value_name = "TIME", value_parser = time)]
    duration: Option<Duration>,

    /// Receipts a second
    #[arg(long, default_value_t = 1_000, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: u32,

    /// Percent of receipts that repeat an earlier one
    #[arg(long, default_value_t = 3.0, value_name = "PERCENT")]
    duplicates: f64,

    /// Percent of receipts that come before their message's row
    #[arg(long, default_value_t = 2.0, value_name = "PERCENT")]
    early: f64,

    /// Percent of receipts that come so long before it that they are parked
    #[arg(long, default_value_t = 2.0, value_name = "PERCENT")]
    late: f64,

    /// Percent of receipts that come after a later one of their message
    #[arg(long, default_value_t = 2.0, value_name = "PERCENT")]
    out_of_order: f64,

    /// Percent of receipts with a word that no table knows
    #[arg(long, default_value_t = 1.0, value_name = "PERCENT")]
    unknown_words: f64,

    /// Percent of receipts with ids in a notation that no profile tells; diagnosed at the end
    #[arg(long, default_value_t = 3.0, value_name = "PERCENT")]
    notation_fault: f64,

    /// Percent of receipts about messages that do not exist
    #[arg(long, default_value_t = 2.0, value_name = "PERCENT")]
    unmatched: f64,

    /// Percent of receipts that are broken
    #[arg(long, default_value_t = 2.0, value_name = "PERCENT")]
    invalid: f64,

    /// Lanes of the pipeline [default: as `dlr run`]
    #[arg(long, value_name = "N")]
    lanes: Option<usize>,

    /// Seed of the simulation: the same seed tells the same stories
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,

    /// What is logged, as in telemetry.log [default: warn, and off while a screen is shown]
    #[arg(long, value_name = "FILTER")]
    log: Option<String>,

    /// Keep the servers after the ledger until Ctrl-C, to look around
    #[arg(long)]
    keep: bool,
}

fn time(text: &str) -> Result<Duration, String> {
    let span: jiff::SignedDuration = text
        .parse()
        .map_err(|error| format!("write it as 20s or 5m ({error})"))?;
    Duration::try_from(span).map_err(|error| error.to_string())
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let shares = Shares {
        duplicates: args.duplicates,
        early: args.early,
        late: args.late,
        out_of_order: args.out_of_order,
        unknown_words: args.unknown_words,
        notation_fault: args.notation_fault,
        unmatched: args.unmatched,
        invalid: args.invalid,
    };
    let scenario = Scenario::new(args.seed, Clock.now(), f64::from(args.rate), shares)?;
    let mut signals = Signals::listen()?;
    let site = start_site().await?;
    let asked = CancellationToken::new();
    let outcome = tokio::select! {
        outcome = simulate(&args, &site, scenario, &asked) => outcome,
        () = twice(&mut signals, &asked) => {
            Err(anyhow::anyhow!("stopped by a second signal, without a ledger"))
        }
    };
    if args.keep && outcome.is_ok() {
        say("the servers stay until Ctrl-C")?;
        signals.next().await;
    }
    say("removing the servers and their folder")?;
    tokio::task::spawn_blocking(move || site.shutdown()).await?;
    outcome
}

/// The first signal asks for an end in order, the second does not wait for it.
async fn twice(signals: &mut Signals, asked: &CancellationToken) {
    signals.next().await;
    asked.cancel();
    signals.next().await;
}

/// Servers, database, streams: the steps of any installation.
async fn start_site() -> anyhow::Result<Site> {
    say("starting PostgreSQL and nats-server, with certificates of a private authority")?;
    let dlr = std::env::current_exe().context("cannot find this program's own file")?;
    let site = tokio::task::spawn_blocking(move || Site::start(&dlr)).await??;
    say(&format!(
        "  in {}, which goes with this process",
        site.folder().display()
    ))?;
    let migrations = site.migrate().await?;
    say(&format!(
        "made a messages table and the schema ({} migrations)",
        migrations.len()
    ))?;
    let made = site.provision(&site.config().streams).await?;
    say(&format!("made {made} streams and consumers"))?;
    Ok(site)
}

async fn simulate(
    args: &Args,
    site: &Site,
    scenario: Scenario,
    asked: &CancellationToken,
) -> anyhow::Result<ExitCode> {
    // A log line in the middle of a screen helps nobody.
    let quiet = if View::has_terminal() { "off" } else { "warn" };
    let log = args.log.clone().unwrap_or_else(|| quiet.to_owned());
    telemetry::tracing::init(&Telemetry {
        log,
        format: LogFormat::Text,
    })?;
    let lanes = args.lanes.unwrap_or_else(|| Pipeline::default().lanes);
    let simulation = Simulation::start(site, scenario, lanes, args.duration).await?;
    simulation.ready().await?;
    let notes = simulation.notes(site)?;
    say("the processor runs; look inside with")?;
    for note in &notes {
        say(&format!("  {note}"))?;
    }
    let until = args
        .duration
        .map_or_else(|| "until Ctrl-C".to_owned(), |time| format!("for {time:?}"));
    say(&format!(
        "simulated carriers publish {} receipts a second {until}",
        args.rate
    ))?;

    let mut view = View::open(notes)?;
    let stop = asked.child_token();
    let time_is_up = async {
        sleep(args.duration.unwrap_or(Duration::MAX)).await;
        stop.cancel();
    };
    let (ran, ()) = tokio::join!(simulation.run(&mut view, &stop), async {
        stop.run_until_cancelled(time_is_up).await;
    });
    drop(view);
    let ran = ran?;
    say(&ran.to_string())?;
    let repaired = simulation.repair(site, &ran.published).await?;
    say(&simulation.swept(&ran, repaired).await?.to_string())?;
    let (ended, ledger) = simulation.settle(&ran.published, repaired).await?;
    if ended != Ended::Clean {
        say(&format!("the processor did not stop in order: {ended:?}"))?;
    }
    say(&ledger.to_string())?;
    Ok(if ledger.is_balanced() && ended == Ended::Clean {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn say(text: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_people_write_them() {
        assert_eq!(time("20s"), Ok(Duration::from_secs(20)));
        assert_eq!(time("5m"), Ok(Duration::from_mins(5)));
        assert!(time("soon").is_err());
        assert!(time("-5s").is_err());
    }
}
