//! What the commands stand on that work with stored receipts: PostgreSQL as a role of theirs, a
//! key ring that fits it, the profiles in force, and a way out for events.

use std::io::{self, Write as _};
use std::sync::Arc;

use anyhow::Context as _;
use tokio_postgres::Client;

use super::run;
use crate::app;
use crate::broker;
use crate::broker::fetch::Witness;
use crate::carriers::{Carriers, Loader};
use crate::clock::Clock;
use crate::config::{Config, Nats};
use crate::events::Source;
use crate::lifecycle::{Member, Part, Tasks};
use crate::pipeline::matching::rows::Sealing;
use crate::pipeline::publish::{Heard, Limits, Publisher};
use crate::pipeline::{self, GroupSwitch};
use crate::receipt::profile::Profiles;
use crate::replay::Bench;
use crate::seal::KeyRing;
use crate::store::connect::Connector;
use crate::store::failure::describe_query;
use crate::store::{Session, key_checks};

pub(super) struct Footing {
    pub(super) bench: Bench,
    pub(super) ring: Arc<KeyRing>,
    pub(super) profiles: Arc<Profiles>,
    /// Whether the segments of messages in parts are looked at.
    pub(super) groups: Arc<GroupSwitch>,
}

impl Footing {
    /// `command` names the connection for whoever looks at the server.
    pub(super) async fn open(config: &Config, command: &str) -> anyhow::Result<Self> {
        let ring = Arc::new(run::key_ring(config)?);
        let client = connect(config, command).await?;
        confirm(&ring, &client).await?;
        let profiles = profiles(config, &client).await;
        let profiles = profiles.map_err(|error| anyhow::Error::msg(describe_query(&error)))?;
        let groups = app::group_switch(config, &client).await;
        let groups = groups.map_err(|error| anyhow::Error::msg(describe_query(&error)))?;
        let bench = Bench {
            session: Session::open(client).await?,
            sealing: Sealing::new(&ring),
            source: Source::of_deployment(&config.deployment.name),
            clock: Clock,
        };
        Ok(Self {
            bench,
            ring,
            profiles,
            groups,
        })
    }
}

/// A connection to PostgreSQL, driven until the command ends.
pub(super) async fn connect(config: &Config, command: &str) -> anyhow::Result<Client> {
    let connector = Connector::new(&config.postgres, command);
    Ok(connector.connect_on(&Tasks::new()).await?)
}

/// The streams, as the account sees them that checks the books; `nats` is that account's.
pub(super) async fn witness<'a>(nats: &'a Nats, command: &str) -> anyhow::Result<Witness<'a>> {
    let client = broker::connect(nats, command, Member::unwatched(Part::Nats)).await?;
    Ok(Witness::new(client, nats))
}

/// As for the processor itself: what is sealed under a key that this database has seen another of
/// could not be opened again.
pub(super) async fn confirm(ring: &KeyRing, client: &Client) -> anyhow::Result<()> {
    let known = key_checks::read(client).await;
    let known = known.map_err(|error| anyhow::Error::msg(describe_query(&error)))?;
    let new = ring.confirm(&known);
    let new = new.context("the key ring does not fit this database")?;
    let added = key_checks::insert_new(client, &new).await;
    added.map_err(|error| anyhow::Error::msg(describe_query(&error)))
}

/// A way out for events, as the processor itself.
pub(super) async fn publisher(config: &Config, command: &str) -> anyhow::Result<Publisher> {
    let client = broker::connect(&config.nats, command, Member::unwatched(Part::Nats)).await?;
    let limits = Limits::of(config);
    Ok(Publisher::open(client, pipeline::outputs(&config.streams), limits).await?)
}

/// Tells of each kind of trouble once while it lasts; publishing goes on by itself.
pub(super) fn complain() -> impl FnMut(Heard) + Send {
    let mut last = String::new();
    move |Heard { result, .. }| match result {
        Ok(()) => last.clear(),
        Err(fault) => {
            let fault = fault.to_string();
            if fault != last {
                // With nobody to read it there is nobody to tell.
                drop(writeln!(io::stderr(), "dlr: {fault}; trying again"));
                last = fault;
            }
        }
    }
}

/// The profiles in force, as a processor reads them.
pub(super) async fn profiles(
    config: &Config,
    client: &Client,
) -> Result<Arc<Profiles>, tokio_postgres::Error> {
    let carriers = Arc::new(Carriers::default());
    let metrics = Arc::new(app::metrics(config));
    let mut loader = Loader::new(Arc::clone(&carriers), metrics);
    loader.follow(client).await?;
    Ok(Arc::clone(&carriers.current()))
}
