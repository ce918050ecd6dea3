//! How far a carrier's clock is from ours, smoothed.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

/// Odd, so that the middle one is one.
const SAMPLES: usize = 61;

/// Not the traffic of a moment: a carrier that delivers what it held back sends thousands of
/// receipts of an hour ago at once.
const APART: SignedDuration = SignedDuration::from_secs(1);

/// The median of the last samples: a wrong time zone or a stopped clock moves all of them, and
/// receipts that took long move few.
#[derive(Default)]
pub(super) struct ClockSkew {
    samples: VecDeque<f64>,
    last: Option<Timestamp>,
    revision: i32,
}

impl ClockSkew {
    /// Takes a sample and returns the median with it; `None` if it comes too soon after the last.
    /// Under another revision of the profile, dates may mean other times: it begins anew.
    pub(super) fn take(&mut self, seconds: f64, at: Timestamp, revision: i32) -> Option<f64> {
        if revision != self.revision {
            *self = Self {
                revision,
                ..Self::default()
            };
        }
        if self
            .last
            .is_some_and(|last| at.duration_since(last).abs() < APART)
        {
            return None;
        }
        self.last = Some(at);
        if self.samples.len() == SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back(seconds);
        let mut sorted: Vec<f64> = self.samples.iter().copied().collect();
        sorted.sort_unstable_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + seconds).unwrap()
    }

    #[test]
    fn a_wrong_time_zone_shows_and_slow_receipts_do_not() {
        let mut skew = ClockSkew::default();
        let mut shown = None;
        for second in 0..100 {
            let slow = second % 3 == 0;
            let sample = if slow { -7_200.0 } else { 3_598.0 };
            shown = skew.take(sample, after(second), 1);
        }
        assert_eq!(shown, Some(3_598.0));
    }

    #[test]
    fn a_burst_counts_once_a_second() {
        let mut skew = ClockSkew::default();
        assert_eq!(skew.take(-1.0, after(0), 0), Some(-1.0));
        for _ in 0..1_000 {
            assert_eq!(skew.take(-3_600.0, after(0), 0), None);
        }
        skew.take(-1.0, after(1), 0);
        assert_eq!(skew.take(-2.0, after(2), 0), Some(-1.0));
    }

    #[test]
    fn another_revision_begins_anew() {
        let mut skew = ClockSkew::default();
        skew.take(3_600.0, after(0), 1);
        assert_eq!(skew.take(-1.0, after(0), 2), Some(-1.0));
    }

    #[test]
    fn it_goes_on_when_our_own_clock_is_set_back() {
        let mut skew = ClockSkew::default();
        skew.take(-1.0, after(1_000), 1);
        assert_eq!(skew.take(-2.0, after(0), 1), Some(-1.0));
    }
}
