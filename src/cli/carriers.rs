//! `dlr carriers`: the profiles of carriers, as the processor reads them.

mod diagnose;
pub(super) mod document;
mod list;
mod set;
mod show;
mod telling;

use std::path::PathBuf;
use std::process::ExitCode;

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::config::Loaded;
use crate::store::connect::Connector;
use crate::store::failure::describe_query;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,

    /// Print one JSON document instead of lines
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Show every carrier that has a profile, and what it says
    List,
    /// Show the profile of a carrier
    Show {
        /// The carrier's id, as in receipts
        #[arg(value_name = "CARRIER")]
        carrier: String,

        /// That of this revision instead of the one in force
        #[arg(long, value_name = "N", conflicts_with = "history")]
        revision: Option<i32>,

        /// Show when each revision was written, by whom, and what became of it, newest first
        #[arg(long)]
        history: bool,
    },
    /// Study parked receipts, and say what would match them
    Diagnose(diagnose::Args),
    /// Write the next revision of a carrier's profile; {} takes everything as it stands again
    Set {
        /// The carrier's id, as in receipts
        #[arg(value_name = "CARRIER")]
        carrier: String,

        /// The whole profile as JSON; - reads standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,

        /// Check it and show what would change, and write nothing
        #[arg(long)]
        dry_run: bool,
    },
}

/// Signs in with `postgres.profiles_url`, or else with `postgres.url`: who only looks may be the
/// processor's role.
pub(super) async fn run(args: Args, loaded: Loaded) -> anyhow::Result<ExitCode> {
    if let Action::Diagnose(diagnose) = &args.action {
        return diagnose::run(diagnose, args.json, &loaded).await;
    }
    let (config, sign_in) = loaded.require_profiles()?;
    let connector = Connector::with(&config.postgres, sign_in, "dlr carriers");
    let (client, connection) = connector.connect().await?;
    let work = async {
        let outcome = act(&args, &client).await;
        drop(client);
        outcome.map_err(explained)
    };
    // What ended the connection is what the statement under way failed with.
    let (outcome, _) = tokio::join!(work, connection);
    outcome
}

async fn act(args: &Args, client: &Client) -> anyhow::Result<ExitCode> {
    match &args.action {
        Action::Diagnose(_) => unreachable!("has connections of its own"),
        Action::List => list::run(client, args.json).await?,
        Action::Show {
            carrier,
            history: true,
            ..
        } => show::history(client, carrier, args.json).await?,
        Action::Show {
            carrier,
            revision: Some(revision),
            ..
        } => show::revision(client, carrier, *revision, args.json).await?,
        Action::Show { carrier, .. } => show::in_force(client, carrier, args.json).await?,
        Action::Set {
            carrier,
            file,
            dry_run,
        } => set::run(client, carrier, file, *dry_run, args.json).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// PostgreSQL's answer in words that may be shown, and what to do about the two that an operator
/// meets.
pub(super) fn explained(error: anyhow::Error) -> anyhow::Error {
    let error = match error.downcast::<tokio_postgres::Error>() {
        Ok(error) => error,
        Err(other) => return other,
    };
    let advice = match error.code() {
        Some(&SqlState::INSUFFICIENT_PRIVILEGE) => AS_PROFILES,
        Some(&SqlState::UNDEFINED_TABLE | &SqlState::INVALID_SCHEMA_NAME) => {
            "; run `dlr migrate up` as its administrator"
        }
        _ => "",
    };
    anyhow::anyhow!("{}{advice}", describe_query(&error))
}

/// How to come by the right to read and write profiles.
pub(super) const AS_PROFILES: &str = "; sign in as dlr_profiles, with postgres.profiles_url \
                           (DLR__POSTGRES__PROFILES_URL) or DATABASE_URL";
