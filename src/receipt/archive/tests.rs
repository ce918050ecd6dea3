mod both_encodings;
mod crafted;

use jiff::Timestamp;
use uuid::Uuid;

use super::*;
use crate::receipt::profile::Profiles;
use crate::receipt::{PAYLOAD_MAX, Publisher, Receipt};

/// Written by the first release that had this version; never to be written again.
const STORED_V1: &[u8] = include_bytes!("../../../tests/vectors/archive-v1.bin");

/// What the stored file says: every field, among them texts longer and shorter than a pointer.
fn stored_v1() -> ReceiptV1 {
    ReceiptV1 {
        carrier_id: Some("acme".into()),
        operator_message_id: Some("0059113978".into()),
        stat: Some("DELIVRD".into()),
        message_state: Some(2),
        err: Some("käse".into()),
        network_error_code: Some("0301".into()),
        submit_date: Some("2611211200".into()),
        done_date: Some("2026-11-21T12:01:00Z".into()),
        source_addr: Some("ACME".into()),
        dest_addr: Some("+447700900123".into()),
        account_id: Some(Uuid::from_u128(3)),
        message_id: Some(Uuid::from_u128(7 << 64)),
        sub: Some("001".into()),
        dlvrd: Some("".into()),
        tlv: TlvV1 {
            receipted_message_id: Some("38601fa".into()),
            message_state: Some(5),
            network_error_code: Some("3:22".into()),
        },
        raw_payload: Some("id:0059113978 stat:DELIVRD".into()),
        received_at: Some("2026-11-21T12:01:02.345678Z".parse().unwrap()),
    }
}

/// The least that is a receipt.
fn least() -> ReceiptV1 {
    ReceiptV1 {
        carrier_id: Some("acme".into()),
        operator_message_id: Some("7".into()),
        message_state: Some(2),
        ..ReceiptV1::default()
    }
}

fn read(payload: impl Into<Bytes>) -> Result<Receipt, Rejection> {
    Receipt::read(payload.into(), Publisher::Gateway, &Profiles::default())
}

fn bytes_of(receipt: &ReceiptV1) -> Vec<u8> {
    receipt.to_bytes().unwrap().to_vec()
}

/// Puts a payload's true length where its prefix says it.
fn with_its_length(mut payload: Vec<u8>) -> Vec<u8> {
    let length = u16::try_from(payload.len() - PREFIX).unwrap();
    payload[6..8].copy_from_slice(&length.to_le_bytes());
    payload
}

#[test]
fn the_stored_file_of_version_1_reads_as_ever() {
    let receipt = read(STORED_V1).unwrap();
    assert_eq!(receipt.carrier(), "acme");
    assert_eq!(receipt.operator_message_id(), "0059113978");
    assert_eq!(receipt.stat(), Some("DELIVRD"));
    assert_eq!(receipt.err(), Some("käse"));
    assert_eq!(receipt.network_error_code(), Some("3:22"));
    assert_eq!(receipt.submit_date(), Some("2611211200"));
    assert_eq!(receipt.done_date(), Some("2026-11-21T12:01:00Z"));
    assert_eq!(receipt.source().unwrap().expose(), "ACME");
    assert_eq!(receipt.dest().unwrap().expose(), "+447700900123");
    assert_eq!(receipt.message_state().unwrap().0, 5);
    assert_eq!(receipt.account_id, Some(Uuid::from_u128(3)));
    assert_eq!(receipt.message_id, Some(Uuid::from_u128(7 << 64)));
    let at = |text: &str| Some(text.parse().unwrap());
    assert_eq!(receipt.submitted_at, at("2026-11-21T12:00:00Z"));
    assert_eq!(receipt.done_at, at("2026-11-21T12:01:00Z"));
    assert_eq!(receipt.received_at, at("2026-11-21T12:01:02.345678Z"));
    assert!(receipt.id_disagrees && receipt.state_disagrees);
}

#[test]
fn version_1_is_still_written_byte_for_byte() {
    assert_eq!(stored_v1().to_bytes().unwrap(), STORED_V1);
}

#[test]
fn an_archive_is_read_in_place_wherever_it_lies() {
    for offset in 0..8 {
        let mut buffer = vec![b'x'; offset];
        buffer.extend_from_slice(STORED_V1);
        let payload = Bytes::from(buffer).slice(offset..);
        let receipt = read(payload.clone()).unwrap();
        let inside = payload.as_ptr_range();
        for text in [
            receipt.carrier(),
            receipt.operator_message_id(),
            receipt.stat().unwrap(),
            receipt.err().unwrap(),
            receipt.dest().unwrap().expose(),
        ] {
            assert!(inside.contains(&text.as_ptr()), "{text} was copied");
        }
    }
}

#[test]
fn the_subject_names_the_carrier_of_an_archive_too() {
    let unnamed = ReceiptV1 {
        carrier_id: None,
        ..least()
    };
    let payload = unnamed.to_bytes().unwrap();
    let receipt = Receipt::read(
        payload.clone(),
        Publisher::Carrier("other"),
        &Profiles::default(),
    )
    .unwrap();
    assert_eq!(receipt.carrier(), "other");
    assert_eq!(read(payload).unwrap_err(), Rejection::MissingCarrier);
}

#[test]
fn a_prefix_that_nobody_writes_is_an_unknown_encoding() {
    let good = bytes_of(&least());
    for at in 0..6 {
        for byte in (0..=u8::MAX).filter(|byte| *byte != good[at]) {
            let mut payload = good.clone();
            payload[at] = byte;
            // With `{` in front it is JSON, and bad JSON at that; white space is passed over.
            let json = at == 0 && byte == b'{';
            let rejection = read(payload).unwrap_err();
            assert_eq!(
                rejection == Rejection::UnknownEncoding,
                !json,
                "byte {at} is {byte}"
            );
        }
    }
    for payload in ["D", "DL", " DLR\u{1}", "DLRs are late", "dlr\u{1}"] {
        assert_eq!(read(payload).unwrap_err(), Rejection::UnknownEncoding);
    }
}

#[test]
fn an_archive_cut_anywhere_is_truncated() {
    for length in MAGIC.len()..STORED_V1.len() {
        let rejection = read(&STORED_V1[..length]).unwrap_err();
        assert_eq!(rejection, Rejection::Truncated, "after {length} bytes");
    }
}

#[test]
fn a_receipt_longer_than_the_limit_is_neither_written_nor_read() {
    let raw = |length: usize| ReceiptV1 {
        raw_payload: Some("x".repeat(length).into()),
        ..least()
    };
    let room = PAYLOAD_MAX - least().to_bytes().unwrap().len();
    let longest = raw(room).to_bytes().unwrap();
    assert_eq!(longest.len(), PAYLOAD_MAX);
    let rejection = read(longest.clone()).unwrap_err();
    assert_eq!(rejection.to_string(), "wrong_length (rawPayload)");

    assert_eq!(raw(room + 1).to_bytes(), Err(TooLong));
    assert_eq!(raw(1 << 24).to_bytes(), Err(TooLong));
    let longer = [&longest[..], b"x"].concat();
    assert_eq!(read(longer).unwrap_err(), Rejection::Oversized);
}

#[test]
fn what_a_gateway_logs_of_a_receipt_holds_no_personal_data() {
    assert_eq!(format!("{:?}", stored_v1()), "ReceiptV1 { .. }");
    assert_eq!(format!("{:?}", stored_v1().tlv), "TlvV1 { .. }");
}
