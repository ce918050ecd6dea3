//! What did match: lately, and around the time from which the parked receipts are.

use std::ops::Range;

use jiff::{SignedDuration, Timestamp};

use crate::diagnosis::rules::Rules;
use crate::diagnosis::today::{Today, hold};
use crate::receipt::sources::IdSource;
use crate::store::StoreError;
use crate::store::studies::{Decided, Studies};

/// How far back receipts are looked at.
const LATELY: SignedDuration = SignedDuration::from_hours(24);
/// Stretches of that time, and receipts of each: there is no index by carrier, so from each the
/// first few of all carriers are taken.
const LATELY_IN: (i64, u32) = (40, 1_250);
const TODAY_IN: (i64, u32) = (20, 1_000);

/// One carrier's receipts are looked for back from now, in stretches of which each is as long as all
/// before it: what came last tells the most. So many receipts of each are looked through, and so
/// many taken.
const FIRST_STRETCH: SignedDuration = SignedDuration::from_mins(1);
const OF_CARRIER_IN: (u32, u32) = (20_000, 1_000);

/// Ids of a carrier's receipts that matched lately.
#[derive(Default)]
pub(super) struct MatchedLately {
    pub(super) ids: Vec<String>,
    /// All that matched were looked through for them.
    pub(super) complete: bool,
}

pub(super) struct Around<'a> {
    pub(super) studies: &'a Studies,
}

/// What matched beside what was parked, in the same stretches of time.
pub(super) struct Beside {
    pub(super) held: Today,
    pub(super) parked: usize,
}

impl Around<'_> {
    /// Receipts of all carriers.
    pub(super) async fn lately(&self, now: Timestamp) -> Result<Vec<Decided>, StoreError> {
        let (parts, each) = LATELY_IN;
        let mut decided = Vec::new();
        for part in split(&(now - LATELY..now), parts) {
            decided.extend(self.studies.decided(&part, each).await?);
        }
        Ok(decided)
    }

    /// Receipts of one carrier, however few of all they are.
    pub(super) async fn matched_lately(
        &self,
        carrier: &str,
        now: Timestamp,
    ) -> Result<MatchedLately, StoreError> {
        let (scanned, each) = OF_CARRIER_IN;
        let mut lately = MatchedLately {
            ids: Vec::new(),
            complete: true,
        };
        // Clocks differ.
        let mut end = now + SignedDuration::from_hours(1);
        let mut age = FIRST_STRETCH;
        loop {
            let start = now - age.min(LATELY);
            let stretch = start..end;
            let found = self.studies.matched(&stretch, carrier, scanned, each);
            let found = found.await?;
            lately.complete &= found.scanned < u64::from(scanned);
            lately.ids.extend(found.ids);
            if age >= LATELY {
                return Ok(lately);
            }
            (end, age) = (start, age * 2);
        }
    }

    /// Whether what matched in `span` would still match.
    pub(super) async fn today(
        &self,
        carrier: &str,
        span: &Range<Timestamp>,
        usual: &[IdSource],
        in_force: &Rules,
        proposed: &Rules,
    ) -> Result<Beside, StoreError> {
        let (parts, each) = TODAY_IN;
        let mut decided = Vec::new();
        let mut parked = 0;
        for part in split(span, parts) {
            let found = self.studies.decided(&part, each).await?;
            let seen = match found.last() {
                Some(last) if found.len() >= each as usize => part.start..next(last.stored_at),
                _ => part,
            };
            parked += self.studies.parked_between(&seen, carrier).await?;
            decided.extend(found.into_iter().filter(|it| it.carrier == carrier));
        }
        let ids = decided
            .iter()
            .filter_map(|it| it.operator_message_id.as_deref());
        Ok(Beside {
            held: hold(ids, usual, in_force, proposed),
            parked: usize::try_from(parked).unwrap_or(usize::MAX),
        })
    }
}

fn next(at: Timestamp) -> Timestamp {
    at.saturating_add(SignedDuration::from_micros(1))
        .unwrap_or(Timestamp::MAX)
}

/// Parts of equal length, none of them empty.
fn split(range: &Range<Timestamp>, parts: i64) -> Vec<Range<Timestamp>> {
    let (start, end) = (range.start.as_microsecond(), range.end.as_microsecond());
    let length = (end - start).max(1);
    let step = (length / parts).max(1);
    let at = |micros: i64| Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX);
    let mut split = Vec::new();
    let mut from = start;
    while from < start + length {
        let last = split.len() + 1 == usize::try_from(parts).unwrap_or(usize::MAX);
        let to = if last { start + length } else { from + step };
        split.push(at(from)..at(to));
        from = to;
    }
    split
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_touch_and_cover_the_whole() {
        let at = |micros| Timestamp::from_microsecond(micros).unwrap();
        for (length, parts) in [(0, 1), (1, 1), (3, 3), (1_000, 7), (86_400_000_000, 40)] {
            let split = split(&(at(5)..at(5 + length)), parts);
            assert!(split.len() <= usize::try_from(parts).unwrap());
            assert_eq!(split.first().unwrap().start, at(5));
            assert_eq!(split.last().unwrap().end, at(5 + length.max(1)));
            assert!(split.windows(2).all(|pair| pair[0].end == pair[1].start));
        }
    }
}
