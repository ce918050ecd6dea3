//! `dlr receipts`: payloads, before anybody publishes them.

mod check;

use std::process::ExitCode;

use crate::config::{ConfigError, Loaded};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Show line by line how receipts would be read, converted and judged, and why one would be
    /// rejected; phone numbers are masked
    ///
    /// Fails if any would be rejected. Needs no server.
    Check(check::Args),
}

/// `load` is called by what needs a configuration only.
pub(super) async fn run(
    args: Args,
    load: impl FnOnce() -> Result<Loaded, ConfigError>,
) -> anyhow::Result<ExitCode> {
    match args.action {
        Action::Check(args) => Box::pin(check::run(args, load)).await,
    }
}
