//! `dlr supervise`

use std::{io, process::ExitCode};

use tokio::task::spawn_blocking;

use crate::dev::supervisor;

#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) async fn run(_args: Args) -> anyhow::Result<ExitCode> {
    // It has a runtime of its own for its signals, which this one's threads could not drop.
    spawn_blocking(|| supervisor::main_loop(io::stdin().lock(), io::stdout().lock())).await??;
    Ok(ExitCode::SUCCESS)
}
