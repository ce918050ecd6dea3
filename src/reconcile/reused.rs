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

use jiff::{SignedDuration, Timestamp};
use tokio_postgres::Client;

use super::ReconcileError;
use super::books::has_disposition;
use super::scope::Scope;
use crate::broker::fetch::Witness;

/// Pauses that are looked at, and steps back; with no more envelopes than that, every one of them.
const PLACES_MAX: usize = 1_000;

/// Where sequences may have been passed over, by what the rows show.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    /// The longest pauses behind a row, the shortest of them first.
    pauses: BinaryHeap<Reverse<Pause>>,
    /// The sequence below each row that has a lower sequence than the one before it.
    steps_back: Vec<u64>,
    /// Steps back that are not among them.
    untold: u64,
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
            self.untold += 1;
        }
    }

    fn add(&mut self, length: SignedDuration, stored_at: Timestamp, sequence: u64) {
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
        (self.untold > 0).then(|| {
            format!(
                "{} more places where sequences step back in time",
                self.untold
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
        let stream = Stream {
            name: scope.stream,
            client,
            witness,
        };
        let mut reused: Vec<RangeInclusive<u64>> = Vec::new();
        for (sequence, stored_at) in self.places() {
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
        let (mut suspects, mut time) = (Suspects::default(), 0);
        for sequence in 1..=5_000 {
            // Behind each fifth row it is a second longer.
            time += if sequence % 5 == 1 { 2 } else { 1 };
            suspects.pass(at(time), sequence);
        }
        let places = suspects.places();
        assert_eq!(places.len(), PLACES_MAX);
        assert_eq!(places[0], (5_000, Some(at(time))));
        assert!(places[1..].iter().all(|(sequence, _)| sequence % 5 == 0));
        assert!(places.is_sorted_by(|one, next| one > next));
    }

    #[test]
    fn of_few_rows_all_are_asked_about() {
        let mut suspects = Suspects::default();
        for sequence in 1..=3 {
            suspects.pass(at(7), sequence);
        }
        assert_eq!(sequences(&suspects.places()), [3, 2, 1]);
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
    fn steps_back_beyond_a_thousand_are_counted_and_said() {
        let mut suspects = Suspects::default();
        for pair in 1..=1_002 {
            suspects.pass(at(pair), 5_000);
            suspects.pass(at(pair), 10);
        }
        assert!(suspects.unchecked().unwrap().starts_with("2 more places"));
        assert_eq!(Suspects::default().unchecked(), None);
    }
}
