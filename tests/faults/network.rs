//! The network between the program and its servers: it stops, breaks, dawdles, loses and repeats.

use std::time::Duration;

use dlr::config::Config;
use secrecy::{ExposeSecret as _, SecretString};

use super::proxy::{Proxy, Weather};
use super::world::{PATIENCE, World};
use crate::support::eventually;

/// A world whose program reaches both servers through a proxy each.
pub(super) async fn between(seed: u64) -> (World, Proxy, Proxy) {
    let mut world = World::new(seed).await;
    let (nats, postgres) = proxies(&mut world.config).await;
    (world, nats, postgres)
}

/// Puts proxies before the servers that `config` names.
pub(super) async fn proxies(config: &mut Config) -> (Proxy, Proxy) {
    let server = config.nats.url.strip_prefix("tls://").unwrap().to_owned();
    let nats = Proxy::before(server.parse().unwrap()).await;
    config.nats.url = format!("tls://127.0.0.1:{}", nats.port());
    let url = config.postgres.url.expose_secret().to_owned();
    let (_, rest) = url.split_once("@127.0.0.1:").unwrap();
    let (port, _) = rest.split_once('/').unwrap();
    let postgres = Proxy::before(([127, 0, 0, 1], port.parse().unwrap()).into()).await;
    let through = url.replace(
        &format!("@127.0.0.1:{port}/"),
        &format!("@127.0.0.1:{}/", postgres.port()),
    );
    config.postgres.url = SecretString::from(through);
    (nats, postgres)
}

/// Lets the weather be so until the network has carried something under it.
async fn spell(proxy: &Proxy, weather: Weather) {
    let before = proxy.passed();
    proxy.set(weather);
    eventually(PATIENCE, "something comes by", async || {
        proxy.passed() > before + 4
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_spoils_bytes_breaks_connections_and_nothing_else() {
    let (mut world, nats, postgres) = between(21).await;
    world.start_ready().await;
    let receipts = world.draw(400).await;
    let parts: Vec<&[String]> = receipts.chunks(receipts.len().div_ceil(4)).collect();
    let spoiled = [
        (&nats, Weather::Halve),
        (&postgres, Weather::Halve),
        (&nats, Weather::Duplicate),
        (&postgres, Weather::Duplicate),
    ];
    for (part, (proxy, weather)) in parts.into_iter().zip(spoiled) {
        let decided = world.decided().await;
        let ((), ()) = tokio::join!(spell(proxy, weather), world.publish(part));
        proxy.set(Weather::Fair);
        world.decided_more_than(decided).await;
    }
    world.judge().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_breaks_or_dawdles_costs_time() {
    let (mut world, nats, postgres) = between(22).await;
    world.start_ready().await;
    for proxy in [&nats, &postgres] {
        proxy.set(Weather::Slow(Duration::from_millis(30)));
        world.traffic(50).await;
        proxy.set(Weather::Cut);
        world.traffic(50).await;
        world.any_trouble().await;
        proxy.set(Weather::Fair);
        world.ready().await;
    }
    world.judge().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_with_nobody_there_waits_and_misses_nothing() {
    let (mut world, nats, postgres) = between(24).await;
    let receipts = world.draw(50).await;
    nats.set(Weather::Frozen);
    postgres.set(Weather::Cut);
    world.start().await;
    world.publish(&receipts).await;
    world.trouble("postgresql", "cannot be reached").await;
    postgres.set(Weather::Fair);
    world.any_trouble().await;
    assert_eq!(world.decided().await, 0);
    nats.set(Weather::Fair);
    world.ready().await;
    world.judge().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_swallows_all_without_a_word_is_noticed_and_waited_out() {
    let (mut world, nats, postgres) = between(23).await;
    world.start_ready().await;
    for proxy in [&postgres, &nats] {
        proxy.set(Weather::Frozen);
        world.traffic(50).await;
        world.any_trouble().await;
        proxy.set(Weather::Fair);
        world.ready().await;
    }
    world.judge().await;
}
