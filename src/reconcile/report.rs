//! What was found.

use std::ops::RangeInclusive;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::receipt::ids::EventKind;

/// How many, and the first of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Sample {
    pub count: u64,
    pub first: Vec<u64>,
}

impl Sample {
    const MAX: usize = 1_000;

    pub(super) fn add(&mut self, sequence: u64) {
        self.count += 1;
        if self.first.len() < Self::MAX {
            self.first.push(sequence);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// Sequences without a disposition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Gaps {
    pub count: u64,
    pub first: Vec<Gap>,
}

/// Sequences without a disposition, one behind the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Gap {
    #[serde(serialize_with = "as_pair", rename = "sequences")]
    pub range: RangeInclusive<u64>,
    /// Whether the stream still has the first of them, so that its receipt can be had from there.
    pub in_stream: bool,
}

fn as_pair<S: Serializer>(range: &RangeInclusive<u64>, serializer: S) -> Result<S::Ok, S::Error> {
    [range.start(), range.end()].serialize(serializer)
}

impl Gaps {
    const MAX: usize = 1_000;

    pub(super) fn is_full(&self) -> bool {
        self.first.len() >= Self::MAX
    }

    /// Adds what lies behind all that is there; what touches is one gap, if the stream has either or
    /// neither.
    pub(super) fn add(&mut self, range: RangeInclusive<u64>, in_stream: bool) {
        self.count += range.end() - range.start() + 1;
        if let Some(last) = self.first.last_mut()
            && last.in_stream == in_stream
            && last.range.end() + 1 == *range.start()
        {
            last.range = *last.range.start()..=*range.end();
        } else if !self.is_full() {
            self.first.push(Gap { range, in_stream });
        }
    }
}

/// Envelopes by their disposition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Dispositions {
    pub applied: u64,
    pub recorded: u64,
    pub parked: u64,
    pub rejected: u64,
}

/// How those ended that were parked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Parked {
    pub open: u64,
    pub matched: u64,
    pub discarded: u64,
    pub lapsed: u64,
}

/// One output stream against what the tables call for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tally {
    pub stream: String,
    /// Messages read; fewer than events where they are packed.
    pub messages: u64,
    /// Events whose receipt was found, each counted once.
    pub found: u64,
    /// Stored again under an id that is there: consumers drop these by the contract.
    pub repeated: u64,
    /// Of another deployment.
    pub foreign: u64,
    /// Events whose receipt was stored before what is checked, or settled after it.
    pub of_others: u64,
    /// Inbound sequences of receipts whose event is not there.
    pub missing: Sample,
    /// Sequences, in this stream, of events without their receipt, with another id than theirs, or
    /// that cannot be read.
    pub unexpected: Sample,
    /// Events of decisions that are older than what the stream holds.
    pub too_old: u64,
}

impl Tally {
    fn is_accounted_for(&self) -> bool {
        self.missing.is_empty() && self.unexpected.is_empty()
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Events {
    pub billing: Tally,
    pub webhook: Tally,
    pub unmatched: Tally,
}

impl Events {
    pub(super) fn of(&mut self, kind: EventKind) -> &mut Tally {
        match kind {
            EventKind::Billing => &mut self.billing,
            EventKind::Webhook => &mut self.webhook,
            EventKind::Unmatched => &mut self.unmatched,
        }
    }

    pub fn all(&self) -> [&Tally; 3] {
        [&self.billing, &self.webhook, &self.unmatched]
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// Everything was checked, and all is accounted for.
    Accounted,
    /// Something is missing, there twice, or contradicts itself.
    Amiss,
    /// Nothing amiss was found, but not everything could be checked.
    Unchecked,
}

/// What was checked, and what was found.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub stream: String,
    /// First sequence that was checked; it was stored at `since` or later.
    pub first: u64,
    pub since: Timestamp,
    /// Last sequence that was checked: up to here the consumer's envelopes are settled without a gap.
    pub last: u64,
    pub checked: u64,
    /// Envelopes behind it, of which nothing is said.
    pub unsettled: u64,
    pub verdict: Verdict,
    pub dispositions: Dispositions,
    pub parked: Parked,
    pub without_disposition: Gaps,
    /// Sequences with more than one.
    pub with_several: Sample,
    /// Sequences whose rows contradict one another: such as a resolution of what was never parked.
    pub contradictory: Sample,
    /// Sequences of receipts that gave a message a status which it had been given before.
    pub applied_twice: Sample,
    /// Sequences with rows of two envelopes: the stream gave them out again.
    pub of_another_time: u64,
    pub events: Events,
    /// What could not be checked, and why.
    pub unchecked: Vec<String>,
}

impl Report {
    pub(super) fn judge(&mut self) {
        for tally in self.events.all() {
            if tally.too_old > 0 {
                self.unchecked.push(format!(
                    "{} events of decisions older than what stream {} holds",
                    tally.too_old, tally.stream
                ));
            }
        }
        if self.checked == 0 {
            self.unchecked
                .push("no settled envelope to check".to_owned());
        }
        let amiss = self.without_disposition.count > 0
            || !self.with_several.is_empty()
            || !self.contradictory.is_empty()
            || !self.applied_twice.is_empty()
            || !self.events.all().into_iter().all(Tally::is_accounted_for);
        self.verdict = if amiss {
            Verdict::Amiss
        } else if self.unchecked.is_empty() {
            Verdict::Accounted
        } else {
            Verdict::Unchecked
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reconcile::scope::Scope;

    #[test]
    fn one_fault_of_any_sort_is_enough() {
        let faults: [fn(&mut Report); 6] = [
            |report| report.without_disposition.add(1..=1, true),
            |report| report.with_several.add(1),
            |report| report.contradictory.add(1),
            |report| report.applied_twice.add(1),
            |report| report.events.billing.missing.add(1),
            |report| report.events.unmatched.unexpected.add(1),
        ];
        let mut report = Scope::of(1..=1).report();
        report.judge();
        assert_eq!(report.verdict, Verdict::Accounted);
        for fault in faults {
            let mut report = Scope::of(1..=1).report();
            fault(&mut report);
            report.judge();
            assert_eq!(report.verdict, Verdict::Amiss, "{report:?}");
        }
    }

    #[test]
    fn sequences_one_behind_the_other_are_one_gap() {
        let mut gaps = Gaps::default();
        for (range, in_stream) in [
            (3..=3, false),
            (4..=4, true),
            (5..=5, true),
            (6..=9, true),
            (11..=11, true),
        ] {
            gaps.add(range, in_stream);
        }
        let told = gaps.first.into_iter().map(|it| (it.range, it.in_stream));
        let told: Vec<_> = told.collect();
        assert_eq!(told, [(3..=3, false), (4..=9, true), (11..=11, true)]);
        assert_eq!(gaps.count, 8);
    }
}
