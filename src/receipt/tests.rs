use proptest::prelude::*;

use super::*;

fn read(json: &str) -> Result<Receipt, Rejection> {
    read_bytes(Bytes::copy_from_slice(json.as_bytes()))
}

fn read_bytes(payload: impl Into<Bytes>) -> Result<Receipt, Rejection> {
    Receipt::read(payload.into(), Publisher::Gateway, &Profiles::default())
}

/// A valid receipt with `fields` beside what is required.
fn with(fields: &str) -> String {
    format!(r#"{{"carrierId":"acme","operatorMessageId":"7","stat":"DELIVRD"{fields}}}"#)
}

#[test]
fn a_full_receipt_is_read_without_copying() {
    let payload = Bytes::from_static(
        br#" {"carrierId":"acme","operatorMessageId":"0059113978","stat":"delivrd","messageState":2,
        "err":"000","networkErrorCode":"0301","submitDate":"2611211200","doneDate":"2611211201",
        "sourceAddr":"ACME","destAddr":"+447700900123","sub":"001","dlvrd":"001",
        "accountId":"00000000-0000-0000-0000-000000000003","rawPayload":"id:7 stat:DELIVRD",
        "receivedAt":"2026-11-21T12:01:00Z","extra":{"a":[1,2,{"b":null}]},
        "tlv":{"receiptedMessageId":"38601fa","messageState":2,"other":1}} "#,
    );
    let receipt = read_bytes(payload.clone()).unwrap();
    assert_eq!(receipt.carrier(), "acme");
    assert_eq!(receipt.operator_message_id(), "0059113978");
    assert_eq!(
        (receipt.stat(), receipt.err()),
        (Some("delivrd"), Some("000"))
    );
    assert_eq!(receipt.status_word(), "DELIVRD");
    assert_eq!(receipt.status(), Some(Status::Delivered));
    assert!(receipt.id_disagrees && !receipt.state_disagrees);
    assert_eq!(receipt.dest().unwrap().expose(), "+447700900123");
    assert_eq!(receipt.done_at.unwrap().to_string(), "2026-11-21T12:01:00Z");
    assert!(
        payload
            .as_ptr_range()
            .contains(&receipt.stat().unwrap().as_ptr())
    );
}

#[test]
fn escaped_values_are_unescaped() {
    let receipt = read(&with(r#","err":"a\"b\u00e9","sourceAddr":"\u0041cme""#)).unwrap();
    assert_eq!(receipt.err(), Some("a\"bé"));
    assert_eq!(receipt.source().unwrap().expose(), "Acme");
}

#[test]
fn every_rejection_has_its_name() {
    let long = "x".repeat(200);
    let deep = format!(r#","x":{}{}"#, "[".repeat(17), "]".repeat(17));
    let cases: Vec<(String, &str)> = vec![
        (String::new(), "empty"),
        (" \n".into(), "empty"),
        (
            with(&format!(r#","x":"{}""#, "x".repeat(PAYLOAD_MAX))),
            "oversized",
        ),
        ("x".repeat(PAYLOAD_MAX + 1), "oversized"),
        ("[1]".into(), "unknown_encoding"),
        ("\u{feff}{}".into(), "unknown_encoding"),
        ("DLR\u{2}\0\0\0\0".into(), "unknown_encoding"),
        ("DLR\u{1}\0\0\0\0".into(), "malformed_archive"),
        (with("").trim_end_matches('}').into(), "truncated"),
        ("{".into(), "truncated"),
        (with("") + "x", "malformed_json"),
        ("{'a':1}".into(), "malformed_json"),
        (with(r#","x":NaN"#), "malformed_json"),
        (with(r#","err":1e999"#), "malformed_json"),
        (with(r#","err":"\ud800""#), "malformed_json"),
        (with(&deep), "too_deep"),
        (with(r#","err":"a\u0000""#), "contains_nul"),
        (with(",\"err\":\"a\0\""), "contains_nul"),
        (with(r#","stat":"DELIVRD""#), "duplicate_field (stat)"),
        (
            with(r#","tlv":{"messageState":2,"messageState":2}"#),
            "duplicate_field (tlv.messageState)",
        ),
        (with(r#","err":7"#), "wrong_type (err)"),
        (with(r#","err":{}"#), "wrong_type (err)"),
        (with(r#","tlv":[]"#), "wrong_type (tlv)"),
        (with(r#","messageState":"2""#), "wrong_type (messageState)"),
        (with(r#","messageState":2.5"#), "wrong_type (messageState)"),
        (
            with(r#","messageState":256"#),
            "out_of_range (messageState)",
        ),
        (with(r#","messageState":-1"#), "out_of_range (messageState)"),
        (with(&format!(r#","err":"{long}""#)), "wrong_length (err)"),
        (
            with(&format!(r#","destAddr":"{long}""#)),
            "wrong_length (destAddr)",
        ),
        (with(r#","accountId":"seven""#), "bad_uuid (accountId)"),
        (
            with(r#","receivedAt":"today""#),
            "bad_timestamp (receivedAt)",
        ),
        (
            with(r#","receivedAt":"-005000-01-01T00:00:00Z""#),
            "bad_timestamp (receivedAt)",
        ),
        (
            r#"{"carrierId":"447700900123","operatorMessageId":"7","stat":"X","destAddr":"+447700900123"}"#.into(),
            "carrier_is_number",
        ),
        (
            r#"{"operatorMessageId":"7","stat":"DELIVRD"}"#.into(),
            "missing_carrier",
        ),
        (
            r#"{"carrierId":"acme","stat":"DELIVRD"}"#.into(),
            "missing_id",
        ),
        (
            r#"{"carrierId":"acme","operatorMessageId":"7"}"#.into(),
            "missing_state",
        ),
        (
            r#"{"carrierId":"Acme","operatorMessageId":"7","stat":"X"}"#.into(),
            "bad_characters (carrierId)",
        ),
        (
            r#"{"carrierId":"","operatorMessageId":"7","stat":"X"}"#.into(),
            "wrong_length (carrierId)",
        ),
        (
            r#"{"carrierId":"acme","operatorMessageId":"7 8","stat":"X"}"#.into(),
            "bad_characters (operatorMessageId)",
        ),
        (
            r#"{"carrierId":"acme","operatorMessageId":"7","stat":"DELIVRD'; DROP"}"#.into(),
            "bad_characters (stat)",
        ),
    ];
    for (payload, expected) in cases {
        let rejection = read(&payload).expect_err(&payload);
        assert_eq!(rejection.to_string(), expected, "{payload}");
        assert!(Rejection::REASONS.contains(&rejection.reason()));
    }
}

#[test]
fn bytes_that_are_not_utf8_are_rejected_by_name() {
    let rejection = read_bytes(&b"{\"a\":\"\xff\"}"[..]);
    assert_eq!(rejection.unwrap_err(), Rejection::NotUtf8);
}

#[test]
fn the_subject_is_the_carriers_identity() {
    let read = |json: &str, carrier| {
        let payload = Bytes::copy_from_slice(json.as_bytes());
        Receipt::read(payload, Publisher::Carrier(carrier), &Profiles::default())
            .map(|receipt| receipt.carrier().to_owned())
    };
    let unnamed = r#"{"operatorMessageId":"7","stat":"DELIVRD"}"#;
    assert_eq!(read(unnamed, "acme").unwrap(), "acme");
    assert_eq!(read(&with(""), "acme").unwrap(), "acme");
    assert_eq!(
        read(&with(""), "other").unwrap_err(),
        Rejection::CarrierMismatch
    );
    assert_eq!(read(unnamed, "a.b").unwrap_err(), Rejection::BadSubject);
}

#[test]
fn null_means_absent_and_unknown_fields_are_ignored() {
    let receipt = read(&with(r#","err":null,"tlv":null,"tomorrow":[1e999,"]\"]"]"#)).unwrap();
    assert_eq!(receipt.err(), None);
}

#[test]
fn unknown_yields_to_the_next_source_of_the_state() {
    let status = |fields: &str| {
        let json = format!(r#"{{"carrierId":"a","operatorMessageId":"7"{fields}}}"#);
        let receipt = read(&json).unwrap();
        (
            receipt.status(),
            receipt.state_disagrees,
            receipt.status_word().into_owned(),
        )
    };
    let word = |status, disagrees, word: &str| (status, disagrees, word.to_owned());
    assert_eq!(
        status(r#","messageState":7,"stat":"DELIVRD""#),
        word(Some(Status::Delivered), false, "DELIVRD")
    );
    assert_eq!(
        status(r#","tlv":{"messageState":5},"stat":"DELIVRD""#),
        word(Some(Status::Failed), true, "UNDELIV")
    );
    assert_eq!(
        status(r#","messageState":3"#),
        word(Some(Status::Expired), false, "EXPIRED")
    );
    assert_eq!(
        status(r#","messageState":200,"stat":"Buffered""#),
        word(Some(Status::InTransit), false, "BUFFERED")
    );
    assert_eq!(status(r#","stat":"RT:0148""#).0, None);
    assert_eq!(
        status(r#","stat":"DND_447700900123""#),
        word(Some(Status::Failed), false, "UNDELIV")
    );
}

#[test]
fn unreadable_dates_are_no_error() {
    let receipt = read(&with(r#","submitDate":"0000000000","doneDate":"soon""#)).unwrap();
    assert_eq!(
        (receipt.submitted_at, receipt.done_date()),
        (None, Some("soon"))
    );
}

proptest! {
    #[test]
    fn any_bytes_are_a_receipt_or_a_named_rejection(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Err(rejection) = read_bytes(bytes) {
            prop_assert!(Rejection::REASONS.contains(&rejection.reason()));
        }
    }

    #[test]
    fn a_valid_receipt_cut_or_changed_anywhere_never_panics(at in 0_usize..200, byte in any::<u8>()) {
        let mut payload = with(r#","err":"a\"b","tlv":{"messageState":2},"x":[{"y":1}]"#).into_bytes();
        if let Some(place) = payload.get_mut(at) {
            *place = byte;
        }
        drop(read_bytes(payload.clone()));
        if at < payload.len() {
            payload.truncate(at);
            prop_assert!(read_bytes(payload).is_err());
        }
    }
}
