//! A walk through whatever may happen, drawn from a seed: traffic of every kind while servers,
//! network, processes and clocks fail, one thing after the other, and processes come and go meanwhile.
//! When all is mended, the books have to balance.
//!
//! A walk that fails says its seed and its steps; `DLR_SOAK_SEED` walks it again, and what is fixed gets
//! a test of its own. The short one is part of every other test run, and goes by `DLR_FAULTS_SEED`.

use std::time::{Duration, Instant};

use dlr::dev::postgres::Postgres;
use dlr::dev::supervisor::Supervisor;
use fastrand::Rng;
use jiff::SignedDuration;
use rustix::process::Signal;
use tokio::task::block_in_place;
use tokio::time::sleep;

use super::clock::ShiftedClock;
use super::nats::{limit, restart, signal};
use super::network::proxies;
use super::postgres::{Frozen, kill_all, on_its_own};
use super::proxy::{Proxy, Weather};
use super::world::{Carrier, Lock, World, setting};
use crate::support::{Process, report};

/// What may happen next.
#[derive(Debug, Clone, Copy)]
enum Step {
    Traffic(usize),
    /// Receipts whose messages the orchestrator writes some steps later.
    Early(usize),
    Start,
    Kill,
    Stop,
    FreezeNats(Duration),
    RestartNats,
    FreezePostgres(Duration),
    RestartPostgres,
    KillPostgres,
    Network(Way, Weather, Duration),
    CutConnections,
    Lock(Duration),
    /// Whether one of the output streams takes no more.
    Full(bool),
    Clock(i64),
}

/// Which network.
#[derive(Debug, Clone, Copy)]
enum Way {
    Nats,
    Postgres,
}

impl Step {
    fn draw(random: &mut Rng) -> Self {
        let spell = Duration::from_millis(random.u64(200..8_000));
        let way = random.choice([Way::Nats, Way::Postgres]).unwrap();
        let weathers = [
            Weather::Deaf,
            Weather::Frozen,
            Weather::Cut,
            Weather::Slow(Duration::from_millis(20)),
            Weather::Halve,
            Weather::Duplicate,
        ];
        match random.u32(0..32) {
            0..6 => Self::Traffic(random.usize(5..150)),
            6..9 => Self::Early(random.usize(5..60)),
            9..12 => Self::Start,
            12..15 => Self::Kill,
            15 => Self::Stop,
            16 => Self::FreezeNats(spell),
            17 => Self::RestartNats,
            18 => Self::FreezePostgres(spell),
            19 => Self::RestartPostgres,
            20 => Self::KillPostgres,
            21..26 => Self::Network(way, random.choice(weathers).unwrap(), spell),
            26 => Self::CutConnections,
            27 => Self::Lock(spell),
            28 => Self::Full(true),
            29 => Self::Full(false),
            _ => Self::Clock(random.i64(-7_200..7_200)),
        }
    }
}

const PROCESSES_MAX: usize = 3;
const OUTPUTS: [&str; 3] = ["BILLING", "WEBHOOK", "SMS_DLR_UNMATCHED"];

struct Walk {
    world: World,
    carrier: Carrier,
    nats: Proxy,
    postgres: Proxy,
    server: &'static Postgres,
    supervisor: Supervisor,
    clock: ShiftedClock,
    /// Messages whose receipts are out.
    unwritten: Vec<Vec<String>>,
    random: Rng,
}

impl Walk {
    async fn begin(mut random: Rng) -> Self {
        let (mut world, server, supervisor) = on_its_own(random.u64(..)).await;
        let (nats, postgres) = proxies(&mut world.config).await;
        Self {
            carrier: world.carrier().await,
            clock: ShiftedClock::make(world.app.database.name()).await,
            world,
            nats,
            postgres,
            server,
            supervisor,
            unwritten: Vec::new(),
            random,
        }
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Traffic(messages) => {
                let receipts = self.world.draw(messages).await;
                self.carrier.publish(receipts);
            }
            Step::Early(messages) => {
                let drawn = self.world.draw_unwritten(messages);
                self.carrier.publish(drawn.receipts);
                self.unwritten.push(drawn.messages);
            }
            Step::Start if self.world.processes.len() < PROCESSES_MAX => self.start().await,
            Step::Kill if !self.world.processes.is_empty() => self.world.kill(),
            Step::Stop if !self.world.processes.is_empty() => {
                let mut process = self.world.processes.remove(0);
                process.signal(Signal::TERM);
                // Within its grace it settles what it can; with a server away it stops early.
                process.ended(Duration::from_mins(1)).await;
            }
            // There is nobody to kill, or there are enough.
            Step::Kill | Step::Stop => self.start().await,
            Step::Start => {}
            Step::FreezeNats(spell) => {
                signal(&self.world, Signal::STOP);
                self.meanwhile().await;
                sleep(spell).await;
                signal(&self.world, Signal::CONT);
            }
            Step::RestartNats => restart(&mut self.world, |_| {}).await,
            Step::FreezePostgres(spell) => {
                let _frozen = Frozen::now(self.server.server());
                self.meanwhile().await;
                sleep(spell).await;
            }
            Step::RestartPostgres | Step::KillPostgres => {
                if matches!(step, Step::KillPostgres) {
                    kill_all(&self.server.server()).await;
                }
                block_in_place(|| {
                    self.server.server().stop().unwrap();
                    self.server.start_again(&self.supervisor).unwrap();
                });
                self.world.app.sql = self.world.app.database.superuser().await;
            }
            Step::Network(way, weather, spell) => {
                let proxy = match way {
                    Way::Nats => &self.nats,
                    Way::Postgres => &self.postgres,
                };
                proxy.set(weather);
                self.meanwhile().await;
                sleep(spell).await;
                self.nats.set(Weather::Fair);
                self.postgres.set(Weather::Fair);
            }
            Step::CutConnections => {
                self.world.app.database.cut().await;
            }
            Step::Lock(spell) => {
                let lock: Lock = self.world.lock("dlr.delivery_receipts").await;
                self.meanwhile().await;
                sleep(spell).await;
                lock.release().await;
            }
            Step::Full(full) => {
                for stream in OUTPUTS {
                    limit(&self.world, stream, if full { 1 } else { -1 }).await;
                }
            }
            Step::Clock(seconds) => self.clock.shift(seconds),
        }
        // Some messages of early receipts turn up, the oldest first.
        if self.unwritten.len() > 1 {
            let messages = self.unwritten.remove(0);
            self.world.write(&messages).await;
        }
    }

    /// A process comes or goes in the middle of it, perhaps.
    async fn meanwhile(&mut self) {
        match self.random.u32(0..3) {
            0 if self.world.processes.len() < PROCESSES_MAX => self.start().await,
            1 if !self.world.processes.is_empty() => self.world.kill(),
            _ => {}
        }
    }

    async fn start(&mut self) {
        let log = self.world.next_log().await;
        let library = self.clock.library();
        let process = Process::start_preloaded(&self.world.config, library, &log);
        self.world.processes.push(process);
    }

    /// Everything is mended, and every early receipt has its message.
    async fn end(mut self) {
        self.nats.set(Weather::Fair);
        self.postgres.set(Weather::Fair);
        self.clock.shift(0);
        self.step(Step::Full(false)).await;
        for messages in std::mem::take(&mut self.unwritten) {
            self.world.write(&messages).await;
        }
        if self.world.processes.is_empty() {
            self.start().await;
        }
        self.world.confirmed.extend(self.carrier.finish().await);
        self.world.app.drained_within(super::world::PATIENCE).await;
        report(&self.world.app.config, &["replay", "--parked", "--json"]).await;
        self.world.judge().await;
        drop(self.world);
        block_in_place(|| self.supervisor.shutdown());
    }
}

async fn walk(seed: u64, steps: usize) {
    let mut random = Rng::with_seed(seed);
    let mut walk = Box::pin(Walk::begin(random.fork())).await;
    walk.start().await;
    for _ in 0..steps {
        // Something is always under way when the next thing happens.
        for step in [Step::Traffic(random.usize(20..80)), Step::draw(&mut random)] {
            say(&format!("seed {seed}: {step:?}"));
            Box::pin(walk.step(step)).await;
        }
    }
    Box::pin(walk.end()).await;
    say(&format!("seed {seed}: balanced"));
}

#[expect(clippy::print_stdout, reason = "shown when the walk fails")]
fn say(text: &str) {
    println!("{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_walk() {
    walk(1 + setting::<u64>("DLR_FAULTS_SEED", 0), 12).await;
}

/// Walks on, one seed after the other, until its time is over.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "as long as one likes: make soak"]
async fn soak() {
    let first = setting("DLR_SOAK_SEED", 100);
    let time = setting("DLR_SOAK_FOR", SignedDuration::from_mins(1)).unsigned_abs();
    let begun = Instant::now();
    for seed in first.. {
        walk(seed, 30).await;
        if begun.elapsed() > time {
            break;
        }
    }
}
