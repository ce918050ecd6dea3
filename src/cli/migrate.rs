//! `dlr migrate`: the schema up, down, and where it stands.

use std::io::{self, Write as _};
use std::process::ExitCode;

use serde_json::json;
use tokio_postgres::Client;

use crate::config::Loaded;
use crate::store::connect::Connector;
use crate::store::failure::describe;
use crate::store::migrations::{self, SCHEMA_VERSION, State, Status};

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
    /// Apply what is missing, and make the partitions of the next 35 days
    Up {
        /// Schema to stop at [default: the newest]
        #[arg(long, value_name = "N", default_value_t = SCHEMA_VERSION, hide_default_value = true)]
        to: i32,
    },
    /// Take migrations back, with everything that is stored in their tables
    Down {
        /// Schema to go back to; 0 leaves nothing but the roles [default: the one before]
        #[arg(long, value_name = "N")]
        to: Option<i32>,
    },
    /// Show which migrations are applied
    Status,
}

/// Signs in with `postgres.url` of this invocation, which is an administrator's: see
/// `migrations/README.md`.
pub(super) async fn run(args: Args, loaded: Loaded) -> anyhow::Result<ExitCode> {
    let settings = loaded.require_postgres()?.postgres.clone();
    let (mut client, connection) = Connector::new(&settings, "dlr migrate").connect().await?;
    let work = async {
        let outcome = act(&args, &mut client).await;
        drop(client);
        outcome
    };
    // What ended the connection is what the statement under way failed with.
    let (outcome, _) = tokio::join!(work, connection);
    outcome
}

async fn act(args: &Args, client: &mut Client) -> anyhow::Result<ExitCode> {
    match args.action {
        Action::Up { to } => {
            let applied = migrations::up(client, to).await?;
            // Before its migration there is no function to call.
            let partitions = if to == SCHEMA_VERSION {
                ensure_partitions(client).await?
            } else {
                0
            };
            show_steps(args, "applied", &applied, to, Some(partitions))?;
        }
        Action::Down { to } => {
            let to = match to {
                Some(to) => to,
                None => (migrations::version(client)
                    .await
                    .map_err(|error| plain(&error))?
                    - 1)
                .max(0),
            };
            let undone = migrations::down(client, to).await?;
            show_steps(args, "undone", &undone, to, None)?;
        }
        Action::Status => return show_status(args, &migrations::status(client).await?),
    }
    Ok(ExitCode::SUCCESS)
}

async fn ensure_partitions(client: &Client) -> anyhow::Result<i32> {
    let made = client
        .query_one("SELECT dlr.ensure_partitions()", &[])
        .await
        .map_err(|error| plain(&error))?;
    Ok(made.get(0))
}

fn plain(error: &tokio_postgres::Error) -> anyhow::Error {
    anyhow::Error::msg(describe(error))
}

fn show_steps(
    args: &Args,
    done: &str,
    names: &[&str],
    schema: i32,
    partitions: Option<i32>,
) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if args.json {
        return writeln!(
            out,
            "{}",
            json!({ done: names, "schema": schema, "partitionsMade": partitions })
        );
    }
    for name in names {
        writeln!(out, "{done} {name}")?;
    }
    let partitions = partitions
        .map(|made| format!(", {made} partitions made"))
        .unwrap_or_default();
    writeln!(out, "schema {schema}{partitions}")
}

/// Fails when the processor of this version would not work on the schema, so that a script can ask.
fn show_status(args: &Args, status: &[Status]) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    if args.json {
        let rows: Vec<_> = status
            .iter()
            .map(|row| {
                json!({
                    "version": row.version,
                    "name": row.name,
                    "state": word(row.state),
                    "appliedAt": row.applied_at,
                })
            })
            .collect();
        writeln!(out, "{}", json!({ "migrations": rows }))?;
    } else {
        for row in status {
            let at = row.applied_at.as_deref().unwrap_or_default();
            writeln!(out, "{:<8} {:<40} {at}", word(row.state), row.name)?;
        }
    }
    let applied = status.iter().filter(|row| row.state != State::Pending);
    let schema = applied.map(|row| row.version).max().unwrap_or_default();
    let edited = status.iter().any(|row| row.state == State::Edited);
    Ok(if migrations::is_supported(schema) && !edited {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn word(state: State) -> &'static str {
    match state {
        State::Applied => "applied",
        State::Pending => "pending",
        State::Edited => "edited",
        State::Unknown => "unknown",
    }
}
