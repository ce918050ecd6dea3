//! The clock that a carrier's dates follow, from dates and the times at which they came.
//!
//! Dates of receipts name no zone. Read in the wrong one, all of them are off by the same whole
//! offset, while honest delay differs from one receipt to the next.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// Dates below which nothing is said.
pub(super) const DATES_MIN: usize = 20;
/// Percent of the dates that have to agree.
pub(super) const AGREE_MIN: usize = 80;

/// A delivery is reported at most so long after it, by most of those that agree; with
/// [`EARLY_MAX`] less than a quarter of an hour, so that no date fits two offsets.
const LATE_MAX: i64 = 10 * 60;
/// How far a carrier's clock may be ahead of ours.
const EARLY_MAX: i64 = 2 * 60;

const QUARTER: i64 = 15 * 60;

/// Dates that lie behind may have been held back together: what was delivered within minutes and
/// told hours later is off by one whole offset too. So they have to have come over so long a time.
/// Dates that lie ahead cannot be explained by any delay.
const SPREAD_MIN: i64 = 3 * 3_600;

/// Zones that are in use and no whole hour from UTC, in quarters of an hour.
const BROKEN: [i32; 13] = [-38, -14, -10, 14, 18, 22, 23, 26, 35, 38, 42, 51, 55];

/// How far a carrier's clock is from the one its dates are read by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Skew {
    pub dates: usize,
    /// What half of the dates are ahead of the receipts that bring them by; negative for those that
    /// lie behind, as a date should by a little.
    pub median_seconds: i64,
    /// The offset from UTC that would explain them, in minutes: `None` when they are explained by
    /// the present one or by none.
    pub offset_minutes: Option<i32>,
    /// How many dates that offset explains; without one, the present one.
    pub explained: usize,
}

/// `dates` are pairs of what a receipt says (read with `offset_now`, in quarters of an hour from
/// UTC) and when it came.
pub(super) fn skew(
    dates: impl IntoIterator<Item = (Timestamp, Timestamp)>,
    offset_now: i32,
) -> Option<Skew> {
    let mut ahead = Vec::new();
    let mut span: Option<(i64, i64)> = None;
    for (said, came) in dates {
        ahead.push(came.duration_until(said).as_secs());
        let came = came.as_second();
        let (first, last) = span.unwrap_or((came, came));
        span = Some((first.min(came), last.max(came)));
    }
    ahead.sort_unstable();
    let median_seconds = *ahead.get(ahead.len() / 2)?;
    // Those that an offset explains are 12 minutes wide, so the median is among them or nothing is.
    let quarters = i32::try_from((median_seconds + LATE_MAX).div_euclid(QUARTER)).ok()?;
    let explained = ahead
        .iter()
        .filter(|ahead| {
            let off = **ahead - i64::from(quarters) * QUARTER;
            (-LATE_MAX..=EARLY_MAX).contains(&off)
        })
        .count();
    let spread = span.map_or(0, |(first, last)| last - first);
    let enough = ahead.len() >= DATES_MIN
        && explained * 100 >= ahead.len() * AGREE_MIN
        && (quarters > 0 || spread >= SPREAD_MIN);
    let offset = offset_now + quarters;
    let proposed = quarters != 0 && enough && is_in_use(offset);
    let present = || {
        let fits = |ahead: &&i64| (-LATE_MAX..=EARLY_MAX).contains(*ahead);
        ahead.iter().filter(fits).count()
    };
    Some(Skew {
        dates: ahead.len(),
        median_seconds,
        offset_minutes: proposed.then_some(offset * 15),
        explained: if proposed { explained } else { present() },
    })
}

fn is_in_use(quarters: i32) -> bool {
    BROKEN.contains(&quarters) || (quarters % 4 == 0 && (-48..=56).contains(&quarters))
}

/// In quarters of an hour; `None` for a clock that is no whole number of them from UTC.
pub(super) fn quarters(offset: SignedDuration) -> Option<i32> {
    let seconds = offset.as_secs();
    (seconds % QUARTER == 0)
        .then(|| i32::try_from(seconds / QUARTER).ok())
        .flatten()
}

/// As profiles name it.
pub(super) fn name(minutes: i32) -> String {
    let sign = if minutes < 0 { '-' } else { '+' };
    let minutes = minutes.abs();
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_offset_that_is_proposed_is_one_that_profiles_take() {
        let offsets = (-60..=60).filter(|quarters| is_in_use(*quarters));
        for quarters in offsets {
            let name = name(quarters * 15);
            let document = serde_json::json!({"timeZone": name});
            let profile = crate::receipt::profile::Profile::parse(&document, 1).unwrap();
            let offset = profile.time_zone.to_offset(Timestamp::UNIX_EPOCH);
            assert_eq!(offset.seconds(), quarters * 900, "{name}");
        }
    }

    const NOW: i64 = 1_790_000_000;

    /// Dates `offset` seconds ahead, each as late as its turn in `lateness`.
    fn dates(offset: i64, lateness: &[i64]) -> Vec<(Timestamp, Timestamp)> {
        let at = |second| Timestamp::from_second(second).unwrap();
        let pairs = (0_i64..100).zip(lateness.iter().cycle());
        pairs
            .map(|(n, late)| (at(NOW + 120 * n + offset - late), at(NOW + 120 * n)))
            .collect()
    }

    const USUAL: [i64; 5] = [3, 20, 45, 200, 5];

    #[test]
    fn a_clock_two_hours_ahead_is_a_zone() {
        let skew = skew(dates(7_200, &USUAL), 0).unwrap();
        assert_eq!((skew.offset_minutes, skew.explained), (Some(120), 100));
    }

    #[test]
    fn half_hours_and_quarters_are_zones_where_somebody_lives_by_them() {
        for (offset, expected) in [
            (19_800, Some(330)),
            (20_700, Some(345)),
            (-12_600, Some(-210)),
            (-36_000, Some(-600)),
            (50_400, Some(840)),
            (900, None),
            (-1_800, None),
            (57_600, None),
        ] {
            let skew = skew(dates(offset, &USUAL), 0).unwrap();
            assert_eq!(skew.offset_minutes, expected, "{offset}");
        }
    }

    #[test]
    fn it_is_told_from_the_zone_in_force() {
        assert_eq!(
            skew(dates(-3_600, &USUAL), 8).unwrap().offset_minutes,
            Some(60)
        );
        assert_eq!(
            skew(dates(-7_200, &USUAL), 8).unwrap().offset_minutes,
            Some(0)
        );
    }

    #[test]
    fn delay_is_not_a_zone() {
        let right = skew(dates(0, &USUAL), 0).unwrap();
        assert_eq!((right.offset_minutes, right.explained), (None, 100));
        assert!(right.median_seconds < 0);
        let slow = skew(dates(0, &[4_000, 9_000, 20, 7_000, 12_000, 300]), 0).unwrap();
        assert_eq!(slow.offset_minutes, None);
        // A carrier that reports 20 minutes late, always.
        assert_eq!(
            skew(dates(0, &[1_200, 1_260]), 0).unwrap().offset_minutes,
            None
        );
    }

    #[test]
    fn some_delay_beside_a_wrong_zone_hides_nothing() {
        let skew = skew(dates(7_200, &[3, 20, 45, 30_000, 5, 10]), 0).unwrap();
        assert_eq!(skew.offset_minutes, Some(120));
        assert!((80..90).contains(&skew.explained));
    }

    #[test]
    fn what_was_held_back_and_came_at_once_is_no_zone() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let held_back = |by: i64| (0..100).map(move |n| (at(NOW + n - by), at(NOW + n)));
        assert_eq!(skew(held_back(7_200), 0).unwrap().offset_minutes, None);
        // Nothing is told before it has happened.
        assert_eq!(
            skew(held_back(-7_200), 0).unwrap().offset_minutes,
            Some(120)
        );
    }

    #[test]
    fn few_dates_prove_nothing() {
        let few = dates(7_200, &USUAL).into_iter().take(DATES_MIN - 1);
        assert_eq!(skew(few, 0).unwrap().offset_minutes, None);
        assert_eq!(skew([], 0), None);
    }
}
