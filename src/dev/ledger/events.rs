//! What the streams carry. The reconcile user may look and fetch one message at a time; it has no
//! consumer, so requests overlap instead.

use std::collections::HashSet;
use std::ops::Range;

use async_nats::jetstream::{self, stream::RawMessageErrorKind};
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use uuid::Uuid;

use super::books::Owed;
use super::{LedgerError, Sample};

/// Requests on their way at once.
const OVERLAP: usize = 256;

/// One output stream against what the tables owe it.
#[derive(Debug, Default)]
pub struct EventCount {
    pub stream: String,
    pub expected: u64,
    /// Distinct events that were owed.
    pub found: u64,
    /// Sequences (inbound) of receipts whose event is not there.
    pub missing: Sample,
    /// Sequences (of this stream) of events that nothing owes, or that cannot be read.
    pub unexpected: Sample,
    /// Stored again under an id that is already there: consumers drop these by the contract.
    pub repeated: u64,
}

#[derive(Deserialize)]
struct Event {
    id: Uuid,
    data: Data,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    receipt_id: Uuid,
    /// Of an unmatched notice.
    resolution: Option<String>,
}

impl EventCount {
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.unexpected.is_empty() && self.found == self.expected
    }

    pub(super) async fn compare(
        streams: &jetstream::Context,
        name: &str,
        owed: Owed,
    ) -> Result<Self, LedgerError> {
        let source = streams
            .get_stream(name)
            .await
            .map_err(|error| failed(name, &error))?;
        let state = source.cached_info().state.clone();
        let mut tally = Tally::new(name, owed);
        let mut messages = stream::iter(state.first_sequence..=state.last_sequence)
            .map(|sequence| {
                let source = &source;
                async move { (sequence, source.get_raw_message(sequence).await) }
            })
            .buffer_unordered(OVERLAP);
        while let Some((sequence, message)) = messages.next().await {
            match message {
                Ok(message) => tally.see(sequence, &message.payload),
                // A removed message leaves a gap; what it carried is then missing.
                Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => {}
                Err(error) => return Err(failed(name, &error)),
            }
        }
        Ok(tally.close())
    }
}

struct Tally {
    count: EventCount,
    owed: Owed,
    ids: HashSet<Uuid>,
}

impl Tally {
    fn new(stream: &str, owed: Owed) -> Self {
        let expected = owed.len() as u64;
        let count = EventCount {
            stream: stream.to_owned(),
            expected,
            ..EventCount::default()
        };
        Self {
            count,
            owed,
            ids: HashSet::new(),
        }
    }

    fn see(&mut self, sequence: u64, payload: &[u8]) {
        let Ok(event) = serde_json::from_slice::<Event>(payload) else {
            self.count.unexpected.add(sequence);
            return;
        };
        if !self.ids.insert(event.id) {
            self.count.repeated += 1;
            return;
        }
        let debt = (event.data.receipt_id, event.data.resolution.is_some());
        if self.owed.remove(&debt).is_some() {
            self.count.found += 1;
        } else {
            self.count.unexpected.add(sequence);
        }
    }

    fn close(mut self) -> EventCount {
        let mut missing: Vec<u64> = self.owed.into_values().collect();
        missing.sort_unstable();
        self.count.missing = missing.into_iter().collect();
        self.count
    }
}

/// The sequences a stream holds.
pub(super) async fn extent(
    streams: &jetstream::Context,
    name: &str,
) -> Result<Range<u64>, LedgerError> {
    let source = streams
        .get_stream(name)
        .await
        .map_err(|error| failed(name, &error))?;
    let state = &source.cached_info().state;
    // An empty stream has never begun.
    Ok(state.first_sequence.max(1)..state.last_sequence + 1)
}

fn failed(stream: &str, error: &dyn std::error::Error) -> LedgerError {
    LedgerError::Stream {
        stream: stream.to_owned(),
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: u128, receipt: u128) -> Vec<u8> {
        let (id, receipt) = (Uuid::from_u128(id), Uuid::from_u128(receipt));
        format!(
            r#"{{"specversion":"1.0","id":"{id}","data":{{"receiptId":"{receipt}","more":1}}}}"#
        )
        .into()
    }

    #[test]
    fn missing_unexpected_and_repeated_events_are_told_apart() {
        let owed =
            [(1, 101), (2, 102), (3, 103)].map(|(id, seq)| ((Uuid::from_u128(id), false), seq));
        let mut tally = Tally::new("WEBHOOK", owed.into_iter().collect());
        tally.see(1, &event(11, 1));
        tally.see(2, &event(11, 1));
        tally.see(3, &event(12, 1));
        tally.see(4, b"not an event");
        tally.see(5, &event(13, 3));
        let count = tally.close();
        assert_eq!((count.expected, count.found, count.repeated), (3, 2, 1));
        assert_eq!(count.missing.first, [102]);
        assert_eq!(count.unexpected.first, [3, 4]);
        assert!(!count.is_complete());
    }

    #[test]
    fn a_notice_of_parking_does_not_pay_for_one_of_the_end() {
        let receipt = Uuid::from_u128(1);
        let owed = Owed::from([((receipt, false), 5), ((receipt, true), 5)]);
        let mut tally = Tally::new("SMS_DLR_UNMATCHED", owed);
        let notice = |resolution: &str| {
            let data = format!(r#"{{"receiptId":"{receipt}","resolution":{resolution}}}"#);
            format!(r#"{{"id":"{}","data":{data}}}"#, Uuid::new_v4())
        };
        tally.see(1, notice("null").as_bytes());
        tally.see(2, notice("null").as_bytes());
        let count = tally.close();
        assert_eq!((count.found, count.missing.count), (1, 1));
        assert_eq!(count.unexpected.first, [2]);
    }

    #[test]
    fn a_repeated_event_alone_is_within_the_contract() {
        let mut tally = Tally::new("BILLING", Owed::from([((Uuid::from_u128(1), false), 5)]));
        tally.see(1, &event(11, 1));
        tally.see(2, &event(11, 1));
        assert!(tally.close().is_complete());
    }
}
