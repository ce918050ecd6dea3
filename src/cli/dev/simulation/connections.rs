//! Signing in, each as who they are.

use tokio::task::JoinSet;
use tokio_postgres::Client;

use crate::config;
use crate::dev::nats::Identity;
use crate::dev::site::Site;
use crate::lifecycle::{Member, Part};
use crate::store::connect::Connector;

pub(super) async fn orchestrator(
    site: &Site,
    connections: &mut JoinSet<()>,
) -> anyhow::Result<Client> {
    let (client, connection) = site.orchestrator().await?;
    // Its end is told to whoever uses the client.
    connections.spawn(async move { drop(connection.await) });
    Ok(client)
}

/// By the way that the product takes.
pub(super) async fn database(
    settings: &config::Postgres,
    connections: &mut JoinSet<()>,
) -> anyhow::Result<Client> {
    let connector = Connector::new(settings, "dlr dev");
    let (client, connection) = connector.connect().await?;
    connections.spawn(async move { drop(connection.await) });
    Ok(client)
}

pub(super) async fn broker(site: &Site, identity: Identity) -> anyhow::Result<async_nats::Client> {
    let name = format!("dlr dev {identity:?}");
    let health = Member::unwatched(Part::Nats);
    Ok(crate::broker::connect(&site.nats(identity), &name, health).await?)
}
