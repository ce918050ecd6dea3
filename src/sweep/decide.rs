//! Decides on parked receipts by the same rule and the same code as on first deliveries.
//!
//! A decision that is stored stands: whoever finds it, after a crash between commit and resolution
//! or beside a second sweeper, repeats its events and decides nothing.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::sleep;

use super::reading::Reading;
use crate::clock::Clock;
use crate::events::{self, Event, Source};
use crate::pipeline::count;
use crate::pipeline::matching::candidates::{Candidates, Reach};
use crate::pipeline::matching::fold::{Case, Fold};
use crate::pipeline::matching::groups::{GroupSwitch, Groups};
use crate::pipeline::matching::rows::Sealing;
use crate::receipt::decision::Unmatched;
use crate::receipt::ids::{ReceiptId, RowKey};
use crate::seal::KeyRing;
use crate::store::receipts::{NewReceipts, StoredReceipt};
use crate::store::{Session, StoreError};
use crate::telemetry::metrics::Metrics;

/// How often a batch is tried that another transaction stands in the way of.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(50);

/// What a look found.
pub(super) enum Finding {
    /// Its decision is committed.
    Matched {
        events: Vec<Event>,
        decided_at: Timestamp,
    },
    /// Its decision is committed, but the key that its events need is missing here: it waits for a
    /// process that has it, and never lapses.
    Unspeakable,
    /// Others kept changing its message: what becomes of it is for a later look, so it does not lapse
    /// either.
    Contended,
    Open,
}

pub(super) struct Deciding {
    pub(super) sealing: Sealing,
    pub(super) reach: Reach,
    pub(super) groups: Arc<GroupSwitch>,
    pub(super) source: Source,
    pub(super) metrics: Arc<Metrics>,
}

impl Deciding {
    pub(super) fn new(
        ring: &Arc<KeyRing>,
        reach: Reach,
        groups: Arc<GroupSwitch>,
        source: Source,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            sealing: Sealing::new(ring),
            reach,
            groups,
            source,
            metrics,
        }
    }

    /// One finding for each of `readings`, which are in stream order. The error is that PostgreSQL
    /// is not available; what it refuses of one row leaves that row open and costs no other.
    pub(super) async fn decide(
        &mut self,
        session: &Session,
        readings: &[Reading<'_>],
    ) -> Result<Vec<Finding>, StoreError> {
        let mut findings = Vec::with_capacity(readings.len());
        let mut parts: VecDeque<_> = readings.chunk_by(go_together).collect();
        while let Some(part) = parts.pop_front() {
            match self.commit(session, part).await {
                Ok(found) => findings.extend(found),
                Err(StoreError::Unavailable(fault)) => return Err(StoreError::Unavailable(fault)),
                Err(_) if part.len() > 1 => {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.push_front(second);
                    parts.push_front(first);
                }
                Err(StoreError::Moved | StoreError::AlreadyStored) => {
                    findings.push(Finding::Contended);
                }
                Err(StoreError::Refused(_)) => findings.push(Finding::Open),
            }
        }
        Ok(findings)
    }

    /// One transaction, tried a few times if others stand in its way.
    async fn commit(
        &mut self,
        session: &Session,
        readings: &[Reading<'_>],
    ) -> Result<Vec<Finding>, StoreError> {
        let mut tries = 1;
        loop {
            // Boxed: what the statements' parameters take is far more than the rest.
            let work = Box::pin(self.work(session, readings));
            let fault = match session.transact(work).await {
                Err(fault) => fault,
                found => return found,
            };
            let failures = &self.metrics.sweep.failures;
            failures.of(count::retry_cause(&fault)).increment(1);
            match fault {
                StoreError::Moved | StoreError::AlreadyStored if tries < TRIES => {
                    sleep(PAUSE).await;
                    tries += 1;
                }
                _ => return Err(fault),
            }
        }
    }

    async fn work(
        &mut self,
        session: &Session,
        readings: &[Reading<'_>],
    ) -> Result<Vec<Finding>, StoreError> {
        let keys: Vec<RowKey> = readings
            .iter()
            .map(|reading| reading.row.key.clone())
            .collect();
        let stored = session.find_receipts(&keys).await?;
        let known: HashMap<ReceiptId, StoredReceipt> = stored
            .into_iter()
            .map(|receipt| (receipt.receipt_id(), receipt))
            .collect();
        let now = Clock.now();
        let fresh = readings
            .iter()
            .filter(|reading| !known.contains_key(&reading.row.parked().receipt_id));
        let receipts = fresh.filter_map(|reading| {
            Some((reading.receipt.as_ref().ok()?, reading.row.key.stored_at))
        });
        let candidates = Candidates::find(session, receipts, self.reach).await?;
        let groups = Groups::lock(session, &candidates, &self.groups).await?;
        let mut fold = Fold::new(&groups, readings.len());
        let mut rows = NewReceipts::default();
        let mut findings = Vec::with_capacity(readings.len());
        for Reading { row, receipt } in readings {
            let receipt_id = row.parked().receipt_id;
            let finding = match (known.get(&receipt_id), receipt) {
                (Some(stored), _) => self.repeat(stored),
                (None, Err(_)) => Finding::Open,
                (None, Ok(receipt)) => match candidates.matching(receipt, row.key.stored_at) {
                    Err(_still_unmatched) => Finding::Open,
                    Ok(candidate) => {
                        let case = Case {
                            key: row.key.clone(),
                            receipt_id,
                            receipt,
                            late: true,
                        };
                        let matched = fold.decide(case, candidate, now);
                        rows.push(&self.sealing.receipt(&matched)?);
                        let mut events = Vec::new();
                        events::of_decision(&self.source, &matched.decision, &mut events);
                        Finding::Matched {
                            events,
                            decided_at: now,
                        }
                    }
                },
            };
            findings.push(finding);
        }
        let mut raises = fold.raises();
        session.raise(&mut raises, candidates.horizon, now).await?;
        session.insert_receipts(rows).await?;
        Ok(findings)
    }

    /// The events of a decision that was committed and perhaps not published.
    fn repeat(&self, stored: &StoredReceipt) -> Finding {
        let mut events = Vec::new();
        // One that was only recorded has no events, so its id need not be opened.
        if stored.is_applied() {
            let Ok(id) = self.sealing.operator_message_id(stored) else {
                return Finding::Unspeakable;
            };
            events::of_decision(&self.source, &stored.decision(&id), &mut events);
        }
        Finding::Matched {
            events,
            decided_at: stored.processed_at(),
        }
    }
}

/// Rows of one stream share a transaction; what PostgreSQL has refused before goes alone.
fn go_together(one: &Reading<'_>, other: &Reading<'_>) -> bool {
    let was_refused =
        |reading: &Reading<'_>| reading.row.parked().reason == Unmatched::StoreRefused.as_str();
    one.row.key.stream == other.row.key.stream && !was_refused(one) && !was_refused(other)
}
