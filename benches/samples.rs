//! The receipts that the figures are about: final, with both numbers, nothing escaped, in 350 bytes
//! of JSON; and the messages they are about.

use std::sync::Arc;

use bytes::Bytes;
use dlr::pipeline::matching::fold::Case;
use dlr::receipt::archive::{ReceiptV1, TlvV1};
use dlr::receipt::decision::Message;
use dlr::receipt::ids::Identity;
use dlr::receipt::profile::Profiles;
use dlr::receipt::{Publisher, Receipt};
use dlr::seal::KeyRing;
use dlr::store::messages::Found;
use jiff::Timestamp;
use uuid::Uuid;

/// As many as a transaction has at most by default.
pub(crate) const BATCH: usize = 1_000;

pub(crate) fn json(number: u64) -> Bytes {
    let id = operator_message_id(number);
    let payload = format!(
        r#"{{"carrierId":"northtel","operatorMessageId":"{id}","stat":"DELIVRD","err":"000","sub":"001","dlvrd":"001","submitDate":"2611221200","doneDate":"2611221201","sourceAddr":"+447700900123","destAddr":"{}","tlv":{{"receiptedMessageId":"{id}","messageState":2,"networkErrorCode":"030000"}},"receivedAt":"2026-11-22T12:01:00.123456Z"}}"#,
        dest(number)
    );
    assert_eq!(payload.len(), 350);
    payload.into()
}

/// The same in the archive encoding.
pub(crate) fn archive(number: u64) -> Bytes {
    filled(number).to_bytes().unwrap()
}

fn filled(number: u64) -> ReceiptV1 {
    let boxed = |text: &str| Some(Box::from(text));
    let id = operator_message_id(number);
    ReceiptV1 {
        carrier_id: boxed("northtel"),
        operator_message_id: boxed(&id),
        stat: boxed("DELIVRD"),
        err: boxed("000"),
        sub: boxed("001"),
        dlvrd: boxed("001"),
        submit_date: boxed("2611221200"),
        done_date: boxed("2611221201"),
        source_addr: boxed("+447700900123"),
        dest_addr: boxed(&dest(number)),
        tlv: TlvV1 {
            receipted_message_id: boxed(&id),
            message_state: Some(2),
            network_error_code: boxed("030000"),
        },
        received_at: Some(time()),
        ..ReceiptV1::default()
    }
}

/// The two with another field in the place of the carrier, whose lack is the first thing that is
/// noticed once all fields are there: what reading them costs without the rules.
pub(crate) fn without_carrier(number: u64) -> [Bytes; 2] {
    let json = String::from_utf8(json(number).into()).unwrap();
    let mut json = json.replace(r#""carrierId":"northtel""#, r#""rawPayload":"nothing""#);
    assert_eq!(json.len(), 350);
    // A piece of a larger buffer, as all that comes from a connection: one of its own would be made
    // ready to be shared while it is read.
    json.reserve(1);
    let receipt = filled(number);
    let archive = ReceiptV1 {
        raw_payload: receipt.carrier_id,
        carrier_id: None,
        ..receipt
    };
    [json.into(), archive.to_bytes().unwrap()]
}

fn operator_message_id(number: u64) -> String {
    format!("a1-{:08x}", 0x9e37_0000 + number)
}

fn dest(number: u64) -> String {
    format!("+4479{number:08}")
}

pub(crate) fn time() -> Timestamp {
    "2026-11-22T12:01:00.123456Z".parse().unwrap()
}

pub(crate) fn read(payload: Bytes, profiles: &Profiles) -> Receipt {
    Receipt::read(payload, Publisher::Gateway, profiles).unwrap()
}

pub(crate) fn ring() -> Arc<KeyRing> {
    Arc::new(KeyRing::parse(KeyRing::generate().as_bytes()).unwrap())
}

/// A batch as it is decided: every receipt about a message of its own, which is on its way.
pub(crate) struct Batch {
    receipts: Vec<Receipt>,
    stream: Arc<str>,
}

impl Batch {
    pub(crate) fn new(profiles: &Profiles) -> Self {
        let numbers = 0..BATCH as u64;
        Self {
            receipts: numbers.map(|it| read(json(it), profiles)).collect(),
            stream: "SMS_DLR".into(),
        }
    }

    /// What the fold is given.
    pub(crate) fn cases(&self) -> impl Iterator<Item = (Case<'_>, Found<'static>)> {
        self.receipts.iter().zip(1..).map(|(receipt, sequence)| {
            let identity = Identity {
                stream: Arc::clone(&self.stream),
                sequence,
                stored_ns: 1_795_348_860_123_456_789,
            };
            let case = Case {
                key: identity.row_key(),
                receipt_id: identity.receipt_id(),
                receipt,
                late: false,
            };
            (case, found(sequence))
        })
    }
}

fn found(number: u64) -> Found<'static> {
    Found {
        message: Message {
            id: Uuid::from_u128(u128::from(number) << 64),
            account_id: Uuid::from_u128(7),
            segment: Some(1),
            segments: Some(1),
            group_id: None,
            client_ref: Some("order-4711"),
            mccmnc: Some("23410"),
            price: Some("0.0420"),
            currency: Some("EUR"),
        },
        status: "sent",
        price: None,
        place: None,
    }
}
