//! What the looks are counted by, and how often is spoken of rows that cannot be read.

use std::sync::Arc;
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};

use super::reading::{Reading, Unreadable};
use crate::receipt::decision::Resolution;
use crate::telemetry::metrics::Metrics;

/// Rows younger than this come and go; each older one is looked at once an hour.
const OLD: SignedDuration = SignedDuration::from_hours(1);

pub(super) struct Tally {
    metrics: Arc<Metrics>,
    /// Looks at rows that could not be read since the end of the last round.
    unreadable: [u64; Unreadable::ALL.len()],
    /// Old rows left open since the count began.
    open: u32,
    /// When the count of open rows began; `None` until everything has been looked at once.
    since: Option<Timestamp>,
    round: Option<Instant>,
}

impl Tally {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            metrics,
            unreadable: [0; Unreadable::ALL.len()],
            open: 0,
            since: None,
            round: None,
        }
    }

    /// Counts a row that was looked at, `is_scheduled` if because its time had come.
    pub(super) fn count(
        &mut self,
        reading: &Reading<'_>,
        resolution: Option<Resolution>,
        is_scheduled: bool,
        now: Timestamp,
    ) {
        let sweep = &self.metrics.sweep;
        sweep.rows.increment(1);
        if let Err(cause) = &reading.receipt {
            self.unreadable[*cause as usize] += 1;
            sweep.unreadable.of(cause.as_str()).increment(1);
        }
        match resolution {
            Some(resolution) => sweep.resolved.of(resolution.as_str()).increment(1),
            None if is_scheduled => {
                let age = now.duration_since(reading.row.parked().parked_at);
                self.open += u32::from(age >= OLD);
            }
            None => {}
        }
    }

    /// Something is due.
    pub(super) fn begin(&mut self) {
        self.round.get_or_insert_with(Instant::now);
    }

    /// Nothing is due any more.
    pub(super) fn end(&mut self, now: Timestamp) {
        let Some(began) = self.round.take() else {
            return;
        };
        self.metrics.sweep.seconds.record(began.elapsed());
        let hour_is_over = |since| now.duration_since(since) >= OLD;
        if self.since.is_none_or(hour_is_over) {
            self.metrics.sweep.parked_open.set(f64::from(self.open));
            self.open = 0;
            self.since = Some(now);
        }
        let [unknown_key, damaged, rejected] = std::mem::take(&mut self.unreadable);
        if unknown_key + damaged + rejected > 0 {
            tracing::warn!(
                unknown_key,
                damaged,
                rejected,
                "parked receipts cannot be read and stay open"
            );
        }
    }
}
