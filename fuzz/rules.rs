//! What holds for any input whatsoever: for the fuzz targets, and for the replay of their corpora.

use bytes::Bytes;
use dlr::clock;
use dlr::receipt::archive::ReceiptV1;
use dlr::receipt::privacy::{Parted, has_number};
use dlr::receipt::profile::{Profile, Profiles};
use dlr::receipt::status::{MessageState, Status};
use dlr::receipt::{PhoneNumber, Publisher, Receipt, Rejection, is_carrier_id, smpp_text};

/// A payload as it comes from a stream.
pub(crate) fn json(payload: &[u8]) {
    drop(payload_keeps_the_rules(&payload.to_vec().into()));
}

/// A payload, and the same bytes behind a prefix that is right: or else few would get further.
pub(crate) fn archive(payload: &[u8]) {
    let from_anywhere = Bytes::from([b"x", payload].concat()).slice(1..);
    drop(payload_keeps_the_rules(&from_anywhere));
    if let Ok(length) = u16::try_from(payload.len()) {
        let prefix = [&b"DLR\x01\0\0"[..], &length.to_le_bytes()];
        let prefixed = [&prefix.concat(), payload].concat();
        drop(payload_keeps_the_rules(&prefixed.into()));
    }
}

/// A carrier's own text, which means the same in both encodings, alone and beside fields.
pub(crate) fn text(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    smpp_text::read(text);
    let field = |field: &str| Some(Box::from(field));
    let alone = ReceiptV1 {
        carrier_id: field("acme"),
        raw_payload: field(text),
        ..ReceiptV1::default()
    };
    let beside_fields = ReceiptV1 {
        operator_message_id: field("7"),
        stat: field("DELIVRD"),
        ..alone.clone()
    };
    for receipt in [alone, beside_fields] {
        let (Some(json), Ok(archive)) = (json_of(&receipt), receipt.to_bytes()) else {
            return;
        };
        let [json, archive] = [&json, &archive].map(payload_keeps_the_rules);
        assert_eq!(json, archive, "it depends on the encoding");
    }
}

/// The fields that [`text`] gives, where they are short enough for a payload.
fn json_of(receipt: &ReceiptV1) -> Option<Bytes> {
    let json = serde_json::json!({
        "carrierId": receipt.carrier_id,
        "operatorMessageId": receipt.operator_message_id,
        "stat": receipt.stat,
        "rawPayload": receipt.raw_payload,
    });
    let json = Bytes::from(json.to_string());
    (json.len() <= dlr::receipt::PAYLOAD_MAX).then_some(json)
}

/// Reads a payload on every kind of subject; tells what it says on the bare one.
fn payload_keeps_the_rules(payload: &Bytes) -> Result<ReceiptV1, Rejection> {
    let reading = reading_keeps_the_rules(payload, Publisher::Gateway);
    let on_its_own = reading_keeps_the_rules(payload, Publisher::Carrier("acme"));
    if let (Ok(on_bare), Ok(on_its_own)) = (&reading, on_its_own) {
        assert!(*on_bare == on_its_own, "it depends on the subject");
    }
    reading_keeps_the_rules(payload, Publisher::Carrier("not a carrier")).unwrap_err();
    reading
}

fn reading_keeps_the_rules(
    payload: &Bytes,
    publisher: Publisher<'_>,
) -> Result<ReceiptV1, Rejection> {
    let reading = Receipt::read(payload.clone(), publisher, &Profiles::default());
    let by_profile = Receipt::read(payload.clone(), publisher, &with_a_profile());
    match (reading, by_profile) {
        (Ok(receipt), Ok(by_profile)) => {
            let id = receipt.operator_message_id();
            assert!((1..=128).contains(&id.len()) && receipt.id_in_notation);
            receipt_keeps_the_rules(&receipt);
            // 64 characters before it and behind it, and 155 decimal digits for 128 in hexadecimal.
            assert!(by_profile.operator_message_id().len() <= 64 + 155 + 64);
            receipt_keeps_the_rules(&by_profile);
            Ok(is_read_again_as_written(&receipt, publisher))
        }
        (Err(rejection), Err(by_profile)) => {
            assert_eq!(rejection, by_profile, "what is valid depends on a profile");
            assert!(Rejection::REASONS.contains(&rejection.reason()));
            Err(rejection)
        }
        _ => panic!("what is valid depends on a profile"),
    }
}

/// One that reads everything otherwise than without a profile.
fn with_a_profile() -> Profiles {
    let document = serde_json::json!({
        "ids": {
            "field": {"form": "hex", "stripPrefix": "0x"},
            "tlv": {"form": "hex"},
            "text": {"form": "verbatim", "stripSuffix": "@n", "case": "upper", "stripZeros": true},
            "stored": {"form": "decimal", "width": 12, "prefix": "<", "suffix": ">"},
        },
        "words": {"DELIVRD": "failed", "NEW": "delivered"},
        "states": {"128": "delivered"},
        "accepted": "delivered",
        "unknown": "failed",
        "timeZone": "America/New_York",
        "twelveDigits": "YYYYMMDDhhmm",
    });
    Profiles::every(Profile::parse(&document, 1).expect("it is valid"))
}

/// CONTRACT §3, for a receipt that was accepted.
fn receipt_keeps_the_rules(receipt: &Receipt) {
    assert!(is_carrier_id(receipt.carrier()));
    let id = receipt.operator_message_id();
    assert!(!id.is_empty() && id.bytes().all(|b| b.is_ascii_graphic()));
    if let Some(stat) = receipt.stat() {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b':' | b'-');
        assert!((1..=32).contains(&stat.len()) && stat.bytes().all(allowed));
    }
    for (text, limit) in [
        (receipt.err(), 32),
        (receipt.network_error_code(), 16),
        (receipt.submit_date(), 32),
        (receipt.done_date(), 32),
        (receipt.source().map(PhoneNumber::expose), 21),
        (receipt.dest().map(PhoneNumber::expose), 21),
    ] {
        let Some(text) = text else { continue };
        assert!((1..=limit).contains(&text.chars().count()) && !text.contains('\0'));
    }
    for at in [receipt.submitted_at, receipt.done_at, receipt.received_at] {
        let Some(at) = at else { continue };
        assert!(clock::is_sensible(at) && clock::truncate_to_micros(at) == at);
    }
    let word = receipt.status_word();
    assert!(!word.is_empty() && word.len() <= 32 && !word.contains(|c: char| c.is_lowercase()));

    let open = Parted::of(receipt);
    for text in [Some(&*word), open.stat, open.err, open.network_error_code] {
        assert!(!text.is_some_and(has_number), "a number in the open");
    }
}

/// What was accepted can be written with fields alone, and is accepted as the same.
fn is_read_again_as_written(receipt: &Receipt, publisher: Publisher<'_>) -> ReceiptV1 {
    let written = fields(receipt);
    let payload = written.to_bytes().expect("fields are short");
    let again = Receipt::read(payload, publisher, &Profiles::default());
    let again = again.expect("it was accepted before");
    assert!(fields(&again) == written, "it is not what was written");
    // Where the first word is not the one that decided, it was the text's, which is not written.
    let says = |status: Option<Status>| status == receipt.status();
    let by_word = receipt
        .stat()
        .is_none_or(|stat| says(Status::from_word(stat)));
    let state = receipt.message_state().and_then(MessageState::status);
    if by_word || (state.is_some() && says(state)) {
        assert_eq!(again.status(), receipt.status());
    }
    if by_word {
        assert_eq!(again.status_word(), receipt.status_word());
    }
    assert_eq!(again.submitted_at, receipt.submitted_at);
    assert_eq!(again.done_at, receipt.done_at);
    written
}

fn fields(receipt: &Receipt) -> ReceiptV1 {
    let text = |text: Option<&str>| text.map(Box::from);
    ReceiptV1 {
        carrier_id: text(Some(receipt.carrier())),
        operator_message_id: text(Some(receipt.operator_message_id())),
        stat: text(receipt.stat()),
        message_state: receipt.message_state().map(|state| state.0),
        err: text(receipt.err()),
        network_error_code: text(receipt.network_error_code()),
        submit_date: text(receipt.submit_date()),
        done_date: text(receipt.done_date()),
        source_addr: text(receipt.source().map(PhoneNumber::expose)),
        dest_addr: text(receipt.dest().map(PhoneNumber::expose)),
        account_id: receipt.account_id,
        message_id: receipt.message_id,
        received_at: receipt.received_at,
        ..ReceiptV1::default()
    }
}
