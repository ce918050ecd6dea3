//! `dlr receipts check`

mod input;
mod lines;
mod report;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::builder::PossibleValuesParser;

use self::input::Input;
use self::report::{Outcome, Report};
use crate::cli::carriers::document;
use crate::cli::footing;
use crate::cli::printable::printable;
use crate::config::{ConfigError, Loaded};
use crate::receipt::profile::{Profile, Profiles};
use crate::receipt::status::Status;
use crate::receipt::{Publisher, is_carrier_id};
use crate::store::failure::describe_query;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Receipts, one a line: JSON objects, or SMPP texts such as `id:7 stat:DELIVRD`, which are read
    /// as rawPayload; or a file that is one archive; - reads standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Read as if published on this carrier's own subject
    #[arg(long, value_name = "ID", value_parser = carrier_id)]
    carrier: Option<String>,

    /// Read by this profile, whatever the carrier, instead of taking everything as it stands
    #[arg(long, value_name = "FILE", conflicts_with = "from_database")]
    profile: Option<PathBuf>,

    /// Read by the profiles in force, as the processor would; signs in as it does
    #[arg(long)]
    from_database: bool,

    /// Status of the message that each receipt meets
    #[arg(long, default_value = "sent", value_parser = statuses())]
    status: String,

    /// Print one JSON document a line
    #[arg(long)]
    json: bool,
}

/// What came of all lines.
#[derive(Default)]
struct Tally([u64; Outcome::ALL.len()]);

pub(super) async fn run(
    args: Args,
    load: impl FnOnce() -> Result<Loaded, ConfigError>,
) -> anyhow::Result<ExitCode> {
    let profiles = profiles(&args, load).await?;
    let publisher = match &args.carrier {
        Some(carrier) => Publisher::Carrier(carrier),
        None => Publisher::Gateway,
    };
    let status = Status::from_stored(&args.status).context("no status")?;
    let cannot_read = || format!("cannot read {}", args.file.display());
    let mut input = Input::new(open(&args.file)?).with_context(cannot_read)?;
    let mut tally = Tally::default();
    let mut out = io::stdout().lock();
    while let Some((number, piece)) = input.next().with_context(cannot_read)? {
        let report = Report::of(number, piece, publisher, &profiles, status);
        tally.count(report.outcome);
        if args.json {
            serde_json::to_writer(&mut out, &report)?;
            writeln!(out)?;
        } else {
            for line in lines::of(&report) {
                writeln!(out, "{}", printable(&line))?;
            }
        }
    }
    if !args.json {
        writeln!(out, "{}", tally.line())?;
    }
    let rejected = tally.of(Outcome::Rejected) > 0;
    Ok(if rejected {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

async fn profiles(
    args: &Args,
    load: impl FnOnce() -> Result<Loaded, ConfigError>,
) -> anyhow::Result<Arc<Profiles>> {
    if let Some(file) = &args.profile {
        let profile = Profile::parse(&document::read(file)?, 0);
        let profile = profile.with_context(|| file.display().to_string())?;
        return Ok(Arc::new(Profiles::every(profile)));
    }
    if !args.from_database {
        return Ok(Arc::default());
    }
    let loaded = load()?;
    let config = loaded.require_postgres()?;
    let client = footing::connect(config, "dlr receipts check").await?;
    let profiles = footing::profiles(config, &client).await;
    profiles.map_err(|error| anyhow::Error::msg(describe_query(&error)))
}

fn open(file: &Path) -> anyhow::Result<Box<dyn BufRead>> {
    if file == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    let opened = File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(Box::new(BufReader::new(opened)))
}

fn carrier_id(text: &str) -> Result<String, &'static str> {
    if is_carrier_id(text) {
        Ok(text.to_owned())
    } else {
        Err("must be 1 to 64 of a-z 0-9 _ -")
    }
}

fn statuses() -> PossibleValuesParser {
    PossibleValuesParser::new(Status::ALL.map(Status::as_str))
}

impl Tally {
    fn count(&mut self, outcome: Outcome) {
        self.0[outcome as usize] += 1;
    }

    fn of(&self, outcome: Outcome) -> u64 {
        self.0[outcome as usize]
    }

    fn line(&self) -> String {
        let all: u64 = self.0.iter().sum();
        let receipts = if all == 1 { "receipt" } else { "receipts" };
        let each = Outcome::ALL.map(|outcome| format!("{} {}", self.of(outcome), outcome.word()));
        format!("{all} {receipts}: {}", each.join(", "))
    }
}
