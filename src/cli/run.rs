//! `dlr run`

use std::process::ExitCode;

use crate::app::App;
use crate::config::{Config, ConfigError, Loaded};
use crate::lifecycle::{Ended, Signals};
use crate::seal::KeyRing;
use crate::telemetry;

#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn key_ring(config: &Config) -> Result<KeyRing, ConfigError> {
    KeyRing::load(&config.seal.keyring_file)
        .map_err(|error| ConfigError::new("seal.keyring_file", error.to_string()))
}

/// Runs until SIGTERM or SIGINT, or until a task dies; the second signal does not wait.
pub(super) async fn run(_args: Args, loaded: Loaded) -> anyhow::Result<ExitCode> {
    let config = loaded.require_pipeline()?.clone();
    telemetry::tracing::init(&config.telemetry)?;
    let ring = key_ring(&config)?;
    let mut signals = Signals::listen()?;
    let app = App::start(config, ring)?;
    tracing::info!(probes = %app.probes_address(), "started");
    let stopping = app.stopping().clone();
    tokio::select! {
        signal = signals.next() => {
            tracing::info!(signal, "stopping: taking nothing more, finishing what is held");
        }
        () = stopping.cancelled() => tracing::error!("stopping: a task died"),
    }
    let ended = app
        .stop(async {
            signals.next().await;
        })
        .await;
    Ok(match ended {
        Ended::Clean => {
            tracing::info!("stopped; everything held is settled");
            ExitCode::SUCCESS
        }
        Ended::Cut => {
            tracing::warn!("stopped early; what was held will be delivered again");
            ExitCode::FAILURE
        }
        Ended::Crashed => ExitCode::FAILURE,
    })
}
