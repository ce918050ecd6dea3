//! One look at some open rows: read, decide and commit; publish and confirm; resolve.
//!
//! The open row is the outbox. Whatever fails on the way leaves it open, and the next look repeats
//! what was done: the same decision, the same events, until the resolution is there.

use std::sync::Arc;

use async_nats::{Client, SubscribeError};
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use super::agenda::Errand;
use super::announced::Announced;
use super::confirming::unless_stopping;
use super::decide::{Deciding, Finding};
use super::reading::Reading;
use super::schedule::{self, signed};
use super::tally::Tally;
use super::{SCANNED_MAX, turn};
use crate::clock::Clock;
use crate::config::Config;
use crate::events::{self, Event, Source};
use crate::lifecycle::Member;
use crate::pipeline::matching::candidates::Reach;
use crate::pipeline::publish::{self, Closed, Publisher};
use crate::pipeline::{self, GroupSwitch, count};
use crate::receipt::decision::{Parked, Resolution};
use crate::receipt::profile::Profiles;
use crate::replay::{Outlet, ReplayError, publish_unconfirmed};
use crate::seal::KeyRing;
use crate::store::sweep::{OpenParked, PageLimits, Position, Resolved, SweepSession};
use crate::store::{Session, StoreError};
use crate::telemetry::metrics::Metrics;

/// How old a replay has to be before it is taken for one that nobody is at work on.
const REPLAY_AT_WORK: SignedDuration = SignedDuration::from_secs(15);

/// Why a look came to no end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Closed(#[from] Closed),
    #[error("the process stops")]
    Stopping,
}

impl From<ReplayError> for Fault {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Store(fault) => Self::Store(fault),
            ReplayError::Closed(closed) => Self::Closed(closed),
            other => Self::Store(StoreError::Unavailable(other.to_string())),
        }
    }
}

/// What a look saw.
pub(super) struct Looked {
    /// Where to go on, if there is more.
    pub(super) rest: Option<Position>,
    pub(super) matched: u64,
    pub(super) lapsed: u64,
    pub(super) open: u64,
}

pub(super) struct Looking {
    pub(super) ring: Arc<KeyRing>,
    pub(super) limits: PageLimits,
    pub(super) deciding: Deciding,
    pub(super) publisher: Publisher,
    /// The output streams.
    pub(super) outgoing: Member,
    pub(super) tally: Tally,
    pub(super) announced: Announced,
    pub(super) stop: CancellationToken,
}

/// How one row comes out of a look.
struct Outcome<'a> {
    row: &'a OpenParked,
    /// And when, as its notice tells.
    resolution: Option<(Resolution, Timestamp)>,
    events: Vec<Event>,
}

impl Looking {
    /// `outgoing` hears of the output streams; `stop` ends the wait for them.
    pub(super) async fn open(
        config: &Config,
        ring: &Arc<KeyRing>,
        groups: Arc<GroupSwitch>,
        publish: Client,
        metrics: &Arc<Metrics>,
        outgoing: Member,
        stop: CancellationToken,
    ) -> Result<Self, SubscribeError> {
        let outputs = pipeline::outputs(&config.streams);
        let source = Source::of_deployment(&config.deployment.name);
        let reach = Reach::of(&config.pipeline);
        Ok(Self {
            ring: Arc::clone(ring),
            limits: PageLimits {
                rows: config.sweep.batch_max,
                scanned: SCANNED_MAX.max(config.sweep.batch_max),
            },
            deciding: Deciding::new(ring, reach, groups, source, Arc::clone(metrics)),
            publisher: Publisher::open(publish, outputs, publish::Limits::of(config)).await?,
            outgoing,
            tally: Tally::new(Arc::clone(metrics)),
            announced: Announced::new(),
            stop,
        })
    }

    /// Looks at the first rows of an errand, while no other process looks at any.
    pub(super) async fn look(
        &mut self,
        session: &SweepSession,
        errand: &Errand,
        profiles: &Profiles,
    ) -> Result<Looked, Fault> {
        let is_my_turn = turn::wait(session, &self.stop).await?;
        // After a fault the connection is given up, and the turn with it.
        let looked = self.look_alone(session, errand, profiles).await?;
        if is_my_turn {
            session.end_turn().await?;
        }
        Ok(looked)
    }

    async fn look_alone(
        &mut self,
        session: &SweepSession,
        errand: &Errand,
        profiles: &Profiles,
    ) -> Result<Looked, Fault> {
        let page = session
            .open_page(&errand.range, errand.carriers.as_deref(), self.limits)
            .await?;
        let mut rows = page.rows;
        // The order in which the receipts of a message are folded. A stream that was made again
        // counts from 1, so its name is not enough to order by.
        rows.sort_by(|a, b| {
            let [a, b] = [a, b].map(|row| (&row.key.stream, row.key.stored_at, row.key.sequence));
            a.cmp(&b)
        });
        let readings: Vec<Reading<'_>> = rows
            .iter()
            .map(|row| Reading::of(row, &self.ring, profiles))
            .collect();
        let findings = self.deciding.decide(session.session(), &readings).await?;
        let now = Clock.now();
        let mut outcomes: Vec<Outcome<'_>> = readings
            .iter()
            .zip(findings)
            .map(|(reading, finding)| self.outcome(reading, finding, profiles, now))
            .collect();
        let events: Vec<Event> = outcomes
            .iter_mut()
            .flat_map(|outcome| std::mem::take(&mut outcome.events))
            .collect();
        if !events.is_empty() {
            self.publish(&events).await?;
        }
        for row in &rows {
            let parked = row.parked();
            if parked.reason == Parked::REDRIVEN {
                self.announced.add(parked.receipt_id);
            }
        }
        let resolved: Vec<Resolved<'_>> = (outcomes.iter())
            .filter_map(
                |Outcome {
                     row, resolution, ..
                 }| {
                    let (resolution, at) = (*resolution)?;
                    Some(Resolved {
                        key: &row.key,
                        receipt_id: row.parked().receipt_id,
                        resolution,
                        at,
                    })
                },
            )
            .collect();
        session.resolve(&resolved).await?;
        let is_scheduled = errand.carriers.is_none();
        let mut looked = Looked {
            rest: page.rest,
            matched: 0,
            lapsed: 0,
            open: 0,
        };
        for (reading, outcome) in readings.iter().zip(&outcomes) {
            let resolution = outcome.resolution.map(|(resolution, _)| resolution);
            self.tally.count(reading, resolution, is_scheduled, now);
            match resolution {
                Some(Resolution::Matched) => looked.matched += 1,
                Some(Resolution::Lapsed) => looked.lapsed += 1,
                None => looked.open += 1,
            }
        }
        Ok(looked)
    }

    fn outcome<'a>(
        &self,
        reading: &Reading<'a>,
        finding: Finding,
        profiles: &Profiles,
        now: Timestamp,
    ) -> Outcome<'a> {
        let source = &self.deciding.source;
        let parked = reading.row.parked();
        let mut events = Vec::new();
        if parked.reason == Parked::REDRIVEN && !self.announced.has(parked.receipt_id) {
            events.push(events::of_parked(source, &parked));
        }
        let end = match finding {
            Finding::Matched {
                events: decided,
                decided_at,
            } => {
                events.extend(decided);
                Some((Resolution::Matched, decided_at))
            }
            Finding::Unspeakable | Finding::Contended => None,
            // Also what cannot be read, or stored.
            Finding::Open => {
                let lapses_at = self.lapses_at(&parked, profiles);
                (lapses_at <= now).then_some((Resolution::Lapsed, lapses_at))
            }
        };
        if let Some((resolution, at)) = end {
            let resolution = resolution.as_str();
            events.push(events::of_resolution(source, &parked, resolution, at));
        }
        Outcome {
            row: reading.row,
            resolution: end,
            events,
        }
    }

    pub(super) fn lapses_at(&self, parked: &Parked<'_>, profiles: &Profiles) -> Timestamp {
        let horizon = profiles.of(parked.carrier_id).horizon;
        let horizon = signed(horizon.unwrap_or(self.deciding.reach.horizon));
        parked
            .parked_at
            .checked_add(horizon)
            .unwrap_or(Timestamp::MAX)
    }

    /// Returns when every event is confirmed, however long that takes; but a stop does not wait.
    async fn publish(&mut self, events: &[Event]) -> Result<(), Fault> {
        let report = count::reporting(&self.outgoing, &self.deciding.metrics);
        let confirmed = self.publisher.confirm(events, report);
        unless_stopping(&self.stop, confirmed).await?;
        self.outgoing.set(Ok(()));
        Ok(())
    }

    /// Publishes the events of replays whose own process died before they were confirmed.
    pub(super) async fn finish_replays(&mut self, session: &Session) -> Result<(), Fault> {
        let Deciding {
            sealing,
            source,
            metrics,
            ..
        } = &self.deciding;
        let mut outlet = Outlet {
            publisher: &mut self.publisher,
            report: &mut count::reporting(&self.outgoing, metrics),
        };
        let before = schedule::before(Clock.now(), REPLAY_AT_WORK);
        let published = publish_unconfirmed(session, sealing, source, before, &mut outlet);
        let published = unless_stopping(&self.stop, published).await?;
        if published > 0 {
            tracing::info!(replays = published, "published what a replay left behind");
            self.outgoing.set(Ok(()));
        }
        Ok(())
    }
}
