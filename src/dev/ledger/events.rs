//! What the streams carry, each event a message or many in a pack. The reconcile user may look and fetch one message at a time; it has no
//! consumer, so requests overlap instead.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use async_nats::jetstream::{self, stream::RawMessageErrorKind};
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use uuid::Uuid;

use super::books::Resolution;
use super::{LedgerError, Sample};

/// Receipt id and kind of each event that a stream owes, and its receipt's sequence.
pub(super) type Owed = HashMap<(Uuid, Due), u64>;

/// Which of a receipt's events of one stream it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Due {
    OnTime,
    /// Of a decision after parking.
    Late,
    Parked,
    Resolved(Resolution),
}

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
    /// Sequences (of this stream) of events that nothing owes, or of messages that cannot be read.
    pub unexpected: Sample,
    /// Stored again under an id that is already there: consumers drop these by the contract.
    pub repeated: u64,
}

/// What a message of a stream is, as consumers tell it who take packs too.
#[derive(Deserialize)]
#[serde(untagged)]
enum Message {
    Event(Event),
    Pack(Vec<Event>),
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
    /// Of billing and webhook.
    late: Option<bool>,
    /// Of unmatched, null for a receipt that was just parked.
    resolution: Option<String>,
}

impl Data {
    fn due(&self) -> Option<Due> {
        match (self.late, self.resolution.as_deref()) {
            (Some(false), None) => Some(Due::OnTime),
            (Some(true), None) => Some(Due::Late),
            (None, None) => Some(Due::Parked),
            (None, Some(word)) => Resolution::of(word).map(Due::Resolved),
            (Some(_), Some(_)) => None,
        }
    }
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
        let held = held(&source.cached_info().state);
        let mut tally = Tally::new(name, owed);
        let mut messages = stream::iter(held)
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
        match serde_json::from_slice(payload) {
            Ok(Message::Event(event)) => self.meet(sequence, &event),
            Ok(Message::Pack(events)) if !events.is_empty() => {
                for event in &events {
                    self.meet(sequence, event);
                }
            }
            Ok(Message::Pack(_)) | Err(_) => self.count.unexpected.add(sequence),
        }
    }

    fn meet(&mut self, sequence: u64, event: &Event) {
        let due = event.data.due().map(|due| (event.data.receipt_id, due));
        if !self.ids.insert(event.id) {
            self.count.repeated += 1;
        } else if due.and_then(|due| self.owed.remove(&due)).is_some() {
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
    Ok(held(&source.cached_info().state))
}

fn held(state: &jetstream::stream::State) -> Range<u64> {
    // An empty stream has never begun.
    state.first_sequence.max(1)..state.last_sequence + 1
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

    fn event(id: u128, receipt: u128, more: &str) -> Vec<u8> {
        let (id, receipt) = (Uuid::from_u128(id), Uuid::from_u128(receipt));
        format!(r#"{{"specversion":"1.0","id":"{id}","data":{{"receiptId":"{receipt}",{more}}}}}"#)
            .into()
    }

    fn owed<const N: usize>(due: [(u128, Due, u64); N]) -> Owed {
        due.map(|(id, due, seq)| ((Uuid::from_u128(id), due), seq))
            .into()
    }

    #[test]
    fn missing_unexpected_and_repeated_events_are_told_apart() {
        let on_time = [1, 2, 3].map(|id| (id, Due::OnTime, 100 + u64::try_from(id).unwrap()));
        let mut tally = Tally::new("WEBHOOK", owed(on_time));
        let late = r#""late":false"#;
        tally.see(1, &event(11, 1, late));
        tally.see(2, &event(11, 1, late));
        tally.see(3, &event(12, 1, late));
        tally.see(4, b"not an event");
        tally.see(5, &event(13, 3, late));
        let count = tally.close();
        assert_eq!((count.expected, count.found, count.repeated), (3, 2, 1));
        assert_eq!(count.missing.first, [102]);
        assert_eq!(count.unexpected.first, [3, 4]);
        assert!(!count.is_complete());
    }

    #[test]
    fn a_repeated_event_alone_is_within_the_contract() {
        let mut tally = Tally::new("BILLING", owed([(1, Due::OnTime, 5)]));
        tally.see(1, &event(11, 1, r#""late":false"#));
        tally.see(2, &event(11, 1, r#""late":false"#));
        assert!(tally.close().is_complete());
    }

    #[test]
    fn a_pack_is_the_events_in_it() {
        let on_time = [1, 2, 3].map(|id| (id, Due::OnTime, 100 + u64::try_from(id).unwrap()));
        let mut tally = Tally::new("WEBHOOK", owed(on_time));
        let [one, two, three] = [11, 12, 13]
            .map(|id| String::from_utf8(event(id, id - 10, r#""late":false"#)).unwrap());
        tally.see(1, format!("[{one},{two}]").as_bytes());
        // Sent again in other company.
        tally.see(2, format!("[{two},{three}]").as_bytes());
        tally.see(3, b"[]");
        tally.see(4, format!("[{one},7]").as_bytes());
        let count = tally.close();
        assert_eq!((count.found, count.repeated), (3, 1));
        assert_eq!(count.unexpected.first, [3, 4]);
    }

    #[test]
    fn an_event_has_to_say_whether_it_is_late() {
        let mut tally = Tally::new("WEBHOOK", owed([(1, Due::Late, 5), (2, Due::Late, 6)]));
        tally.see(1, &event(11, 1, r#""late":true"#));
        tally.see(2, &event(12, 2, r#""late":false"#));
        let count = tally.close();
        assert_eq!(
            (count.missing.first, count.unexpected.first),
            (vec![6], vec![2])
        );
    }

    #[test]
    fn a_parked_receipt_is_announced_and_its_end_is_another_notice() {
        let matched = Due::Resolved(Resolution::Matched);
        let due = owed([(1, Due::Parked, 5), (1, matched, 5), (2, Due::Parked, 6)]);
        let mut tally = Tally::new("SMS_DLR_UNMATCHED", due);
        tally.see(1, &event(11, 1, r#""resolution":null"#));
        tally.see(2, &event(12, 2, r#""resolution":null"#));
        tally.see(3, &event(13, 1, r#""resolution":"matched""#));
        tally.see(4, &event(14, 2, r#""resolution":"lapsed""#));
        let count = tally.close();
        assert_eq!((count.found, count.unexpected.first), (3, vec![4]));
    }
}
