//! Sequences that the stream gave out again, to envelopes that nobody settled.
//!
//! A server that lost the end of a stream gives its sequences to other envelopes, and the consumer, who
//! is past them, passes these over. The tables have rows under those sequences, those of the lost
//! envelopes, so there is no gap; the times tell. To compare every one of them would be to read the whole
//! stream. But between the last of the lost envelopes and the one behind it a server ended and
//! began, and took in as many others: the longest pauses are where to look. Where some of the others were
//! delivered all the same (the consumer was behind the tables, or repeats what was not acknowledged), or
//! the server's clock has gone back, rows that follow one another in time do not follow one another in
//! sequence: there, too.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::RangeInclusive;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use tokio_postgres::Client;

use super::scope::Scope;
use super::{OVERLAP, ReconcileError};
use crate::broker::fetch::Witness;
use crate::store::books::has_disposition;

/// Pauses that are looked at, and breaks.
const PLACES_MAX: usize = 100_000;

/// No server is back sooner, not even when only its process has ended.
const PAUSE_MIN: SignedDuration = SignedDuration::from_millis(100);

/// Few machines are back sooner. Those of so long are all looked at, up to a bound that four and a half
/// days do not reach: there is no more than one in each second. Beyond it they are counted.
const PAUSE_LONG: SignedDuration = SignedDuration::from_secs(1);
const LONG_PAUSES_MAX: usize = 400_000;

/// Where sequences may have been passed over, by what the rows show.
#[derive(Debug)]
pub(super) struct Suspects {
    /// The first that the stream still has: of what is below it nothing can be told.
    oldest: u64,
    /// The longest pauses behind a row, the shortest of them first.
    pauses: BinaryHeap<Reverse<Pause>>,
    /// The sequence below each row that does not have the one behind that of the row before it.
    breaks: Vec<u64>,
    /// Breaks that are not among them, and long pauses that are not.
    left_out: u64,
    last: Option<(Timestamp, u64)>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Pause {
    length: SignedDuration,
    /// The row before it.
    stored_at: Timestamp,
    sequence: u64,
}

impl Suspects {
    pub(super) fn since(oldest: u64) -> Self {
        Self {
            oldest,
            pauses: BinaryHeap::new(),
            breaks: Vec::new(),
            left_out: 0,
            last: None,
        }
    }

    /// The next row, by its time and then its sequence.
    pub(super) fn pass(&mut self, stored_at: Timestamp, sequence: u64) {
        let Some((before, last)) = self.last.replace((stored_at, sequence)) else {
            return;
        };
        self.add(stored_at.duration_since(before), before, last);
        let below = sequence - 1;
        if below == last || below < self.oldest {
            return;
        }
        if self.breaks.len() < PLACES_MAX {
            self.breaks.push(below);
        } else {
            self.left_out += 1;
        }
    }

    fn add(&mut self, length: SignedDuration, stored_at: Timestamp, sequence: u64) {
        if length < PAUSE_MIN || sequence < self.oldest {
            return;
        }
        self.pauses.push(Reverse(Pause {
            length,
            stored_at,
            sequence,
        }));
        let shortest = self.pauses.peek();
        let is_long = shortest.is_some_and(|it| it.0.length >= PAUSE_LONG);
        let max = if is_long { LONG_PAUSES_MAX } else { PLACES_MAX };
        if self.pauses.len() > max {
            self.pauses.pop();
            self.left_out += u64::from(is_long);
        }
    }

    /// The sequences to ask about, the highest first; each with the time of its row, if that is what it
    /// was found by.
    fn places(mut self) -> Vec<(u64, Option<Timestamp>)> {
        if let Some((stored_at, sequence)) = self.last.take() {
            // What comes behind the last is not known: it may be any time.
            self.add(SignedDuration::MAX, stored_at, sequence);
        }
        let pauses = self.pauses.into_iter();
        let pauses = pauses.map(|Reverse(pause)| (pause.sequence, Some(pause.stored_at)));
        let breaks = self.breaks.into_iter().map(|below| (below, None));
        let mut places: Vec<_> = pauses.chain(breaks).collect();
        places.sort_unstable_by_key(|place| Reverse(*place));
        places
    }

    /// Where the stream has envelopes without a disposition under sequences of others; `unchecked` is told
    /// what there was too much of to look at.
    pub(super) async fn reused(
        self,
        scope: &Scope<'_>,
        client: &Client,
        witness: &Witness<'_>,
        unchecked: &mut Vec<String>,
    ) -> Result<Vec<RangeInclusive<u64>>, ReconcileError> {
        let sight = Sight {
            stream: scope.stream,
            client,
            witness,
        };
        if self.left_out > 0 {
            let left_out = self.left_out;
            unchecked.push(format!(
                "{left_out} more breaks and long pauses between sequences"
            ));
        }
        let places = self.places().into_iter();
        let places = places.filter(|(sequence, _)| *sequence >= scope.first);
        let found: Vec<u64> = stream::iter(places)
            .map(async |(sequence, stored_at)| {
                let another = sight.is_another(sequence, stored_at).await?;
                Ok::<_, ReconcileError>(another.then_some(sequence))
            })
            .buffered(OVERLAP)
            .try_filter_map(async |found| Ok(found))
            .try_collect()
            .await?;
        let mut reused: Vec<RangeInclusive<u64>> = Vec::new();
        for last in found {
            if reused.last().is_none_or(|above| last < *above.start()) {
                let lowest = last.saturating_sub(PLACES_MAX as u64).max(scope.first);
                let first = sight.first_of_run(lowest, last).await?;
                if first == lowest && lowest > scope.first {
                    unchecked.push(format!("how far below {lowest} envelopes were passed over"));
                }
                reused.push(first..=last);
            }
        }
        Ok(reused)
    }
}

/// The stream and the tables beside one another.
struct Sight<'a> {
    stream: &'a str,
    client: &'a Client,
    witness: &'a Witness<'a>,
}

impl Sight<'_> {
    /// Whether the stream has an envelope under this sequence that has no disposition; `row`: the time of
    /// one that has.
    async fn is_another(
        &self,
        sequence: u64,
        row: Option<Timestamp>,
    ) -> Result<bool, ReconcileError> {
        let Some(envelope) = self.witness.fetch(self.stream, sequence).await? else {
            return Ok(false);
        };
        let key = envelope.identity.row_key();
        if Some(key.stored_at) == row {
            return Ok(false);
        }
        Ok(!has_disposition(self.client, &key).await?)
    }

    /// Where the run of them begins that ends with `last`.
    async fn first_of_run(&self, lowest: u64, last: u64) -> Result<u64, ReconcileError> {
        let mut below = stream::iter((lowest..last).rev())
            .map(|sequence| self.is_another(sequence, None))
            .buffered(OVERLAP);
        let mut first = last;
        while let Some(another) = below.next().await {
            if !another? {
                break;
            }
            first -= 1;
        }
        Ok(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn sequences(places: &[(u64, Option<Timestamp>)]) -> Vec<u64> {
        places.iter().map(|place| place.0).collect()
    }

    #[test]
    fn the_rows_before_the_longest_pauses_are_asked_about_and_the_last_always() {
        let (mut suspects, mut time) = (Suspects::since(1), 0);
        let last = 5 * LONG_PAUSES_MAX as u64;
        for sequence in 1..=last {
            // Behind each fifth row it is a second longer.
            time += if sequence % 5 == 1 { 2 } else { 1 };
            suspects.pass(at(time), sequence);
        }
        assert_eq!(suspects.left_out, last - 1 - LONG_PAUSES_MAX as u64);
        let places = suspects.places();
        assert_eq!(places.len(), LONG_PAUSES_MAX);
        assert_eq!(places[0], (last, Some(at(time))));
        assert!(places[1..].iter().all(|(sequence, _)| sequence % 5 == 0));
        assert!(places.is_sorted_by(|one, next| one > next));
    }

    #[test]
    fn of_short_pauses_fewer_are_asked_about_than_of_long_ones() {
        let (mut suspects, mut time) = (Suspects::since(1), Timestamp::UNIX_EPOCH);
        let rows = LONG_PAUSES_MAX as u64;
        for sequence in 1..=rows {
            time += PAUSE_MIN + SignedDuration::from_nanos(i64::try_from(sequence).unwrap());
            suspects.pass(time, sequence);
        }
        assert_eq!(suspects.left_out, 0);
        let places = suspects.places();
        assert_eq!(places.len(), PLACES_MAX);
        let lowest = rows + 1 - PLACES_MAX as u64;
        assert!(places.iter().all(|place| place.0 >= lowest));
    }

    #[test]
    fn of_few_rows_all_are_asked_about_but_those_right_before_another() {
        let mut suspects = Suspects::since(1);
        for (time, sequence) in [(7, 1), (8, 2), (8, 3), (9, 4)] {
            suspects.pass(at(time), sequence);
        }
        assert_eq!(sequences(&suspects.places()), [4, 3, 1]);
        assert_eq!(Suspects::since(1).places(), []);
    }

    #[test]
    fn what_lies_below_a_break_is_asked_about() {
        let mut suspects = Suspects::since(100);
        // Those not acknowledged are delivered again, with what lies under their sequences now.
        for (time, sequence) in (1..).zip([98, 20, 139, 140, 141, 150, 140, 145, 146, 151]) {
            suspects.pass(at(time), sequence);
        }
        let mut places = suspects.places();
        places.retain(|place| place.1.is_none());
        assert_eq!(sequences(&places), [150, 149, 144, 139, 138]);
    }

    #[test]
    fn breaks_are_bounded() {
        let mut suspects = Suspects::since(1);
        for _ in 0..=PLACES_MAX {
            suspects.pass(at(1), 5_000);
            suspects.pass(at(1), 10);
        }
        assert_eq!(suspects.breaks.len(), PLACES_MAX);
        assert_eq!(suspects.left_out, 1 + PLACES_MAX as u64);
    }
}
