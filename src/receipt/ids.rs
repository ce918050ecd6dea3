//! Who is who: identities that outlive a process and a redelivery.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use sha1::{Digest as _, Sha1};
use uuid::Uuid;

/// Namespace of every `UUIDv5` this product derives. It is part of the published contract: change it
/// and every event ever published gets a second id.
const NAMESPACE: Uuid = Uuid::from_u128(0x6f0d_52a1_3c5e_5b0e_9d4a_64c1_0d1a_7e55);

/// What makes an envelope itself, read from its reply subject: equal for every redelivery.
///
/// The sequence alone would not do: a stream that is deleted and made again starts at 1.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    pub stream: Arc<str>,
    pub sequence: u64,
    /// When JetStream stored it, in nanoseconds since 1970.
    pub stored_ns: i64,
}

impl Identity {
    /// CONTRACT §1: `UUIDv5` of (stream name, sequence, stored-at nanoseconds).
    pub fn receipt_id(&self) -> ReceiptId {
        let (mut sequence, mut stored_ns) = (itoa::Buffer::new(), itoa::Buffer::new());
        let sequence = sequence.format(self.sequence);
        ReceiptId(named([
            &self.stream,
            sequence,
            stored_ns.format(self.stored_ns),
        ]))
    }

    /// Where its rows are.
    pub fn row_key(&self) -> RowKey {
        RowKey {
            stored_at: self.stored_at(),
            stream: Arc::clone(&self.stream),
            sequence: self.sequence,
        }
    }

    /// Stored-at time in the microseconds of `timestamptz`.
    pub fn stored_micros(&self) -> i64 {
        self.stored_ns.div_euclid(1_000)
    }

    /// For how long it has been stored; nothing where clocks disagree.
    pub fn age(&self, now: Timestamp) -> Duration {
        let micros = now.as_microsecond() - self.stored_micros();
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    }

    pub fn stored_at(&self) -> Timestamp {
        Timestamp::from_microsecond(self.stored_micros())
            .expect("any i64 of nanoseconds lies within the years 1677 to 2262")
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}@{}", self.stream, self.sequence, self.stored_ns)
    }
}

/// Where an envelope's rows are: the key of `dlr.delivery_receipts` and its sister tables.
///
/// It knows the stored-at time to the microsecond only, so it cannot tell the receipt id: whoever
/// has a row takes the id from there.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowKey {
    pub stored_at: Timestamp,
    pub stream: Arc<str>,
    pub sequence: u64,
}

/// The same for every redelivery of an envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReceiptId(pub Uuid);

/// Which event a message's change of status gives rise to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EventKind {
    Billing,
    Webhook,
    Unmatched,
}

impl EventKind {
    pub const ALL: [Self; 3] = [Self::Billing, Self::Webhook, Self::Unmatched];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Billing => "billing",
            Self::Webhook => "webhook",
            Self::Unmatched => "unmatched",
        }
    }
}

/// CONTRACT §5: `UUIDv5`(kind, message id, operator message id, status), so that the same fact
/// learnt from two receipts is one event.
pub fn message_event_id(
    kind: EventKind,
    message: Uuid,
    operator_message_id: &str,
    status: &str,
) -> Uuid {
    let mut text = Uuid::encode_buffer();
    let message = message.hyphenated().encode_lower(&mut text);
    named([kind.as_str(), message, operator_message_id, status])
}

/// CONTRACT §5: `UUIDv5`(receipt id, `parked` or the resolution).
pub fn unmatched_event_id(receipt: ReceiptId, what: &str) -> Uuid {
    let mut text = Uuid::encode_buffer();
    let receipt = receipt.0.hyphenated().encode_lower(&mut text);
    named(["unmatched", receipt, what])
}

/// CONTRACT §5: `UUIDv5` of the ids of a pack's events: of their 16 bytes each, in the order in
/// which they stand in the pack. No other id is made from such bytes: theirs are of text with a
/// word in front, and byte 8 of an event's id is not ASCII.
pub fn pack_id(events: impl Iterator<Item = Uuid>) -> Uuid {
    let mut hash = Derivation::new();
    events.for_each(|id| hash.add(id.as_bytes()));
    hash.uuid()
}

/// The id whose name is `parts` with a slash between.
fn named<const N: usize>(parts: [&str; N]) -> Uuid {
    let mut hash = Derivation::new();
    for (at, part) in parts.into_iter().enumerate() {
        if at > 0 {
            hash.add(b"/");
        }
        hash.add(part.as_bytes());
    }
    hash.uuid()
}

/// A `UUIDv5` in the making, whose name comes in parts. The uuid crate wants it in one piece, and hashes
/// it without the processor's instructions for that; aws-lc has them, but allocates for each.
struct Derivation(Sha1);

impl Derivation {
    fn new() -> Self {
        Self(Sha1::new_with_prefix(NAMESPACE.as_bytes()))
    }

    fn add(&mut self, part: &[u8]) {
        self.0.update(part);
    }

    fn uuid(self) -> Uuid {
        let hash = self.0.finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash[..16]);
        uuid::Builder::from_sha1_bytes(bytes).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(sequence: u64, stored_ns: i64) -> Identity {
        Identity {
            stream: "SMS_DLR".into(),
            sequence,
            stored_ns,
        }
    }

    #[test]
    fn a_receipt_id_never_changes_between_releases() {
        let id = identity(42, 1_700_000_000_123_456_789).receipt_id();
        assert_eq!(id.0.to_string(), "64b21afa-98e2-5622-9848-7dd198d07f2b");
    }

    #[test]
    fn an_events_id_never_changes_between_releases() {
        let id = message_event_id(
            EventKind::Billing,
            Uuid::from_u128(2),
            "0059113978",
            "delivered",
        );
        assert_eq!(id.to_string(), "c5396149-c302-51ed-877a-a858ad731b4a");
        let id = unmatched_event_id(ReceiptId(Uuid::from_u128(2)), "parked");
        assert_eq!(id.to_string(), "ca374489-d98d-576c-9cbd-b93f9929ace3");
        let id = pack_id([1, 2, 3].map(Uuid::from_u128).into_iter());
        assert_eq!(id.to_string(), "67b0db94-7b20-5091-ab25-549cc155c66e");
    }

    #[test]
    fn a_recreated_stream_gives_other_ids() {
        assert_ne!(
            identity(1, 1_000).receipt_id(),
            identity(1, 1_001).receipt_id()
        );
    }

    #[test]
    fn stored_at_rounds_towards_the_past() {
        assert_eq!(identity(1, -1).stored_micros(), -1);
        assert_eq!(identity(1, 1_999).stored_micros(), 1);
    }
}
