//! When a parked receipt is looked at again: a pure function of the time it was parked at.
//!
//! There is no list of rows. For each age at which rows are due, a window of parking times moves
//! on with the clock; what the windows have passed over is due.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// Ages of the first looks; then every hour.
const FIRST: [SignedDuration; 5] = [
    SignedDuration::from_secs(1),
    SignedDuration::from_secs(5),
    SignedDuration::from_secs(30),
    SignedDuration::from_mins(2),
    SignedDuration::from_mins(10),
];
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// Most horizons of carriers that get a look of their own; receipts of the others lapse at the next
/// hourly one.
const HORIZONS_MAX: usize = 32;

/// Shortest and longest time for which a window gathers what it passes over. In between it is a
/// tenth of the age.
pub(super) const STEP_MIN: SignedDuration = SignedDuration::from_millis(500);
const STEP_MAX: SignedDuration = SignedDuration::from_mins(2);

/// A parked receipt's looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Looks {
    /// How many have fallen due.
    pub so_far: u32,
    /// About when the next one falls due; `None` when only its end is left.
    pub next_at: Option<Timestamp>,
}

impl Looks {
    /// Of a receipt that was parked then, and lapses after `horizon`.
    pub fn at(now: Timestamp, parked_at: Timestamp, horizon: Duration) -> Self {
        let (age, horizon) = (now.duration_since(parked_at), signed(horizon));
        let hourly = (1..).map(|hours| HOUR * hours);
        let mut ages = BTreeSet::from(FIRST);
        ages.extend(hourly.take_while(|hour| *hour < horizon));
        ages.insert(horizon);
        let next = ages.iter().find(|due| **due > age);
        let so_far = ages.iter().filter(|due| **due <= age).count();
        Self {
            so_far: u32::try_from(so_far).unwrap_or(u32::MAX),
            next_at: next.and_then(|due| parked_at.checked_add(*due).ok()),
        }
    }
}

/// The windows of all ages, and how far each has come.
#[derive(Debug)]
pub(super) struct Schedule {
    windows: Vec<Window>,
    longest: SignedDuration,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    age: SignedDuration,
    /// The time up to which it has passed over what was due.
    passed: Timestamp,
}

impl Schedule {
    /// From `now` on. Whatever is parked already is due once beside it.
    pub(super) fn new(horizons: &BTreeSet<Duration>, now: Timestamp) -> Self {
        let mut schedule = Self {
            windows: Vec::new(),
            longest: SignedDuration::ZERO,
        };
        schedule.set_horizons(horizons, now);
        schedule
    }

    /// The horizons in force, at least one. New ages begin at `now`.
    pub(super) fn set_horizons(&mut self, horizons: &BTreeSet<Duration>, now: Timestamp) {
        let horizons: BTreeSet<_> = horizons.iter().map(|&it| signed(it)).collect();
        self.longest = horizons.last().copied().unwrap_or(HOUR);
        // One more look, for what a clock that was set back left open at its horizon.
        let last = self.longest.saturating_add(HOUR);
        let hourly = (1..).map(|hours| HOUR * hours);
        let mut ages: BTreeSet<_> = FIRST.into_iter().filter(|age| *age <= last).collect();
        ages.extend(hourly.take_while(|age| *age <= last));
        ages.extend(horizons.into_iter().rev().take(HORIZONS_MAX));
        ages.insert(last);
        let passed = |age| {
            let known = self.windows.iter().find(|window| window.age == age);
            known.map_or(now, |window| window.passed)
        };
        self.windows = ages
            .into_iter()
            .map(|age| Window {
                age,
                passed: passed(age),
            })
            .collect();
    }

    /// The age at which every receipt has lapsed.
    pub(super) fn longest(&self) -> SignedDuration {
        self.longest
    }

    /// The parking times that have fallen due since the last call, from each age's window.
    pub(super) fn due(&mut self, now: Timestamp) -> Vec<Range<Timestamp>> {
        let due = self.windows.iter_mut().filter_map(|window| {
            let Window { age, passed } = *window;
            // A clock that was set back makes this negative.
            if now.duration_since(passed) < step(age) {
                return None;
            }
            window.passed = now;
            Some(before(passed, age)..before(now, age))
        });
        due.collect()
    }
}

fn step(age: SignedDuration) -> SignedDuration {
    (age / 10).clamp(STEP_MIN, STEP_MAX)
}

/// `age` earlier than `at`, but never before 1970, when nothing was parked.
pub(super) fn before(at: Timestamp, age: SignedDuration) -> Timestamp {
    at.checked_sub(age)
        .unwrap_or(Timestamp::UNIX_EPOCH)
        .max(Timestamp::UNIX_EPOCH)
}

pub(super) fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: Timestamp = Timestamp::constant(1_800_000_000, 0);

    #[test]
    fn the_looks_of_a_receipt_follow_from_its_age() {
        let looks = |age: SignedDuration| {
            let now = START.checked_add(age).unwrap();
            let Looks { so_far, next_at } = Looks::at(now, START, Duration::from_mins(150));
            (so_far, next_at.map(|at| at.duration_since(START)))
        };
        let (secs, mins) = (SignedDuration::from_secs, SignedDuration::from_mins);
        assert_eq!(looks(secs(0)), (0, Some(secs(1))));
        assert_eq!(looks(secs(30)), (3, Some(mins(2))));
        assert_eq!(looks(mins(59)), (5, Some(mins(60))));
        assert_eq!(looks(mins(121)), (7, Some(mins(150))));
        assert_eq!(looks(mins(151)), (8, None));
    }

    fn horizons(hours: u64) -> BTreeSet<Duration> {
        BTreeSet::from([Duration::from_hours(hours)])
    }

    fn ages(schedule: &Schedule) -> Vec<i64> {
        let ages = schedule.windows.iter();
        ages.map(|window| window.age.as_secs()).collect()
    }

    #[test]
    fn the_looks_are_those_of_the_contract_until_the_horizon() {
        let schedule = Schedule::new(&horizons(73), START);
        let mut expected = vec![1, 5, 30, 120, 600];
        expected.extend((1..=74).map(|hour| hour * 3_600));
        assert_eq!(ages(&schedule), expected);
    }

    #[test]
    fn a_carriers_own_horizon_is_looked_at() {
        let own = BTreeSet::from([Duration::from_hours(2), Duration::from_mins(90)]);
        let schedule = Schedule::new(&own, START);
        assert_eq!(
            ages(&schedule),
            [1, 5, 30, 120, 600, 3_600, 5_400, 7_200, 10_800]
        );
    }

    #[test]
    fn a_longer_horizon_leaves_the_other_windows_where_they_are() {
        let mut schedule = Schedule::new(&horizons(2), START);
        let later = START + SignedDuration::from_hours(5);
        assert_eq!(schedule.due(later).len(), 8);
        schedule.set_horizons(&horizons(4), later);
        assert_eq!(schedule.due(later + HOUR).len(), 10);
        assert_eq!(schedule.longest(), SignedDuration::from_hours(4));
    }

    #[test]
    fn a_clock_that_is_set_back_makes_nothing_due_twice() {
        let mut schedule = Schedule::new(&horizons(1), START);
        let due = |schedule: &mut Schedule, seconds| {
            let now = START + SignedDuration::from_secs(seconds);
            let first_look = schedule.due(now).into_iter().next();
            first_look.map(|it| it.start.duration_since(START).as_secs())
        };
        assert_eq!(due(&mut schedule, 10), Some(-1));
        assert_eq!(due(&mut schedule, 4), None);
        assert_eq!(due(&mut schedule, 11), Some(9));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        /// However irregular the clock's ticks are, and however long it was away.
        #[test]
        fn each_age_comes_once_for_every_row(
            ticks in proptest::collection::vec(1..20_000_i64, 1..40),
            parked in -20_000..500_000_i64,
            horizon in 1..3_u64,
        ) {
            let parked = START + SignedDuration::from_millis(parked);
            let mut schedule = Schedule::new(&horizons(horizon), START);
            let mut now = START;
            let mut looks = 0;
            for tick in ticks {
                now += SignedDuration::from_millis(tick * tick / 100);
                let due = schedule.due(now);
                looks += due.iter().filter(|due| due.contains(&parked)).count();
                let fell_due = |window: &&Window| {
                    let at = parked + window.age;
                    at >= START && at < window.passed
                };
                prop_assert_eq!(looks, schedule.windows.iter().filter(fell_due).count());
                // And no window hangs back by more than its step.
                for window in &schedule.windows {
                    prop_assert!(now.duration_since(window.passed) < step(window.age));
                }
            }
        }
    }
}
