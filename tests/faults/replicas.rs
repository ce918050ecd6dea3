//! Several processes on one consumer, one of them killed; and clocks that jump.

use std::time::Duration;

use rustix::process::Signal;

use super::clock::ShiftedClock;
use super::world::{PATIENCE, World};
use crate::support::{Process, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn two_and_three_share_the_work_and_one_is_killed() {
    for (seed, replicas) in [(81, 2), (82, 3)] {
        let mut world = World::new(seed).await;
        for _ in 0..replicas {
            world.start().await;
        }
        world.ready().await;
        let receipts = world.draw(400).await;
        let (before, after) = receipts.split_at(receipts.len() / 2);
        let lock = world.lock("dlr.delivery_receipts").await;
        world.publish(before).await;
        // All of them may be with one.
        let mut holder = None;
        eventually(PATIENCE, "one holds envelopes", async || {
            holder = one_that_holds(&world).await;
            holder.is_some()
        })
        .await;
        world.processes.remove(holder.unwrap()).kill();
        lock.release().await;
        world.publish(after).await;
        world.judge().await;
    }
}

async fn one_that_holds(world: &World) -> Option<usize> {
    for place in 0..world.processes.len() {
        if world.in_flight(place).await > 0 {
            return Some(place);
        }
    }
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn one_stops_gently_while_another_starts() {
    let mut world = World::new(83).await;
    world.start_ready().await;
    let receipts = world.draw(400).await;
    let (before, after) = receipts.split_at(receipts.len() / 2);
    let lock = world.lock("dlr.delivery_receipts").await;
    world.publish(before).await;
    eventually(PATIENCE, "its batches are full", async || {
        world.in_flight(0).await > before.len() * 3 / 4
    })
    .await;
    world.processes[0].signal(Signal::TERM);
    lock.release().await;
    world.start().await;
    world.publish(after).await;
    let mut gone = world.processes.remove(0);
    let status = gone.ended(Duration::from_secs(40)).await;
    assert!(status.success(), "{status}: {}", gone.log());
    world.judge().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_that_jump_both_ways_change_no_count() {
    let mut world = World::new(84).await;
    let clock = ShiftedClock::make(world.app.database.name()).await;
    let log = world.next_log().await;
    let process = Process::start_preloaded(&world.config, clock.library(), &log);
    world.processes.push(process);
    world.ready().await;
    for seconds in [0, 3_600, -3_600, 90_000, -90_000, 0] {
        clock.shift(seconds);
        let decided = world.decided().await;
        world.traffic(40).await;
        world.decided_more_than(decided).await;
        // By the processor's clock, and by the server's.
        let apart = "SELECT extract(epoch FROM processed_at - stored_at)::int8
             FROM dlr.delivery_receipts ORDER BY seq DESC LIMIT 1";
        eventually(PATIENCE, "its clock has jumped", async || {
            let apart: i64 = world.app.rows(apart).await[0].get(0);
            (apart - seconds).abs() < 60
        })
        .await;
    }
    world.judge().await;
}
