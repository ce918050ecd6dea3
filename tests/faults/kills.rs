//! SIGKILL at every point of a receipt's way, reached from outside: what a receipt needs next is
//! withheld until it is seen to wait for it, and then the program is killed.

use super::nats::limit;
use super::network::between;
use super::proxy::Weather;
use super::world::{Lock, PATIENCE, World};
use crate::support::eventually;

const MESSAGES: usize = 60;

/// Pulled, and held because no commit gets through.
async fn held(world: &mut World) -> Lock {
    let receipts = world.draw(MESSAGES).await;
    // Behind the start, which prepares its statements on these tables.
    world.start_ready().await;
    let lock = world
        .lock("dlr.delivery_receipts, dlr.orphaned_receipts")
        .await;
    world.publish(&receipts).await;
    eventually(PATIENCE, "envelopes are held", async || {
        world.in_flight(0).await > MESSAGES
    })
    .await;
    lock
}

/// The next process finds what the killed one left.
async fn survived(mut world: World) {
    world.start().await;
    world.traffic(10).await;
    world.judge().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c10_killed_after_a_pull() {
    let mut world = World::new(1).await;
    let lock = held(&mut world).await;
    assert_eq!(world.app.dispositions().await[..3], [0; 3]);
    world.kill();
    lock.release().await;
    survived(world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c10_killed_after_a_commit() {
    let (mut world, nats, _postgres) = between(2).await;
    let lock = held(&mut world).await;
    // What was pulled is decided, and nothing gets out.
    nats.set(Weather::Frozen);
    lock.release().await;
    world.decided_more_than(0).await;
    assert_eq!(world.app.billing().await.len(), 0);
    world.kill();
    nats.set(Weather::Fair);
    survived(world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c10_killed_between_the_two_publishes() {
    let mut world = World::new(3).await;
    limit(&world, "WEBHOOK", 1).await;
    let mut receipts = world.draw(MESSAGES).await;
    // Final ones first, so that each lane, held up at its first batch or second, has a bill in it.
    receipts.sort_by_key(|receipt| receipt.contains("ENROUTE"));
    world.publish(&receipts).await;
    world.start().await;
    eventually(PATIENCE, "bills are out", async || {
        world.app.billing().await.len() > 1
    })
    .await;
    world.trouble("publish", "maximum messages exceeded").await;
    assert!(world.app.webhooks().await.len() <= 1);
    world.kill();
    limit(&world, "WEBHOOK", -1).await;
    survived(world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c10_killed_before_an_acknowledgement() {
    let (mut world, nats, _postgres) = between(4).await;
    let lock = held(&mut world).await;
    // Events get out and are stored, but no confirmation comes back.
    nats.set(Weather::Deaf);
    lock.release().await;
    eventually(PATIENCE, "events are stored", async || {
        !world.app.webhooks().await.is_empty()
    })
    .await;
    world.kill();
    assert!(world.app.backlog().await.1 > MESSAGES);
    nats.set(Weather::Fair);
    survived(world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c10_killed_again_and_again_while_receipts_come_in() {
    let mut world = World::new(5).await;
    for _ in 0..4 {
        world.start().await;
        let decided = world.decided().await;
        world.traffic(100).await;
        world.decided_more_than(decided).await;
        world.kill();
    }
    survived(world).await;
}
