//! The way to NATS: connecting, finding our consumer, and making what the contract describes.
//!
//! Identity is the client certificate and nothing else. The private authority is the only one
//! trusted, and servers that a server announces are ignored, so a false one can neither pose as
//! ours nor bring its friends.

pub mod ack;
mod bind;
mod connect_error;
mod difference;
mod events;
pub mod fetch;
pub mod layout;
pub mod provision;

use std::time::Duration;

use async_nats::{Client, ConnectOptions, ServerAddr, jetstream};

pub use bind::{BindError, Binding, bind};
pub use connect_error::ConnectError;
pub use difference::Difference;

use crate::{config, lifecycle::Member, tls};

/// How long a server may say nothing before it is asked for a sign of life; after three times as long
/// it is left for another. One that stands still keeps its connections, and with the library's minute
/// they would bring nothing for three, while the rest of its cluster goes on.
const SILENCE_MAX: Duration = Duration::from_secs(4);

/// Connects once; whoever calls decides how often to try again. From then on the client connects
/// again by itself for as long as it lives, even to a server that refuses it.
pub async fn connect(
    nats: &config::Nats,
    name: &str,
    health: Member,
) -> Result<Client, ConnectError> {
    let reporter = events::Reporter::new(name, health);
    let options = options(nats, name)?.event_callback(move |event| {
        reporter.report(&event);
        std::future::ready(())
    });
    options
        .connect(servers(nats)?)
        .await
        .map_err(|error| ConnectError::new(&nats.url, &error))
}

/// The JetStream API under the prefix that our account imports it by.
pub fn jetstream(client: Client, nats: &config::Nats) -> jetstream::Context {
    jetstream::with_prefix(client, &nats.api_prefix)
}

/// Everything but the event callback, of which there can be only one.
pub fn options(nats: &config::Nats, name: &str) -> Result<ConnectOptions, ConnectError> {
    let options = ConnectOptions::new()
        .name(name)
        .custom_inbox_prefix(&nats.inbox_prefix)
        .ping_interval(SILENCE_MAX)
        .ignore_discovered_servers();
    let Some(ca) = &nats.ca_file else {
        return Ok(options);
    };
    let identity = nats.cert_file.as_deref().zip(nats.key_file.as_deref());
    let tls = tls::client_config(ca, identity)?;
    Ok(options.tls_client_config(tls).require_tls(true))
}

fn servers(nats: &config::Nats) -> Result<Vec<ServerAddr>, ConnectError> {
    nats.url
        .split(',')
        .map(|url| url.trim().parse())
        .collect::<Result<_, _>>()
        .map_err(|source| ConnectError::Url {
            url: nats.url.clone(),
            source,
        })
}
