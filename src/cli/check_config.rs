//! `dlr check-config`: what `dlr run` would work with, and from where each value came.

use std::io::{self, Write as _};
use std::process::ExitCode;

use super::run;
use crate::config::Loaded;
use crate::telemetry;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print one JSON document instead of lines
    #[arg(long)]
    json: bool,
}

pub(super) fn show(args: &Args, loaded: &Loaded) -> anyhow::Result<ExitCode> {
    let settings = loaded.settings();
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &serde_json::json!({ "settings": settings }))?;
        writeln!(out)?;
    } else {
        for setting in settings {
            writeln!(out, "{setting}")?;
        }
    }
    // Shown first, because what is missing is easier to see beside what is there.
    let config = loaded.require_pipeline()?;
    telemetry::tracing::filter(&config.telemetry)?;
    run::key_ring(config)?;
    Ok(ExitCode::SUCCESS)
}
