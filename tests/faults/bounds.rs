//! What a long trouble costs: no memory, no processor time, no flood of lines; and afterwards the
//! backlog is worked off at full speed.

use std::fs;
use std::time::{Duration, Instant};

use tokio::task::block_in_place;
use tokio::time::sleep_until;

use super::postgres::on_its_own;
use super::world::{PATIENCE, World};

/// Peak memory of a processor with a backlog, by `load-tests/README.md`.
const MEMORY_MAX: u64 = 64 << 20;

/// PostgreSQL is away for so long, while receipts about so many messages come in.
async fn postgres_away(seed: u64, away: Duration, messages: usize) {
    const PARTS: u32 = 20;
    let (mut world, postgres, supervisor) = on_its_own(seed).await;
    world.start_ready().await;
    let before = worked_off(&mut world, messages).await;
    let receipts = world.draw(messages).await;
    let lines_before = lines(&world);
    block_in_place(|| postgres.server().stop().unwrap());
    world.trouble("postgresql", "").await;
    let spent_before = processor_time(&world);
    for part in receipts.chunks(receipts.len().div_ceil(PARTS as usize)) {
        let next = Instant::now() + away / PARTS;
        world.publish(part).await;
        sleep_until(next.into()).await;
    }
    let spent = processor_time(&world).saturating_sub(spent_before);
    let share = spent.as_secs_f64() / away.as_secs_f64();
    assert!(share < 0.3, "{share} of a processor to wait with");
    assert!(memory(&world) < MEMORY_MAX, "{} bytes", memory(&world));
    let said = lines(&world) - lines_before;
    let allowed = 20 + usize::try_from(away.as_secs() / 10).unwrap();
    assert!(
        said <= allowed,
        "{said} lines:\n{}",
        world.processes[0].log()
    );
    let shown = world.metrics(0).await;
    assert!(shown.contains(r#"dlr_ready{part="postgresql"} 0"#));
    assert!(
        world.app.backlog().await.1 > receipts.len() / 4,
        "it is held"
    );

    block_in_place(|| postgres.start_again(&supervisor).unwrap());
    world.app.sql = world.app.database.superuser().await;
    world.ready().await;
    let begun = Instant::now();
    // Early receipts, too: what was given back comes again in its time, however long it was held.
    world.app.drained_within(PATIENCE).await;
    let took = begun.elapsed();
    // Others use this machine, too, now more, now less.
    let after = worked_off(&mut world, messages).await;
    assert!(
        after < before * 4 + Duration::from_secs(10),
        "{after:?}, before {before:?}"
    );
    let usual = before.max(after);
    // The lanes wait up to two seconds before they try again, and others may use the machine just then;
    // what waited for a redelivery would come 30 s later.
    let allowed = usual + Duration::from_secs(20);
    assert!(took < allowed, "{took:?}, usually {usual:?}");
    world.judge().await;
}

/// How long a backlog of the same length takes that nothing is the matter with.
async fn worked_off(world: &mut World, messages: usize) -> Duration {
    let receipts = world.draw(messages).await;
    let lock = world.lock("dlr.delivery_receipts").await;
    world.publish(&receipts).await;
    let begun = Instant::now();
    lock.release().await;
    world.app.drained_within(PATIENCE).await;
    begun.elapsed()
}

fn lines(world: &World) -> usize {
    world.processes[0].log().lines().count()
}

fn memory(world: &World) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", world.processes[0].pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.unwrap().trim().strip_suffix(" kB").unwrap();
    kilobytes.parse::<u64>().unwrap() << 10
}

fn processor_time(world: &World) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{}/stat", world.processes[0].pid())).unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks: u64 = ticks.map(|it| it.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 1_000 / rustix::param::clock_ticks_per_second())
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_away_for_twenty_seconds() {
    postgres_away(91, Duration::from_secs(20), 3_000).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "ten minutes: make test-faults"]
async fn postgresql_away_for_ten_minutes() {
    postgres_away(92, Duration::from_mins(10), 15_000).await;
}
