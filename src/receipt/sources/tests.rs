mod properties;

use serde_json::{Value, json};

use crate::receipt::profile::{Profile, Profiles};
use crate::receipt::status::Status;
use crate::receipt::{Publisher, Receipt, Rejection};

fn read_by(profile: &Value, receipt: &Value) -> Result<Receipt, Rejection> {
    let profile = Profile::parse(profile, 1).unwrap();
    let payload = receipt.to_string().into();
    Receipt::read(
        payload,
        Publisher::Carrier("acme"),
        &Profiles::every(profile),
    )
}

fn read(receipt: &Value) -> Receipt {
    read_by(&json!({}), receipt).unwrap()
}

/// Text in decimal, TLV in hexadecimal, padded hexadecimal in the orchestrator's table.
fn two_bases() -> Value {
    json!({"ids": {
        "field": {"form": "hex"}, "tlv": {"form": "hex"}, "text": {"form": "decimal"},
        "stored": {"form": "hex", "width": 8},
    }})
}

#[test]
fn one_number_in_two_bases_is_one_key() {
    for (text, tlv, key) in [
        ("0059113978", "38601fa", "038601fa"),
        ("0416342074", "18d0e03a", "18d0e03a"),
        ("0000436949", "6aad5", "0006aad5"),
        ("0489708364", "1d305b4c", "1d305b4c"),
        (
            "9308878062554710043",
            "812FC7470000001B",
            "812fc7470000001b",
        ),
    ] {
        let raw = format!("id:{text} stat:DELIVRD");
        let receipt = json!({"tlv": {"receiptedMessageId": tlv}, "rawPayload": raw});
        let converted = read_by(&two_bases(), &receipt).unwrap();
        assert_eq!(converted.operator_message_id(), key);
        assert_eq!(converted.written_id(), tlv);
        assert!(converted.id_in_notation && !converted.id_disagrees);
        let verbatim = read(&receipt);
        assert_eq!(verbatim.operator_message_id(), tlv);
        assert!(verbatim.id_disagrees);
    }
}

#[test]
fn the_first_id_in_its_notation_counts() {
    let id = |receipt: Value| {
        let receipt = read_by(&two_bases(), &receipt).unwrap();
        let key = receipt.operator_message_id().to_owned();
        (key, receipt.id_in_notation, receipt.id_disagrees)
    };
    let uuid = "0e999f21-3a0c-4a5c-9d5b-0123456789ab";
    let raw = "id:16 stat:DELIVRD";
    let word = |text: &str, is_key, disagrees| (text.to_owned(), is_key, disagrees);
    assert_eq!(
        id(json!({"operatorMessageId": uuid, "rawPayload": raw})),
        word("00000010", true, true)
    );
    assert_eq!(
        id(json!({"operatorMessageId": "11", "rawPayload": raw})),
        word("00000011", true, true)
    );
    assert_eq!(
        id(json!({"operatorMessageId": "10", "rawPayload": "id:ff stat:DELIVRD"})),
        word("00000010", true, true)
    );
    assert_eq!(
        id(json!({"operatorMessageId": uuid, "rawPayload": "id:ff stat:DELIVRD"})),
        word(uuid, false, false)
    );
    // What breaks the rule of the field is no id.
    let long = format!("id:{} stat:DELIVRD err:000", "1".repeat(129));
    assert_eq!(
        id(json!({"operatorMessageId": "10", "rawPayload": long})),
        word("00000010", true, false)
    );
    let missing = read_by(&json!({}), &json!({"rawPayload": long}));
    assert_eq!(missing.unwrap_err(), Rejection::MissingId);
}

#[test]
fn an_ignored_source_neither_counts_nor_disagrees() {
    let profile = json!({"ids": {"field": {"form": "ignore"}}});
    let receipt = json!({"operatorMessageId": "ours", "rawPayload": "id:theirs stat:DELIVRD"});
    let receipt = read_by(&profile, &receipt).unwrap();
    assert_eq!(receipt.operator_message_id(), "theirs");
    assert!(!receipt.id_disagrees);
    // It is a valid receipt all the same: what a profile does not want is parked.
    let only = read_by(
        &profile,
        &json!({"operatorMessageId": "ours", "stat": "DELIVRD"}),
    )
    .unwrap();
    assert_eq!(
        (only.operator_message_id(), only.id_in_notation),
        ("ours", false)
    );
}

#[test]
fn the_text_fills_in_what_is_not_given_otherwise() {
    let raw = "id:7 sub:001 dlvrd:001 submit date:2611211200 done date:2611211201 \
               stat:UNDELIV err:069 text:hello";
    let receipt = read(&json!({"rawPayload": raw}));
    assert_eq!(receipt.operator_message_id(), "7");
    assert_eq!(
        (receipt.stat(), receipt.err()),
        (Some("UNDELIV"), Some("069"))
    );
    assert_eq!(receipt.status(), Some(Status::Failed));
    assert_eq!(receipt.submit_date(), Some("2611211200"));
    assert_eq!(receipt.done_at.unwrap().to_string(), "2026-11-21T12:01:00Z");
    let given = json!({"rawPayload": raw, "err": "1", "doneDate": "soon", "submitDate": ""});
    let receipt = read(&given);
    assert_eq!(
        (receipt.err(), receipt.done_date()),
        (Some("1"), Some("soon"))
    );
    assert_eq!(
        (receipt.done_at, receipt.submit_date()),
        (None, Some("2611211200"))
    );
    // A value that breaks its field's rule is left out, and nothing is rejected for it.
    let long = "9".repeat(33);
    let raw = format!("id:7 done date:{long} stat:DELIVRD err:{long}");
    let receipt = read(&json!({"rawPayload": raw}));
    assert_eq!((receipt.err(), receipt.done_date()), (None, None));
    // Escaped in JSON, it lies in no payload.
    let receipt = read(&json!({"rawPayload": "id:7\r\nstat:DELIVRD\terr:\"1\""}));
    assert_eq!(
        (receipt.operator_message_id(), receipt.err()),
        ("7", Some("\"1\""))
    );
}

#[test]
fn a_text_that_is_no_receipt_gives_nothing() {
    let no_receipt = read_by(&json!({}), &json!({"rawPayload": "See you at 5"}));
    assert_eq!(no_receipt.unwrap_err(), Rejection::MissingId);
    let no_state = read_by(&json!({}), &json!({"rawPayload": "id:7 err:000"}));
    assert_eq!(no_state.unwrap_err(), Rejection::MissingState);
    let long = json!({"operatorMessageId": "7", "stat": "X", "rawPayload": "x".repeat(4_097)});
    assert_eq!(
        read_by(&json!({}), &long).unwrap_err().to_string(),
        "wrong_length (rawPayload)"
    );
}

#[test]
fn the_state_that_counts_and_its_word() {
    let profile = json!({
        "words": {"RT:0148": "failed", "HELD": "unknown"},
        "states": {"128": "delivered"},
        "accepted": "delivered",
        "unknown": "expired",
    });
    let cases = [
        (
            json!({"stat": "rt:0148"}),
            Some(Status::Failed),
            "RT:0148",
            false,
        ),
        (
            json!({"messageState": 128}),
            Some(Status::Delivered),
            "DELIVRD",
            false,
        ),
        (json!({"messageState": 129}), None, "UNKNOWN", false),
        (
            json!({"messageState": 129, "stat": "FAILED"}),
            Some(Status::Failed),
            "FAILED",
            false,
        ),
        (
            json!({"messageState": 6}),
            Some(Status::Delivered),
            "ACCEPTD",
            false,
        ),
        (
            json!({"messageState": 6, "stat": "DELIVRD"}),
            Some(Status::Delivered),
            "DELIVRD",
            false,
        ),
        (
            json!({"messageState": 7}),
            Some(Status::Expired),
            "UNKNOWN",
            false,
        ),
        (
            json!({"messageState": 7, "stat": "DELIVRD"}),
            Some(Status::Delivered),
            "DELIVRD",
            false,
        ),
        // A mapped word is definite, whatever it means.
        (
            json!({"stat": "held", "rawPayload": "id:7 stat:FAILED"}),
            Some(Status::Unknown),
            "HELD",
            true,
        ),
        // Whoever only says UNKNOWN does not lend its word to what somebody else decided.
        (
            json!({"messageState": 3, "stat": "UNKNOWN"}),
            Some(Status::Expired),
            "EXPIRED",
            false,
        ),
        (
            json!({"stat": "WHAT", "rawPayload": "id:7 stat:delivrd"}),
            Some(Status::Delivered),
            "DELIVRD",
            false,
        ),
        (
            json!({"messageState": 5, "rawPayload": "id:7 stat:REJECTD"}),
            Some(Status::Failed),
            "REJECTD",
            false,
        ),
        (
            json!({"messageState": 5, "rawPayload": "id:7 stat:DELIVRD"}),
            Some(Status::Failed),
            "UNDELIV",
            true,
        ),
        // What breaks the rule of `stat` is no state.
        (
            json!({"messageState": 5, "rawPayload": "id:7 stat:DELIVRD!"}),
            Some(Status::Failed),
            "UNDELIV",
            false,
        ),
    ];
    for (mut receipt, status, word, disagrees) in cases {
        receipt["operatorMessageId"] = json!("7");
        let read = read_by(&profile, &receipt).unwrap();
        let found = (
            read.status(),
            read.status_word().into_owned(),
            read.state_disagrees,
        );
        assert_eq!(found, (status, word.to_owned(), disagrees), "{receipt}");
    }
}

#[test]
fn the_first_word_is_stored_as_written() {
    let stat = |receipt: Value| read(&receipt).stat().map(str::to_owned);
    let raw = "id:7 stat:delivrd";
    assert_eq!(stat(json!({"rawPayload": raw})).as_deref(), Some("delivrd"));
    assert_eq!(
        stat(json!({"stat": "Odd", "rawPayload": raw})).as_deref(),
        Some("Odd")
    );
}
