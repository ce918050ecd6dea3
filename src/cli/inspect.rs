//! `dlr inspect`: one envelope's whole story.

mod lines;

use std::io::{self, Write as _};
use std::process::ExitCode;

use jiff::{SignedDuration, Timestamp};
use tokio_postgres::Client;

use super::account::Account;
use super::{footing, moment};
use crate::broker::fetch::Witness;
use crate::clock::Clock;
use crate::config::{Config, Loaded, Nats};
use crate::inspect::{Question, Story, seen, tell};
use crate::store::connect::Connector;
use crate::store::failure::describe_query;

const COMMAND: &str = "dlr inspect";

const MORE: &str = "\
Tells whether the stream still has it and how it is read by now; what was decided, and decided anew;
the message as it is; the events. Phone numbers are masked.

Signs in to PostgreSQL as dlr_reader or as the processor's role, and to NATS with the certificate of
the account that checks the books (reconcile). What it may not see it names, and tells the rest.
Exits with 1 when nobody knows of the envelope.";

#[derive(Debug, clap::Args)]
#[command(after_help = MORE)]
pub(super) struct Args {
    /// Its sequence in the inbound stream
    #[arg(value_name = "SEQ")]
    sequence: u64,

    /// When it was stored, to the minute: for one that the stream no longer has, and of a time
    /// before the stream was made anew [default: searched for]
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    stored_at: Option<Timestamp>,

    /// How many days back it is searched for in the tables
    #[arg(long, value_name = "DAYS", default_value_t = 35,
          value_parser = clap::value_parser!(u16).range(1..=3_660))]
    days: u16,

    /// Print one JSON document instead of lines
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: Args, loaded: Loaded) -> anyhow::Result<ExitCode> {
    let config = loaded.require_postgres()?;
    let mut unseen = Vec::new();
    let (client, connection) = Connector::new(&config.postgres, COMMAND).connect().await?;
    let nats = Account::Reconcile.adapt(&config.nats);
    let witness = witness(&nats).await;
    let witness = witness
        .map_err(|error| unseen.push(format!("the stream: {error:#}")))
        .ok();
    let asking = async {
        let story = ask(&args, config, witness.as_ref(), &client, unseen).await;
        drop(client);
        story
    };
    // What ended the connection is what the statement under way failed with.
    let (story, _) = tokio::join!(asking, connection);
    let story = story.map_err(|error| anyhow::Error::msg(describe_query(&error)))?;
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &story)?;
        writeln!(out)?;
    } else {
        for line in lines::of(&story) {
            writeln!(out, "{line}")?;
        }
    }
    Ok(if story.is_known() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn witness(nats: &Nats) -> anyhow::Result<Witness<'_>> {
    if nats.url.is_empty() {
        anyhow::bail!("nats.url is not set");
    }
    footing::witness(nats, COMMAND).await
}

async fn ask(
    args: &Args,
    config: &Config,
    witness: Option<&Witness<'_>>,
    client: &Client,
    mut unseen: Vec<String>,
) -> Result<Story, tokio_postgres::Error> {
    let profiles = footing::profiles(config, client).await;
    let profiles = seen("the carriers' profiles", profiles, &mut unseen)?;
    let question = Question {
        sequence: args.sequence,
        stored_at: args.stored_at,
        search: SignedDuration::from_hours(24 * i64::from(args.days)),
        now: Clock.now(),
        horizon: config.pipeline.horizon,
    };
    let profiles = profiles.unwrap_or_default();
    tell(
        &question,
        &config.streams,
        witness,
        client,
        &profiles,
        unseen,
    )
    .await
}
