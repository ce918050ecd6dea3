//! Parked receipts are looked at again, until a message is found or their carrier's horizon has
//! passed.
//!
//! Over all replicas one process sweeps, by a lock that its connection holds; correctness does not
//! rest on it, for two at once decide once: the receipts' key and the compare-and-set of the
//! messages see to that. When a receipt is looked at is a function of the time it was parked at
//! ([`schedule`]), so the sweeper keeps no list of rows and nothing to lose ([`agenda`]). A look is a
//! batch: decide and commit, publish and confirm, then resolve ([`look`]).
//!
//! Between two looks it pauses, so that the pipeline keeps its throughput.

mod agenda;
mod announced;
mod confirming;
mod decide;
mod intervals;
mod look;
pub(crate) mod on_demand;
mod reading;
mod schedule;
mod tally;
mod turn;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::{Client, SubscribeError};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use self::agenda::{Agenda, Errand};
pub(crate) use self::look::Fault;
use self::look::Looking;
use self::reading::Unreadable;
pub use self::schedule::Looks;
use crate::carriers::Carriers;
use crate::clock::Clock;
use crate::config::Config;
use crate::lifecycle::{Member, Tasks};
use crate::pipeline::publish::Closed;
use crate::pipeline::{GroupSwitch, count};
use crate::receipt::profile::Profiles;
use crate::seal::KeyRing;
use crate::store::StoreError;
use crate::store::connect::Connector;
use crate::store::sweep::SweepSession;
use crate::telemetry::metrics::Metrics;

/// How often is asked what has fallen due.
const TICK: Duration = Duration::from_millis(500);
/// How often a process asks whether it is its turn to sweep.
const LEAD_AGAIN: Duration = Duration::from_secs(3);
/// How often replays are looked for whose events may not be out.
const REPLAYS_AGAIN: Duration = Duration::from_hours(1);
/// Most rows looked through for one page, so that a query stays short where most are resolved.
const SCANNED_MAX: usize = 10_000;
const PAUSE_MIN: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// What the sweeper stands on.
pub struct Foundation {
    pub connector: Connector,
    /// Events out.
    pub publish: Client,
    pub ring: Arc<KeyRing>,
    pub carriers: Arc<Carriers>,
    pub groups: Arc<GroupSwitch>,
    pub metrics: Arc<Metrics>,
    /// The output streams, on which the sweeper reports.
    pub outgoing: Member,
}

/// Label values of `dlr_sweep_unreadable_total`.
pub fn unreadable_causes() -> Vec<&'static str> {
    Unreadable::ALL.map(Unreadable::as_str).to_vec()
}

/// Starts the sweeper on `tasks`; it ends with the soft stop.
pub async fn start(
    config: &Config,
    foundation: Foundation,
    tasks: &Tasks,
) -> Result<(), SubscribeError> {
    let Foundation {
        connector,
        publish,
        ring,
        carriers,
        groups,
        metrics,
        outgoing,
    } = foundation;
    let stop = tasks.soft().clone();
    let looking = Looking::open(config, &ring, groups, publish, &metrics, outgoing, stop).await?;
    let horizon = config.pipeline.horizon;
    let profiles = Arc::clone(&carriers.current());
    let sweeper = Sweeper {
        agenda: Agenda::new(&horizons(horizon, &profiles), Clock.now()),
        profiles,
        carriers,
        connector,
        looking,
        horizon,
        replays_finished: None,
        share: config.sweep.share,
        metrics,
        tasks: tasks.clone(),
        stop: tasks.soft().clone(),
    };
    tasks.spawn("sweeper", sweeper.run());
    Ok(())
}

struct Sweeper {
    /// Kept for as long as the process lives: what falls due while another process sweeps is looked
    /// at by both, which costs a little and misses nothing.
    agenda: Agenda,
    /// Those that the agenda knows of.
    profiles: Arc<Profiles>,
    carriers: Arc<Carriers>,
    connector: Connector,
    looking: Looking,
    horizon: Duration,
    /// When replays were last looked for whose events may not be out.
    replays_finished: Option<Instant>,
    /// In percent.
    share: u32,
    metrics: Arc<Metrics>,
    tasks: Tasks,
    stop: CancellationToken,
}

impl Sweeper {
    /// Sweeps until the stop, over one connection after the other.
    async fn run(mut self) -> Result<(), Closed> {
        let mut pause = PAUSE_MIN;
        let mut said = String::new();
        while !self.stop.is_cancelled() {
            let began = Instant::now();
            let fault = match self.shift().await {
                Ok(()) | Err(Fault::Stopping) => break,
                Err(Fault::Closed(closed)) => return Err(closed),
                Err(Fault::Store(fault)) => fault,
            };
            self.metrics.sweep.active.set(0.0);
            let failures = &self.metrics.sweep.failures;
            failures.of(count::retry_cause(&fault)).increment(1);
            if began.elapsed() > PAUSE_MAX {
                pause = PAUSE_MIN;
                said.clear();
            }
            let fault = fault.to_string();
            if said != fault {
                tracing::warn!(fault, "cannot sweep; trying again");
                said = fault;
            }
            self.rest(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
        self.metrics.sweep.active.set(0.0);
        Ok(())
    }

    /// Sweeps over one connection, once no other process does.
    async fn shift(&mut self) -> Result<(), Fault> {
        let stop = self.stop.clone();
        let Some(session) = stop.run_until_cancelled(self.lead()).await else {
            return Ok(());
        };
        let session = session?;
        self.metrics.sweep.active.set(1.0);
        let mut told = false;
        while !self.stop.is_cancelled() {
            if (self.replays_finished).is_none_or(|at| at.elapsed() >= REPLAYS_AGAIN) {
                self.looking.finish_replays(session.session()).await?;
                self.replays_finished = Some(Instant::now());
            }
            self.advance();
            let Some(errand) = self.agenda.next() else {
                self.looking.tally.end(Clock.now());
                self.rest(TICK).await;
                continue;
            };
            self.looking.tally.begin();
            let began = Instant::now();
            self.look(&session, errand).await?;
            if !told {
                tracing::info!("sweeping the parked receipts");
                told = true;
            }
            self.rest(pause_after(began.elapsed(), self.share)).await;
        }
        Ok(())
    }

    /// A connection whose process is the one that sweeps.
    async fn lead(&self) -> Result<SweepSession, StoreError> {
        let connected = self.connector.connect_on(&self.tasks).await;
        let client = connected.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let session = SweepSession::open(client).await?;
        while !session.try_lead().await? {
            sleep(LEAD_AGAIN).await;
        }
        Ok(session)
    }

    /// Adds what has fallen due: by time, or because its carrier's profile is another one now.
    fn advance(&mut self) {
        let now = Clock.now();
        let current = self.carriers.current();
        if !Arc::ptr_eq(&current, &self.profiles) {
            let changed: BTreeSet<String> = current
                .changed_since(&self.profiles)
                .map(str::to_owned)
                .collect();
            let horizons = horizons(self.horizon, &current);
            self.agenda.profiles_changed(changed, &horizons, now);
            self.profiles = Arc::clone(&current);
        }
        self.agenda.advance(now);
    }

    async fn look(&mut self, session: &SweepSession, errand: Errand) -> Result<(), Fault> {
        let looked = self.looking.look(session, &errand, &self.profiles).await;
        let rest = match &looked {
            Ok(looked) => looked.rest.clone(),
            Err(_) => Some(errand.range.start.clone()),
        };
        if let Some(rest) = rest {
            self.agenda.give_back(errand, rest);
        }
        looked.map(|_| ())
    }

    /// Sleeps, but not through a stop.
    async fn rest(&self, time: Duration) {
        let _stopped = self.stop.run_until_cancelled(sleep(time)).await;
    }
}

/// How long to pause after a look, so that looks take `share` percent of the time.
fn pause_after(took: Duration, share: u32) -> Duration {
    let share = share.clamp(1, 100);
    (took * (100 - share) / share).min(PAUSE_MAX)
}

fn horizons(own: Duration, profiles: &Profiles) -> BTreeSet<Duration> {
    let profiles = profiles.iter().filter_map(|(_, profile)| profile.horizon);
    profiles.chain([own]).collect()
}

#[cfg(test)]
mod tests;
