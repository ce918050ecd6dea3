//! Sequences that the stream gave out again, to envelopes that nobody settled.
//!
//! A server that lost the end of a stream gives its sequences to other envelopes, and the consumer, who
//! is past them, passes these over. The tables have rows under those sequences, those of the lost
//! envelopes, so there is no gap; the times tell. To compare every one of them would be to read the whole
//! stream. But between the last of the lost envelopes and the one behind it a server ended and
//! began, and took in as many others: the longest pauses are where to look.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::RangeInclusive;

use jiff::{SignedDuration, Timestamp};
use tokio_postgres::Client;

use super::ReconcileError;
use super::books::has_disposition;
use super::scope::Scope;
use super::sequences::Sequences;
use crate::broker::fetch::Witness;

/// Pauses that are looked at; with no more envelopes than that, every one of them.
const PLACES_MAX: usize = 1_000;

/// The longest pauses behind an envelope's row.
#[derive(Debug, Default)]
pub(super) struct Pauses {
    /// The shortest of them first.
    longest: BinaryHeap<Reverse<Pause>>,
    last: Option<(Timestamp, u64)>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Pause {
    length: SignedDuration,
    /// The row before it.
    stored_at: Timestamp,
    sequence: u64,
}

impl Pauses {
    /// The next row, by its time and then its sequence.
    pub(super) fn pass(&mut self, stored_at: Timestamp, sequence: u64) {
        if let Some((before, sequence)) = self.last.replace((stored_at, sequence)) {
            self.add(stored_at.duration_since(before), before, sequence);
        }
    }

    fn add(&mut self, length: SignedDuration, stored_at: Timestamp, sequence: u64) {
        self.longest.push(Reverse(Pause {
            length,
            stored_at,
            sequence,
        }));
        if self.longest.len() > PLACES_MAX {
            self.longest.pop();
        }
    }

    /// The sequences to ask about, the highest first; each with the time of its row, if that is what it
    /// was found by.
    fn places(mut self, twice: &Sequences) -> Vec<(u64, Option<Timestamp>)> {
        if let Some((stored_at, sequence)) = self.last.take() {
            // What comes behind the last is not known: it may be any time.
            self.add(SignedDuration::MAX, stored_at, sequence);
        }
        let pauses = self.longest.into_iter();
        let pauses = pauses.map(|Reverse(pause)| (pause.sequence, Some(pause.stored_at)));
        // The consumer may have been behind the tables: then the last of the others were settled, and
        // those before them were not.
        let below = twice.runs().map(|run| (run.start() - 1, None));
        let mut places: Vec<_> = pauses.chain(below.take(PLACES_MAX)).collect();
        places.sort_unstable_by_key(|place| Reverse(*place));
        places
    }

    /// Where the stream has envelopes without a disposition under sequences of others. `twice`: those
    /// that both have one.
    pub(super) async fn reused(
        self,
        twice: &Sequences,
        scope: &Scope<'_>,
        client: &Client,
        witness: &Witness<'_>,
    ) -> Result<Vec<RangeInclusive<u64>>, ReconcileError> {
        let stream = Stream {
            name: scope.stream,
            client,
            witness,
        };
        let mut reused: Vec<RangeInclusive<u64>> = Vec::new();
        for (sequence, stored_at) in self.places(twice) {
            let is_below_all = reused.last().is_none_or(|it| sequence < *it.start());
            let is_new = is_below_all && sequence >= scope.first;
            if is_new && stream.holds_another(sequence, stored_at).await? {
                reused.push(stream.first_of_run(scope.first, sequence).await?..=sequence);
            }
        }
        Ok(reused)
    }
}

struct Stream<'a> {
    name: &'a str,
    client: &'a Client,
    witness: &'a Witness<'a>,
}

impl Stream<'_> {
    /// Whether the stream has an envelope under this sequence that has no disposition; `row`: the time of
    /// one that has.
    async fn holds_another(
        &self,
        sequence: u64,
        row: Option<Timestamp>,
    ) -> Result<bool, ReconcileError> {
        let Some(envelope) = self.witness.fetch(self.name, sequence).await? else {
            return Ok(false);
        };
        let key = envelope.identity.row_key();
        Ok(Some(key.stored_at) != row && !has_disposition(self.client, &key).await?)
    }

    /// Where the run of them begins that ends with `last`: backwards in growing strides, then by halves.
    async fn first_of_run(&self, lowest: u64, last: u64) -> Result<u64, ReconcileError> {
        let (mut first, mut before) = (last, lowest.saturating_sub(1));
        let mut stride = Some(1);
        while first - before > 1 {
            let look = match stride {
                Some(stride) => first.saturating_sub(stride).max(before + 1),
                None => before + (first - before) / 2,
            };
            if self.holds_another(look, None).await? {
                first = look;
                stride = stride.map(|it| it * 2);
            } else {
                before = look;
                stride = None;
            }
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
        let (mut pauses, mut time) = (Pauses::default(), 0);
        for sequence in 1..=5_000 {
            // Behind each fifth row it is a second longer.
            time += if sequence % 5 == 1 { 2 } else { 1 };
            pauses.pass(at(time), sequence);
        }
        let places = pauses.places(&Sequences::default());
        assert_eq!(places.len(), PLACES_MAX);
        assert_eq!(places[0], (5_000, Some(at(time))));
        assert!(places[1..].iter().all(|(sequence, _)| sequence % 5 == 0));
        assert!(places.is_sorted_by(|one, next| one > next));
    }

    #[test]
    fn of_few_rows_all_are_asked_about() {
        let mut pauses = Pauses::default();
        for sequence in 1..=3 {
            pauses.pass(at(7), sequence);
        }
        let places = pauses.places(&Sequences::default());
        assert_eq!(sequences(&places), [3, 2, 1]);
        assert_eq!(Pauses::default().places(&Sequences::default()), []);
    }

    #[test]
    fn what_lies_below_sequences_of_two_envelopes_is_asked_about() {
        let mut twice = Sequences::default();
        for sequence in [156, 157, 158, 40] {
            twice.insert(sequence).unwrap();
        }
        let places = Pauses::default().places(&twice);
        assert_eq!(sequences(&places), [155, 39]);
    }
}
