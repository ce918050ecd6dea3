//! Which envelopes are checked.

use jiff::Timestamp;
use tokio_postgres::Client;

use super::ReconcileError;
use super::report::{Dispositions, Events, Gaps, Parked, Report, Sample, Verdict};
use super::told::first_since;
use crate::broker::fetch::{Extent, FetchError, Witness};
use crate::config::Streams;
use crate::store::books;

/// A range of sequences of the inbound stream; empty when `last` is below `first`.
pub(super) struct Scope<'a> {
    pub(super) stream: &'a str,
    pub(super) first: u64,
    /// Up to here everything is settled: the consumer's ack floor.
    pub(super) last: u64,
    /// What is in the range was stored at this time or later, by the server's clock.
    pub(super) from: Timestamp,
    /// What the stream held then.
    pub(super) extent: Extent,
    settled: u64,
    /// From here on there are rows or messages; what was stored shortly before is not known to either.
    unknown_before: Option<u64>,
}

impl<'a> Scope<'a> {
    pub(super) async fn measure(
        streams: &'a Streams,
        since: Option<Timestamp>,
        client: &Client,
        witness: &Witness<'_>,
    ) -> Result<Self, ReconcileError> {
        let stream = streams.inbound.as_str();
        // Before anything else is read: what is settled by now has its rows and events.
        let settled = witness.settled_through(stream, &streams.consumer).await?;
        let extent = witness.extent(stream).await?;
        let oldest = witness.fetch_from(stream, extent.first).await?;
        let oldest = oldest.map(|message| message.identity);
        let mut unknown_before = None;
        let (first, from) = match (since, &oldest) {
            (None, None) => (extent.last + 1, extent.created),
            // Not the extent's own first, which may have aged out since.
            (None, Some(oldest)) => (oldest.sequence, oldest.stored_at()),
            (Some(since), Some(oldest)) if since > oldest.stored_at() => {
                let held = (extent.first, extent.last);
                (first_since(witness, stream, held, since).await?, since)
            }
            // What was stored before the stream was made has the sequences of another one.
            (Some(since), _) if since <= extent.created => (1, extent.created),
            // The stream no longer has the first of them; the tables do.
            (Some(since), _) => {
                let before = books::last_between(client, stream, extent.created, since).await?;
                if let Some(before) = before {
                    (before + 1, since)
                } else {
                    let first = books::first_since(client, stream, since).await?;
                    let first = first.map_or(extent.first, |it| it.min(extent.first));
                    unknown_before = (first > 1).then_some(first);
                    (first, since)
                }
            }
        };
        Ok(Self {
            stream,
            first,
            last: settled.min(extent.last),
            from,
            extent,
            settled,
            unknown_before,
        })
    }

    pub(super) fn contains(&self, sequence: u64) -> bool {
        (self.first..=self.last).contains(&sequence)
    }

    /// About as many as will be met, settled or not.
    pub(super) fn messages(&self) -> u64 {
        (self.extent.last + 1).saturating_sub(self.first.min(self.extent.first))
    }

    pub(super) fn length(&self) -> u64 {
        (self.last + 1).saturating_sub(self.first)
    }

    /// A server that lost the end of a stream gives its sequences out again.
    fn beyond_the_end(&self) -> Option<String> {
        (self.settled > self.extent.last).then(|| {
            format!(
                "{} ends with {}, but its consumer is settled up to {}: the stream has lost its end, \
                 and what it takes in again under those sequences is passed over",
                self.stream, self.extent.last, self.settled
            )
        })
    }

    fn before_all_rows(&self) -> Option<String> {
        self.unknown_before.map(|first| {
            format!(
                "whether anything below {first} was stored since then: neither tables nor stream know of it"
            )
        })
    }

    /// With nothing found yet.
    pub(super) fn report(&self) -> Report {
        Report {
            stream: self.stream.to_owned(),
            first: self.first,
            since: self.from,
            last: self.last,
            checked: self.length(),
            verdict: Verdict::Unchecked,
            dispositions: Dispositions::default(),
            parked: Parked::default(),
            without_disposition: Gaps::default(),
            with_several: Sample::default(),
            contradictory: Sample::default(),
            applied_twice: Sample::default(),
            of_another_time: 0,
            events: Events::default(),
            unsettled: self.extent.last.saturating_sub(self.last),
            unchecked: self
                .beyond_the_end()
                .into_iter()
                .chain(self.before_all_rows())
                .collect(),
        }
    }
}

/// Since when an output stream holds all that was published.
pub(super) async fn held_since(
    witness: &Witness<'_>,
    stream: &str,
) -> Result<Timestamp, FetchError> {
    let extent = witness.extent(stream).await?;
    if extent.first <= 1 {
        return Ok(extent.created);
    }
    let oldest = witness.fetch_from(stream, extent.first).await?;
    let oldest = oldest.map(|message| message.identity.stored_at());
    let held = oldest.and_then(|at| at.checked_add(super::CLOCKS_APART).ok());
    Ok(held.unwrap_or(Timestamp::MAX))
}

#[cfg(test)]
mod tests {
    use std::ops::RangeInclusive;

    use super::*;

    impl Scope<'_> {
        /// Of a stream that holds these, all of them settled.
        pub(in crate::reconcile) fn of(sequences: RangeInclusive<u64>) -> Self {
            let (first, last) = sequences.into_inner();
            Self {
                stream: "SMS_DLR",
                first,
                last,
                from: Timestamp::UNIX_EPOCH,
                extent: Extent {
                    created: Timestamp::UNIX_EPOCH,
                    first,
                    last,
                },
                settled: last,
                unknown_before: None,
            }
        }
    }

    #[test]
    fn what_the_scope_cannot_tell_is_said() {
        let scope = Scope {
            settled: 60,
            unknown_before: Some(40),
            ..Scope::of(40..=50)
        };
        let report = scope.report();
        assert_eq!(report.checked, 11);
        assert!(report.unchecked[0].contains("settled up to 60"));
        assert!(report.unchecked[1].contains("below 40"));
    }
}
