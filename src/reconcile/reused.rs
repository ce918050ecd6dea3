//! Sequences that the stream gave out again, to envelopes that nobody settled.
//!
//! A server that lost the end of a stream gives its sequences to other envelopes, and the consumer, who
//! is past them, passes these over. The tables have rows under those sequences, those of the lost
//! envelopes, so there is no gap; the times tell. To compare every one of them would be to read the whole
//! stream. But between the last of the lost envelopes and the one behind it a server ended and
//! began, and took in as many others: the longest pauses are where to look. A consumer that was behind
//! the tables is given the last of the others: there the sequences step back.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::RangeInclusive;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use tokio_postgres::Client;

use super::scope::Scope;
use super::{OVERLAP, ReconcileError};
use crate::broker::fetch::Witness;
use crate::store::story;

/// Pauses that are looked at, and steps back. Of receipts that come by chance, however many, fewer pauses
/// of 72 hours are longer than a second (at most 72 h / 1 s / e), and no server is back sooner.
const PLACES_MAX: usize = 100_000;

/// Shorter than a server can end and begin: with nothing but these, nothing is asked.
const PAUSE_MIN: SignedDuration = SignedDuration::from_millis(100);

/// Where sequences may have been passed over, by what the rows show.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    /// The longest pauses behind a row, the shortest of them first.
    pauses: BinaryHeap<Reverse<Pause>>,
    /// The sequence below each row that has a lower sequence than the one before it.
    steps_back: Vec<u64>,
    /// Steps back that are not among them.
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
    /// The next row, by its time and then its sequence.
    pub(super) fn pass(&mut self, stored_at: Timestamp, sequence: u64) {
        let Some((before, last)) = self.last.replace((stored_at, sequence)) else {
            return;
        };
        self.add(stored_at.duration_since(before), before, last);
        if sequence > last {
            return;
        }
        if self.steps_back.len() < PLACES_MAX {
            self.steps_back.push(sequence - 1);
        } else {
            self.left_out += 1;
        }
    }

    fn add(&mut self, length: SignedDuration, stored_at: Timestamp, sequence: u64) {
        if length < PAUSE_MIN {
            return;
        }
        self.pauses.push(Reverse(Pause {
            length,
            stored_at,
            sequence,
        }));
        if self.pauses.len() > PLACES_MAX {
            self.pauses.pop();
        }
    }

    /// What there were too many of to look at.
    pub(super) fn unchecked(&self) -> Option<String> {
        (self.left_out > 0).then(|| {
            format!(
                "{} more places where sequences step back in time",
                self.left_out
            )
        })
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
        let steps_back = self.steps_back.into_iter().map(|below| (below, None));
        let mut places: Vec<_> = pauses.chain(steps_back).collect();
        places.sort_unstable_by_key(|place| Reverse(*place));
        places
    }

    /// Where the stream has envelopes without a disposition under sequences of others.
    pub(super) async fn reused(
        self,
        scope: &Scope<'_>,
        client: &Client,
        witness: &Witness<'_>,
    ) -> Result<Vec<RangeInclusive<u64>>, ReconcileError> {
        let sight = Sight {
            stream: scope.stream,
            client,
            witness,
        };
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
                reused.push(sight.first_of_run(scope.first, last).await?..=last);
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
        Ok(!story::read(self.client, &key).await?.have_disposition())
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
        let (mut suspects, mut time) = (Suspects::default(), 0);
        let last = 5 * PLACES_MAX as u64;
        for sequence in 1..=last {
            // Behind each fifth row it is a second longer.
            time += if sequence % 5 == 1 { 2 } else { 1 };
            suspects.pass(at(time), sequence);
        }
        let places = suspects.places();
        assert_eq!(places.len(), PLACES_MAX);
        assert_eq!(places[0], (last, Some(at(time))));
        assert!(places[1..].iter().all(|(sequence, _)| sequence % 5 == 0));
        assert!(places.is_sorted_by(|one, next| one > next));
    }

    #[test]
    fn of_few_rows_all_are_asked_about_but_those_right_before_another() {
        let mut suspects = Suspects::default();
        for (time, sequence) in [(7, 1), (8, 2), (8, 3), (9, 4)] {
            suspects.pass(at(time), sequence);
        }
        assert_eq!(sequences(&suspects.places()), [4, 3, 1]);
        assert_eq!(Suspects::default().places(), []);
    }

    #[test]
    fn what_lies_below_a_step_back_is_asked_about() {
        let mut suspects = Suspects::default();
        for (time, sequence) in (1..).zip([154, 155, 157, 156, 157, 158]) {
            suspects.pass(at(time), sequence);
        }
        let places = suspects.places();
        let steps: Vec<_> = places.iter().filter(|place| place.1.is_none()).collect();
        assert_eq!(steps, [&(155, None)]);
    }

    #[test]
    fn steps_back_beyond_the_bound_are_counted_and_said() {
        let mut suspects = Suspects::default();
        for _ in 0..PLACES_MAX + 2 {
            suspects.pass(at(1), 5_000);
            suspects.pass(at(1), 10);
        }
        assert!(suspects.unchecked().unwrap().starts_with("2 more places"));
        assert_eq!(Suspects::default().unchecked(), None);
    }
}
