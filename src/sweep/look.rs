//! One look at some open rows: read, decide and commit; publish and confirm; resolve.
//!
//! The open row is the outbox. Whatever fails on the way leaves it open, and the next look repeats
//! what was done: the same decision, the same events, until the resolution is there.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::agenda::Errand;
use super::decide::{Deciding, Finding};
use super::reading::Reading;
use super::schedule::signed;
use super::tally::Tally;
use crate::clock::Clock;
use crate::events::{self, Event};
use crate::lifecycle::Member;
use crate::pipeline::count;
use crate::pipeline::publish::{Closed, Publisher};
use crate::receipt::decision::{Parked, Resolution};
use crate::receipt::profile::Profiles;
use crate::seal::KeyRing;
use crate::store::StoreError;
use crate::store::sweep::{OpenParked, PageLimits, Position, Resolved, SweepSession};

/// How long a stop waits for confirmations. What is not confirmed by then is published again by
/// whoever sweeps next.
const LAST_CONFIRMATIONS: Duration = Duration::from_secs(2);

/// Why a look came to no end.
#[derive(Debug)]
pub(super) enum Fault {
    Store(StoreError),
    Closed(Closed),
    /// The process stops.
    Stopping,
}

impl From<StoreError> for Fault {
    fn from(fault: StoreError) -> Self {
        Self::Store(fault)
    }
}

impl From<Closed> for Fault {
    fn from(closed: Closed) -> Self {
        Self::Closed(closed)
    }
}

pub(super) struct Looking {
    pub(super) ring: Arc<KeyRing>,
    pub(super) limits: PageLimits,
    pub(super) deciding: Deciding,
    pub(super) publisher: Publisher,
    /// The output streams.
    pub(super) outgoing: Member,
    pub(super) tally: Tally,
    pub(super) stop: CancellationToken,
}

/// How one row comes out of a look.
struct Outcome<'a> {
    row: &'a OpenParked,
    resolution: Option<Resolution>,
    events: Vec<Event>,
}

impl Looking {
    /// Looks at the first rows of an errand; says where to go on, if there is more.
    pub(super) async fn look(
        &mut self,
        session: &SweepSession,
        errand: &Errand,
        profiles: &Profiles,
    ) -> Result<Option<Position>, Fault> {
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
        let resolved: Vec<Resolved<'_>> = outcomes
            .iter()
            .filter_map(
                |Outcome {
                     row, resolution, ..
                 }| {
                    Some(Resolved {
                        key: &row.key,
                        receipt_id: row.parked().receipt_id,
                        resolution: (*resolution)?,
                    })
                },
            )
            .collect();
        session.resolve(&resolved, Clock.now()).await?;
        let is_scheduled = errand.carriers.is_none();
        for (reading, outcome) in readings.iter().zip(&outcomes) {
            self.tally
                .count(reading, outcome.resolution, is_scheduled, now);
        }
        Ok(page.rest)
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
        if parked.reason == Parked::REDRIVEN {
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
            // Also what cannot be read, or stored: nothing is matched beyond the horizon anyway.
            Finding::Open => {
                let lapses_at = self.lapses_at(&parked, profiles);
                (lapses_at <= now).then_some((Resolution::Lapsed, lapses_at))
            }
        };
        if let Some((resolution, at)) = end {
            events.push(events::of_resolution(source, &parked, resolution, at));
        }
        Outcome {
            row: reading.row,
            resolution: end.map(|(resolution, _)| resolution),
            events,
        }
    }

    fn lapses_at(&self, parked: &Parked<'_>, profiles: &Profiles) -> Timestamp {
        let horizon = profiles.of(parked.carrier_id).horizon;
        let horizon = signed(horizon.unwrap_or(self.deciding.horizon));
        parked
            .parked_at
            .checked_add(horizon)
            .unwrap_or(Timestamp::MAX)
    }

    /// Returns when every event is confirmed, however long that takes; but a stop does not wait.
    async fn publish(&mut self, events: &[Event]) -> Result<(), Fault> {
        let (health, metrics) = (&self.outgoing, &self.deciding.metrics);
        let confirmed = self.publisher.confirm(events, |kind, result| match result {
            Ok(()) => count::of(&metrics.events_published, kind).increment(1),
            Err(fault) => {
                count::of(&metrics.publish_failures, kind).increment(1);
                health.set(Err(fault.to_string()));
            }
        });
        let impatient = async {
            self.stop.cancelled().await;
            sleep(LAST_CONFIRMATIONS).await;
        };
        tokio::select! {
            biased;
            confirmed = confirmed => confirmed?,
            () = impatient => return Err(Fault::Stopping),
        }
        health.set(Ok(()));
        Ok(())
    }
}
