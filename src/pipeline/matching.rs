//! Finds each receipt its message, decides, and commits the decisions: one transaction a batch.
//!
//! First deliveries are inserted straight away. Redeliveries take the careful path: what is stored
//! of them is looked up, and a stored disposition is repeated, never taken again.
//!
//! The two cannot pass each other. A first delivery takes its shared lock before the server can
//! have delivered it again, which is looked at once the lock is there; from then on the careful path
//! of another replica waits for its end, however long a COMMIT takes.

pub(crate) mod candidates;
mod fates;
pub mod fold;
pub mod groups;
mod known;
pub mod rows;

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use self::candidates::{Candidates, Reach};
use self::fates::{Fate, fate};
use self::fold::Fold;
use self::groups::{GroupSwitch, Groups};
use self::known::Known;
use self::rows::{Rows, Sealing};
use super::early::EarlyBudget;
use super::envelope::Item;
use super::settle::Settlement;
use crate::clock::Clock;
use crate::events::{Encoder, Event, Source};
use crate::receipt::decision::{Decision, Parked, Verdict};
use crate::receipt::ids::{Identity, RowKey};
use crate::seal::KeyRing;
use crate::store::messages::Raise;
use crate::store::{Session, StoreError};

/// Which way a batch goes through the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Path {
    /// Never delivered before: nothing of it can be stored.
    First,
    /// Some of it may be.
    Careful,
}

/// What became of a batch: how each of its envelopes ended in the database, and what must be said
/// before they are settled.
pub(super) struct Decided {
    pub(super) outcomes: Vec<Outcome>,
    pub(super) events: Vec<Event>,
}

pub(super) struct Outcome {
    pub(super) settlement: Settlement,
    pub(super) disposition: Disposition,
}

/// CONTRACT §1, for the counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Disposition {
    Applied,
    Recorded(&'static str),
    Parked(&'static str),
    Rejected(&'static str),
    /// Not ended: asked for again.
    Delayed,
    /// Ended by an earlier delivery.
    Repeated,
}

/// What the rules need beside the batch.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    pub(super) inbound_subject: Arc<str>,
    pub(super) ack_wait: Duration,
    pub(super) reach: Reach,
    pub(super) early_delay: Duration,
    pub(super) early_redeliveries: u32,
    pub(super) deliveries_max: u32,
    pub(super) groups: Arc<GroupSwitch>,
    pub(super) source: Source,
    pub(super) clock: Clock,
}

/// One lane's matching: its rules, its keys, its share of early receipts.
pub(super) struct Matching {
    rules: Rules,
    sealing: Sealing,
    early: EarlyBudget,
    encoder: Encoder,
}

impl Matching {
    pub(super) fn new(rules: Rules, ring: &Arc<KeyRing>, early: EarlyBudget) -> Self {
        Self {
            encoder: Encoder::new(&rules.source),
            rules,
            sealing: Sealing::new(ring),
            early,
        }
    }

    /// Commits a batch, which is in stream order, and says how each of its envelopes ended, in the
    /// same order.
    pub(super) async fn commit(
        &mut self,
        session: &Session,
        batch: &[Item],
        path: Path,
    ) -> Result<Decided, StoreError> {
        // Boxed: what the statements' parameters take is far more than a lane's own state.
        session
            .transact(Box::pin(self.decide(session, batch, path)))
            .await
    }

    /// Keeps the other replicas away from the batch until the end of the transaction, and finds what is
    /// stored of it.
    async fn known(
        &self,
        session: &Session,
        batch: &[Item],
        path: Path,
    ) -> Result<Known, StoreError> {
        match path {
            Path::First => {
                let identities = batch.iter().map(|item| &item.envelope.identity);
                session.lock_envelopes_shared(identities).await?;
                let (now, ack_wait) = (Instant::now(), self.rules.ack_wait);
                if !batch.iter().all(|item| item.is_fresh(now, ack_wait)) {
                    return Err(StoreError::AlreadyStored);
                }
                Ok(Known::default())
            }
            Path::Careful => {
                let identities: Vec<&Identity> =
                    batch.iter().map(|item| &item.envelope.identity).collect();
                session.lock_envelopes(&identities).await?;
                let keys: Vec<RowKey> = identities.iter().map(|it| it.row_key()).collect();
                let known = Known::find(session, &keys).await?;
                if batch.iter().any(|item| known.has(item)) {
                    session.wait_for_standby().await?;
                }
                Ok(known)
            }
        }
    }

    async fn decide(
        &mut self,
        session: &Session,
        batch: &[Item],
        path: Path,
    ) -> Result<Decided, StoreError> {
        let known = self.known(session, batch, path).await?;
        let now = self.rules.clock.now();
        let fresh = batch.iter().filter(|item| !item.poison && !known.has(item));
        let receipts = fresh.filter_map(|item| {
            let stored_at = item.envelope.identity.stored_at();
            Some((item.reading.as_ref().ok()?, stored_at))
        });
        let candidates = Candidates::find(session, receipts, self.rules.reach).await?;
        let groups = Groups::lock(session, &candidates, &self.rules.groups).await?;
        let mut fold = Fold::new(&groups, batch.len());
        let mut rows = Rows::default();
        let mut decided = Decided {
            outcomes: Vec::with_capacity(batch.len()),
            // Of receipts with a final status, two each.
            events: Vec::with_capacity(2 * batch.len()),
        };
        // Each goes all the way at once, while what it says is at hand.
        for item in batch {
            let mut telling = Telling {
                encoder: &mut self.encoder,
                events: &mut decided.events,
            };
            let repeated = known.outcome(item, &mut telling, &self.sealing);
            decided.outcomes.push(if let Some(repeated) = repeated {
                repeated?
            } else {
                let (rules, early) = (&self.rules, &mut self.early);
                let fate = fate(item, &candidates, &mut fold, rules, early, now);
                self.sealing.row(&fate, &rules.inbound_subject, &mut rows)?;
                outcome(&fate, rules.early_delay, &mut telling)
            });
        }
        write(session, rows, fold.raises(), candidates.horizon, now).await?;
        Ok(decided)
    }
}

/// One after the other, for a fault of one must not be told by the next.
async fn write(
    session: &Session,
    rows: Rows<'_>,
    mut raises: Vec<Raise<'_>>,
    horizon: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    session.raise(&mut raises, horizon, now).await?;
    session.insert_parked(&rows.parked, now).await?;
    session.insert_rejected(&rows.rejected, now).await?;
    session.insert_receipts(rows.receipts).await
}

/// How a fresh envelope ends.
fn outcome(fate: &Fate<'_>, early_delay: Duration, telling: &mut Telling<'_>) -> Outcome {
    let (settlement, disposition) = match fate {
        Fate::Matched(matched) => {
            telling.of_decision(&matched.decision);
            (
                Settlement::Acknowledge,
                Disposition::of(matched.decision.verdict),
            )
        }
        Fate::Parked {
            parked, because, ..
        } => {
            telling.of_parked(parked);
            (
                Settlement::Acknowledge,
                Disposition::Parked(because.as_str()),
            )
        }
        Fate::Rejected { rejection, .. } => (
            Settlement::Terminate(rejection.to_string()),
            Disposition::Rejected(rejection.reason()),
        ),
        Fate::Early => (Settlement::Delay(early_delay), Disposition::Delayed),
    };
    Outcome {
        settlement,
        disposition,
    }
}

/// Where the events of a batch are written to, and gathered.
struct Telling<'a> {
    encoder: &'a mut Encoder,
    events: &'a mut Vec<Event>,
}

impl Telling<'_> {
    fn of_decision(&mut self, decision: &Decision<'_>) {
        self.encoder.decision(decision, self.events);
    }

    fn of_parked(&mut self, parked: &Parked<'_>) {
        self.events.push(self.encoder.parked(parked));
    }
}

impl Disposition {
    fn of(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Applied => Self::Applied,
            Verdict::Recorded(because) => Self::Recorded(because.as_str()),
        }
    }
}
