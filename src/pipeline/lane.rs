//! A lane: the receipts of some messages, in order, through one PostgreSQL connection.
//!
//! It has two halves that run at once: one commits the next batch while the other publishes and
//! settles the one before.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::Client;
use metrics::Gauge;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::Shared;
use super::count;
use super::envelope::{Envelope, Holdings, Item};
use super::gather::{Queue, part};
use super::matching::{self, Disposition, Matching, Outcome, Path};
use super::publish::{Closed, Publisher};
use super::settle::settle;
use crate::events::Event;
use crate::lifecycle::Member;
use crate::store::{Session, StoreError};

const PAUSE_MIN: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// A committed batch on its way out.
pub(super) struct Committed {
    items: Vec<Item>,
    /// How each of them ends.
    outcomes: Vec<Outcome>,
    events: Vec<Event>,
}

/// The half that matches and commits.
pub(super) struct Lane {
    pub(super) database: Member,
    pub(super) shared: Arc<Shared>,
    pub(super) queue: Queue,
    pub(super) matching: Matching,
    pub(super) out: mpsc::Sender<Committed>,
    pub(super) session: Option<Session>,
    pub(super) connected: Gauge,
}

impl Lane {
    /// Works until the queue is closed and empty.
    pub(super) async fn run(mut self) -> Result<(), Infallible> {
        loop {
            let batch = self.queue.gather().await;
            if batch.is_empty() {
                return Ok(());
            }
            if !self.commit(batch).await {
                return Ok(());
            }
        }
    }

    /// Commits a batch, however long that takes; false when nobody is left to publish it.
    ///
    /// A value that PostgreSQL refuses is cornered by halving, so that it costs its neighbours a
    /// few transactions and nothing else. Everything else concerns the batch as a whole, and the
    /// whole is tried again: an outage is not a poison row.
    async fn commit(&mut self, batch: Vec<Item>) -> bool {
        let mut open = VecDeque::from([batch]);
        let mut pause = PAUSE_MIN;
        while let Some(batch) = open.pop_front() {
            // Parted anew each time: freshness wears off while others are being tried.
            let mut parts = part(batch, self.shared.ack_wait);
            let Some((path, mut batch)) = parts.pop_front() else {
                continue;
            };
            for (_, later) in parts.into_iter().rev() {
                open.push_front(later);
            }
            let fault = match self.attempt(path, &batch).await {
                Ok(decided) => {
                    pause = PAUSE_MIN;
                    self.database.set(Ok(()));
                    let matching::Decided { outcomes, events } = decided;
                    count_batch(&self.shared, &batch, &outcomes);
                    let committed = Committed {
                        items: batch,
                        outcomes,
                        events,
                    };
                    if self.out.send(committed).await.is_err() {
                        return false;
                    }
                    continue;
                }
                Err(fault) => fault,
            };
            self.shared
                .metrics
                .batch_retries
                .of(count::retry_cause(&fault))
                .increment(1);
            match fault {
                // Passes by itself as a rule; where it does not, the operator has to know.
                StoreError::Moved => {
                    if pause == PAUSE_MAX {
                        self.database.set(Err(fault.to_string()));
                    }
                    sleep(pause).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
                StoreError::AlreadyStored if path == Path::Careful => {
                    self.database.set(Err(fault.to_string()));
                    sleep(pause).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
                StoreError::Refused(_) if batch.len() > 1 => {
                    let later = batch.split_off(batch.len() / 2);
                    open.push_front(later);
                }
                StoreError::Refused(state) if !batch[0].poison => {
                    tracing::warn!(sqlstate = state, "PostgreSQL refuses a receipt; parking it");
                    batch[0].poison = true;
                }
                StoreError::AlreadyStored => doubt(&mut batch),
                StoreError::Refused(_) | StoreError::Unavailable(_) => {
                    self.database.set(Err(fault.to_string()));
                    self.close();
                    doubt(&mut batch);
                    sleep(pause).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
            open.push_front(batch);
        }
        true
    }

    /// Gives the connection up: its transaction may still be at work.
    fn close(&mut self) {
        self.session = None;
        self.connected.set(0.0);
    }

    async fn attempt(
        &mut self,
        path: Path,
        batch: &[Item],
    ) -> Result<matching::Decided, StoreError> {
        let session = if let Some(session) = self.session.take() {
            self.session.insert(session)
        } else {
            let session = self.shared.open_session().await?;
            self.connected.set(1.0);
            self.session.insert(session)
        };
        let started = Instant::now();
        let decided = self.matching.commit(session, batch, path).await?;
        let took = started.elapsed();
        tracing::debug!(receipts = batch.len(), ?path, ?took, "committed a batch");
        let metrics = &self.shared.metrics;
        metrics.stage_seconds.matching.record(took);
        metrics.batch_receipts.record(measure(batch.len()));
        Ok(decided)
    }
}

/// From here on the careful path: an attempt may have been stored, or has cost the head start that
/// a first delivery has over its redelivery.
fn doubt(batch: &mut [Item]) {
    for item in batch {
        item.doubtful = true;
    }
}

/// A count as a sample; counts here are far below 2^53.
#[expect(
    clippy::cast_precision_loss,
    reason = "a batch has at most some thousand receipts"
)]
fn measure(count: usize) -> f64 {
    count as f64
}

/// Counts a batch that has just been committed.
fn count_batch(shared: &Shared, batch: &[Item], outcomes: &[Outcome]) {
    let now = shared.clock.now();
    for (item, Outcome { disposition, .. }) in batch.iter().zip(outcomes) {
        count::disposition(&shared.metrics, *disposition);
        let Envelope {
            identity, payload, ..
        } = &item.envelope;
        if let Ok(receipt) = &item.reading {
            count::carrier(&shared.metrics, receipt, identity, *disposition, now);
        }
        if let Disposition::Rejected(reason) = *disposition {
            let (sequence, length) = (identity.sequence, payload.len());
            tracing::info!(sequence, length, reason, "rejected");
        }
    }
}

/// The half that publishes and settles.
pub(super) struct Delivery {
    pub(super) shared: Arc<Shared>,
    pub(super) committed: mpsc::Receiver<Committed>,
    pub(super) publisher: Publisher,
    /// The connection the envelopes came by.
    pub(super) intake: Client,
    pub(super) holdings: Arc<Holdings>,
    pub(super) health: Member,
}

impl Delivery {
    /// Works until the lane is closed and everything committed is settled.
    pub(super) async fn run(mut self) -> Result<(), Closed> {
        while let Some(committed) = self.committed.recv().await {
            let Committed {
                items,
                outcomes,
                events,
            } = committed;
            let started = Instant::now();
            let (health, metrics) = (&self.health, &self.shared.metrics);
            self.publisher
                .confirm(&events, count::reporting(health, metrics))
                .await?;
            // Not at the first confirmation: while one output is full, another may well confirm.
            health.set(Ok(()));
            metrics.stage_seconds.publish.record(started.elapsed());
            let (settling, now) = (Instant::now(), self.shared.clock.now());
            for item in &items {
                let age = item.envelope.identity.age(now);
                metrics.end_to_end_seconds.record(age);
            }
            let batch = items.into_iter().zip(outcomes);
            let batch = batch.map(|(item, outcome)| (item.envelope, outcome.settlement));
            if let Err(error) = settle(&self.intake, &self.holdings, batch).await {
                tracing::debug!(%error, "envelopes are left to be delivered again");
            }
            metrics.stage_seconds.settle.record(settling.elapsed());
        }
        Ok(())
    }
}
