//! The bytes of a receipt: final, with both numbers, about 350 bytes as JSON.

use bytes::Bytes;
use dlr::receipt::archive::{ReceiptV1, TlvV1};
use jiff::Timestamp;
use serde_json::json;

use crate::messages::{carrier, operator_message_id, stat};

/// As what a gateway writes it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Encoding {
    Json,
    Archive,
}

/// The receipt about message `number`.
pub(crate) fn payload(number: u64, encoding: Encoding, now: Timestamp) -> Bytes {
    let zoned = now.to_zoned(jiff::tz::TimeZone::UTC);
    let done = zoned.strftime("%y%m%d%H%M").to_string();
    let (err, state) = match stat(number) {
        "UNDELIV" => ("011", 5),
        "EXPIRED" => ("003", 3),
        _ => ("000", 2),
    };
    let dest = format!("+4479{:08}", number % 100_000_000);
    let id = operator_message_id(number);
    match encoding {
        Encoding::Json => json!({
            "carrierId": carrier(number),
            "operatorMessageId": id,
            "stat": stat(number),
            "err": err,
            "sub": "001",
            "dlvrd": "001",
            "submitDate": done,
            "doneDate": done,
            "sourceAddr": "+447700900123",
            "destAddr": dest,
            "tlv": { "receiptedMessageId": id, "messageState": state },
            "receivedAt": now,
        })
        .to_string()
        .into(),
        Encoding::Archive => {
            let boxed = |text: &str| Some(Box::from(text));
            let receipt = ReceiptV1 {
                carrier_id: boxed(carrier(number)),
                operator_message_id: boxed(&id),
                stat: boxed(stat(number)),
                err: boxed(err),
                sub: boxed("001"),
                dlvrd: boxed("001"),
                submit_date: boxed(&done),
                done_date: boxed(&done),
                source_addr: boxed("+447700900123"),
                dest_addr: boxed(&dest),
                tlv: TlvV1 {
                    receipted_message_id: boxed(&id),
                    message_state: Some(state),
                    ..TlvV1::default()
                },
                received_at: Some(now),
                ..ReceiptV1::default()
            };
            receipt.to_bytes().expect("far below the limit")
        }
    }
}
