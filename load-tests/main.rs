//! Load tests: what a receipt costs, and how long it takes. `load-tests/README.md` says how to run
//! them and how to read what they print.

mod absence;
mod books;
mod ceiling;
mod contestant;
mod cpu;
mod events;
mod ground;
mod grow;
mod ledger;
mod machine;
mod messages;
mod offer;
mod options;
mod pace;
mod partitions;
mod plain;
mod progress;
mod receipts;
mod report;
mod runs;
mod settings;
mod short;
mod storm;
mod window;
mod wiring;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
use dlr::config::Pipeline;

use crate::ground::Ground;
use crate::options::{Arguments, Command, Common, Drain, Grow, Steady};
use crate::progress::say;
use crate::report::{Figures, Report};
use crate::runs::Who;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let (common, runs) = match arguments.command {
        Command::Drain(options) => (options.common.clone(), drain(&options).await?),
        Command::Steady(options) => (options.common.clone(), steady(&options).await?),
        Command::Absence(options) => {
            let dlr = binary(&options.common)?;
            let mut ground = Ground::prepare(&dlr, &options.common, options.scale).await?;
            let figures = absence::run(&mut ground, &dlr, &options).await?;
            (options.common.clone(), vec![figures])
        }
        Command::Short(options) => {
            let dlr = binary(&options.common)?;
            let runs = Box::pin(short::run(&options, &dlr)).await?;
            (options.common.clone(), runs)
        }
        Command::Grow(options) => return grow(&options).await,
        Command::Ceiling(options) => {
            ceiling::run(&options).await?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    let report = Report::new(runs);
    say("")?;
    say(&report.table()?)?;
    if let Some(file) = &common.json {
        report.write(file)?;
    }
    verdict(report.runs.iter())
}

/// A run in which something was lost or came twice is a failure, whatever else it shows.
fn verdict<'a>(mut runs: impl Iterator<Item = &'a Figures>) -> anyhow::Result<ExitCode> {
    let Some(run) = runs.find(|run| !run.ledger.is_balanced()) else {
        return Ok(ExitCode::SUCCESS);
    };
    say(&format!("NOT BALANCED: {:?}", run.ledger))?;
    Ok(ExitCode::FAILURE)
}

async fn grow(options: &Grow) -> anyhow::Result<ExitCode> {
    let growth = grow::run(options, &binary(&options.common)?).await?;
    say("")?;
    say(&growth.table()?)?;
    if let Some(folder) = &options.into {
        growth.write(folder)?;
    }
    if let Some(file) = &options.common.json {
        fs::write(file, growth.json()?)?;
    }
    verdict(growth.runs())
}

async fn drain(options: &Drain) -> anyhow::Result<Vec<Figures>> {
    let common = &options.common;
    anyhow::ensure!(
        options.receipts <= options.scale.messages,
        "more receipts than messages"
    );
    let dlr = binary(common)?;
    let mut ground = Ground::prepare(&dlr, common, options.scale).await?;
    let mut runs: Vec<Figures> = Vec::new();
    let mut batch = Pipeline::default().batch_max;
    for round in 0..options.pairs.max(1) {
        let mut turns = Vec::new();
        if !options.ceiling {
            turns.push(Who::Processor);
        }
        if options.ceiling || options.pairs > 0 {
            turns.push(Who::Ceiling(0));
        }
        let contender = options.contender.as_deref();
        if let Some((program, schema)) = contender.zip(options.contender_schema.as_deref()) {
            turns.push(Who::Contender(program, schema));
        }
        // So that none has always the warmer machine.
        let first = round % turns.len();
        turns.rotate_left(first);
        for who in turns {
            let who = match who {
                Who::Ceiling(_) => Who::Ceiling(batch),
                other => other,
            };
            let run = runs::drain(&mut ground, &dlr, options, who).await?;
            say(&run.to_string())?;
            if let Who::Processor = who {
                batch = run.whole_batch();
            }
            runs.push(run);
        }
    }
    Ok(runs)
}

async fn steady(options: &Steady) -> anyhow::Result<Vec<Figures>> {
    let dlr = binary(&options.common)?;
    let mut ground = Ground::prepare(&dlr, &options.common, options.scale).await?;
    say("offering")?;
    Ok(vec![runs::steady(&mut ground, &dlr, options).await?])
}

/// The processor: what was named, or what was built beside this program.
fn binary(common: &Common) -> anyhow::Result<PathBuf> {
    if let Some(path) = &common.dlr {
        return Ok(path.canonicalize()?);
    }
    let own = std::env::current_exe()?;
    let beside = own.ancestors().nth(2).map(|folder| folder.join("dlr"));
    let beside = beside.filter(|path| path.is_file());
    beside.context("no `dlr` beside this program: cargo build --release, or name it with --dlr")
}
