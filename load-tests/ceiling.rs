//! The ceiling: the same pulls, rows, events, confirmations and acknowledgements with the same
//! durability, but everything that can be made ready before is: nothing is parsed, decided, sealed
//! or encoded. What a processor could at best come to on this machine.
//!
//! It takes the fastest simple way we know, be it another than the processor's: one statement a
//! batch that finds the messages, updates them by `ctid` and inserts the receipts, in a transaction
//! of its own; a connection a lane for events, with one reply inbox for all confirmations; and, where
//! no account import stands between, pulls of many messages.

mod batches;
mod intake;
mod lane;

use dlr::broker;
use dlr::config::Config;
use dlr::lifecycle::{Member, Part};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use self::intake::Intake;
use self::lane::Lane;
use crate::messages::chosen;
use crate::options::Ceiling;

pub(crate) async fn run(options: &Ceiling) -> anyhow::Result<()> {
    let loaded = Config::load(Some(&options.config), std::iter::empty())?;
    let config = loaded.require_pipeline()?;
    let numbers = chosen(
        options.messages,
        options.receipts,
        options.random,
        options.seed,
    );
    let made = batches::make(&numbers, options.batch)?;
    let lanes = config.pipeline.lanes;
    let client = broker::connect(&config.nats, "ceiling", Member::unwatched(Part::Nats)).await?;

    let mut tasks = JoinSet::new();
    let mut ways = Vec::new();
    let mut shares: Vec<Vec<batches::Batch>> = (0..lanes).map(|_| Vec::new()).collect();
    let sizes: Vec<usize> = made.iter().map(|batch| batch.len).collect();
    for (at, batch) in made.into_iter().enumerate() {
        shares[at % lanes].push(batch);
    }
    for share in shares {
        let (way, pulled) = mpsc::channel(1);
        let lane = Lane::open(config, client.clone(), share, pulled).await?;
        tasks.spawn(lane.run());
        ways.push(way);
    }
    let intake = Intake::open(config, client).await?;
    tasks.spawn(intake.run(sizes, ways));
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    // Its time and memory are read while it is there; whoever started it ends it.
    std::future::pending().await
}
