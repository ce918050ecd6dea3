//! Batches: whatever is queued when the lane is free, up to a bound.
//!
//! Under load the queue fills while a batch is at work, so batches grow by themselves; at rest a
//! receipt goes alone and at once. In between, transactions of three or four receipts would cost
//! PostgreSQL five times as much a receipt as full ones, so one does not follow the other at once.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::time::sleep_until;

use super::envelope::Item;
use super::matching::Path;
use crate::config;

/// Most envelopes of one careful transaction, which may take a lock for each. PostgreSQL's lock table
/// has room for some thousands, shared by everybody (`max_locks_per_transaction` ×
/// `max_connections`).
const CAREFUL_MAX: usize = 200;

/// How often a batch that waits for its time is looked at, whether it is full by now: to be woken by
/// every receipt would cost more than the longer interval saves.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// What waits for a lane.
pub(super) struct Queue {
    items: mpsc::Receiver<Item>,
    batch_max: usize,
    interval_min: Duration,
    /// When the next batch may begin.
    next: Instant,
}

impl Queue {
    pub(super) fn new(items: mpsc::Receiver<Item>, limits: &config::Pipeline) -> Self {
        Self {
            items,
            batch_max: limits.batch_max,
            interval_min: limits.batch_interval_min,
            next: Instant::now(),
        }
    }

    /// The next batch; empty when the lane is closed.
    pub(super) async fn gather(&mut self) -> Vec<Item> {
        // The timer takes a millisecond for what is due already, so it is not asked then.
        while !self.is_due() {
            let look = Instant::now() + LOOK_AGAIN;
            sleep_until(self.next.min(look).into()).await;
        }
        let mut batch = Vec::new();
        self.items.recv_many(&mut batch, self.batch_max).await;
        self.next = Instant::now() + self.interval_min;
        batch
    }

    /// Whether nothing is gained by waiting for more.
    fn is_due(&self) -> bool {
        Instant::now() >= self.next || self.items.len() >= self.batch_max || self.items.is_closed()
    }
}

/// Parts a batch by the path it must take: redeliveries first, as they are older. Each part is in
/// stream order, the order in which receipts of one message are folded.
pub(super) fn part(mut batch: Vec<Item>, ack_wait: Duration) -> VecDeque<(Path, Vec<Item>)> {
    // As they come as a rule: nothing is moved, half a kibibyte each.
    let in_order = batch.is_sorted_by(|one, next| one.sequence() < next.sequence());
    let now = Instant::now();
    let is_fresh = |item: &Item| item.is_fresh(now, ack_wait);
    if in_order && batch.iter().all(is_fresh) {
        return VecDeque::from([(Path::First, batch)]);
    }
    batch.sort_by_key(|item| (item.sequence(), Reverse(item.envelope.deliveries)));
    // Delivered again while still held: the newest delivery is the one whose settlement counts.
    batch.dedup_by(|older, newer| older.envelope.identity == newer.envelope.identity);
    let (first, careful): (Vec<_>, Vec<_>) = batch.into_iter().partition(is_fresh);
    let mut parts = VecDeque::new();
    let mut careful = careful.into_iter().peekable();
    while careful.peek().is_some() {
        parts.push_back((Path::Careful, careful.by_ref().take(CAREFUL_MAX).collect()));
    }
    if !first.is_empty() {
        parts.push_back((Path::First, first));
    }
    parts
}

#[cfg(test)]
mod tests;
