//! Which sequences have a disposition.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// A set of sequences as runs without a gap: as large as the books are wrong, not as they are long.
#[derive(Debug, Default)]
pub(super) struct Sequences {
    /// First and last of each run.
    runs: BTreeMap<u64, u64>,
}

/// More gaps than that cannot be told one by one: some 64 MiB.
const RUNS_MAX: usize = 1_000_000;

#[derive(Debug, thiserror::Error)]
#[error("more than {RUNS_MAX} gaps between the sequences that have a disposition")]
pub struct TooManyGaps;

impl Sequences {
    /// Whether it was not there before.
    pub(super) fn insert(&mut self, sequence: u64) -> Result<bool, TooManyGaps> {
        let before = self.runs.range(..=sequence).next_back();
        let before = before.map(|(&first, &last)| (first, last));
        if before.is_some_and(|(_, last)| sequence <= last) {
            return Ok(false);
        }
        let first = match before {
            Some((first, last)) if last + 1 == sequence => first,
            _ => sequence,
        };
        let last = self.runs.remove(&sequence.saturating_add(1));
        self.runs.insert(first, last.unwrap_or(sequence));
        if self.runs.len() > RUNS_MAX {
            return Err(TooManyGaps);
        }
        Ok(true)
    }

    /// What of `range` is missing.
    pub(super) fn gaps(&self, range: RangeInclusive<u64>) -> Vec<RangeInclusive<u64>> {
        let mut gaps = Vec::new();
        let mut next = *range.start();
        for (&first, &last) in &self.runs {
            if first > *range.end() {
                break;
            }
            if first > next {
                gaps.push(next..=first - 1);
            }
            next = next.max(last + 1);
        }
        if next <= *range.end() {
            gaps.push(next..=*range.end());
        }
        gaps
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_set_that_knows_what_it_lacks(
            inserted in prop::collection::vec(1_u64..60, 0..80),
            first in 1_u64..70,
            length in 0_u64..70,
        ) {
            let mut sequences = Sequences::default();
            let mut model = BTreeSet::new();
            for sequence in inserted {
                prop_assert_eq!(sequences.insert(sequence).unwrap(), model.insert(sequence));
            }
            let range = first..=first + length;
            let gaps: Vec<u64> = sequences.gaps(range.clone()).into_iter().flatten().collect();
            let missing: Vec<u64> = range.filter(|it| !model.contains(it)).collect();
            prop_assert_eq!(gaps, missing);
        }
    }
}
