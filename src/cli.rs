//! The command line: one file a subcommand.

mod account;
mod carriers;
mod check_config;
mod dev;
mod events;
mod footing;
mod inspect;
mod migrate;
mod moment;
mod printable;
mod provision;
mod receipts;
mod reconcile;
mod replay;
mod run;
mod supervise;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Config, ConfigError, Loaded};

/// Delivery receipts in, settled messages out.
#[derive(Debug, Parser)]
#[command(name = "dlr", version, disable_help_subcommand = true)]
pub struct Cli {
    /// Configuration file (TOML); without it, the one that `DLR_CONFIG` names
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Take receipts in, settle messages, publish events
    Run(run::Args),
    /// Try it out: throw-away PostgreSQL and NATS servers, simulated carriers, a live view
    Dev(dev::Args),
    /// Bring the database schema up or down
    Migrate(migrate::Args),
    /// Make the streams and the consumer, or check them
    Provision(provision::Args),
    /// Show how receipts would be read, for whoever writes a gateway
    Receipts(receipts::Args),
    /// Look at carriers' profiles and write new ones: how each writes ids, words and times
    Carriers(carriers::Args),
    /// Decide anew what was recorded, read again what was rejected, look again at what is parked
    Replay(replay::Args),
    /// Publish the events of stored decisions again
    Events(events::Args),
    /// Tell one envelope's whole story, without phone numbers
    Inspect(inspect::Args),
    /// Prove that every settled envelope has one disposition and its events
    Reconcile(reconcile::Args),
    /// Show the effective configuration and check it as `run` would
    CheckConfig(check_config::Args),
    /// Hold the throw-away servers of `dev`
    #[command(hide = true)]
    Supervise(supervise::Args),
}

/// `EX_CONFIG` of sysexits.h.
const REFUSED_CONFIGURATION: u8 = 78;

impl Cli {
    pub async fn dispatch(
        self,
        environment: impl Iterator<Item = (String, String)>,
    ) -> anyhow::Result<ExitCode> {
        let load =
            || -> Result<Loaded, ConfigError> { Config::load(self.config.as_deref(), environment) };
        match self.command {
            Command::Run(args) => run::run(args, load()?).await,
            Command::Dev(args) => Box::pin(dev::run(args)).await,
            Command::Migrate(args) => migrate::run(args, load()?).await,
            Command::Provision(args) => provision::run(args, load()?).await,
            Command::Receipts(args) => receipts::run(args, load).await,
            Command::Carriers(args) => carriers::run(args, load()?).await,
            Command::Replay(args) => Box::pin(replay::run(args, load()?)).await,
            Command::Events(args) => Box::pin(events::run(args, load()?)).await,
            Command::Inspect(args) => Box::pin(inspect::run(args, load()?)).await,
            Command::Reconcile(args) => Box::pin(reconcile::run(args, load()?)).await,
            Command::CheckConfig(args) => check_config::show(&args, &load()?),
            Command::Supervise(args) => supervise::run(args).await,
        }
    }
}

/// The exit code of a failure: refused configurations have their own, so that a supervisor need
/// not try again.
pub fn exit_code(error: &anyhow::Error) -> ExitCode {
    if error
        .chain()
        .any(<dyn std::error::Error>::is::<ConfigError>)
    {
        ExitCode::from(REFUSED_CONFIGURATION)
    } else {
        ExitCode::FAILURE
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn refused_configuration_has_its_own_exit_code() {
        use anyhow::Context as _;
        let refused = ConfigError::new("nats.url", "not set");
        let refused = Err::<(), _>(refused).context("cannot start").unwrap_err();
        assert_eq!(exit_code(&refused), ExitCode::from(78));
        assert_eq!(
            exit_code(&anyhow::anyhow!("no such table")),
            ExitCode::FAILURE
        );
    }
}
