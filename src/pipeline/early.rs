//! How many receipts may wait for messages that are not there yet.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::envelope::Holdings;

/// A waiting receipt holds a place of the consumer's `max_ack_pending` until it is delivered
/// again; a flood of unmatched receipts must not take them all. One lane's share of the limit, which
/// is this process's: that all replicas together stay within theirs shows in the consumer's own count.
pub(super) struct EarlyBudget {
    limit: usize,
    delay: Duration,
    holdings: Arc<Holdings>,
    /// When each of the waiting ones was sent back, oldest first; never more than `limit`.
    waiting: VecDeque<Instant>,
}

impl EarlyBudget {
    pub(super) fn new(limit: usize, delay: Duration, holdings: Arc<Holdings>) -> Self {
        Self {
            limit,
            delay,
            holdings,
            waiting: VecDeque::new(),
        }
    }

    /// Takes a place, if one is free.
    pub(super) fn take(&mut self) -> bool {
        let now = Instant::now();
        while self
            .waiting
            .front()
            .is_some_and(|since| now - *since >= self.delay)
        {
            self.waiting.pop_front();
        }
        if self.waiting.len() >= self.limit || self.holdings.is_crowded() {
            return false;
        }
        self.waiting.push_back(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_and_come_back() {
        let holdings = Holdings::new(1);
        let budget = |limit, delay| EarlyBudget::new(limit, delay, Arc::clone(&holdings));
        let mut long = budget(2, Duration::from_hours(1));
        assert_eq!([long.take(), long.take(), long.take()], [true, true, false]);
        let mut short = budget(1, Duration::ZERO);
        assert_eq!([short.take(), short.take()], [true, true]);
        holdings.set_crowded(true);
        assert!(!short.take());
    }
}
