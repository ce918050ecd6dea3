use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::receipt::privacy::{Parted, has_number};
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

/// The rule of CONTRACT §3 as it is told: the first that knows counts.
fn model(said: &[Option<Status>]) -> (Option<Status>, bool) {
    let known: Vec<Status> = said.iter().flatten().copied().collect();
    let definite: Vec<Status> = known
        .iter()
        .copied()
        .filter(|it| *it != Status::Unknown)
        .collect();
    let status = definite.first().or(known.first()).copied();
    (
        status,
        definite.iter().any(|it| Some(it) != definite.first()),
    )
}

const STATES: [(u8, Option<Status>); 8] = [
    (0, Some(Status::Sent)),
    (1, Some(Status::InTransit)),
    (2, Some(Status::Delivered)),
    (3, Some(Status::Expired)),
    (5, Some(Status::Failed)),
    (6, Some(Status::Accepted)),
    (7, Some(Status::Unknown)),
    (200, None),
];

const WORDS: [(&str, Option<Status>); 7] = [
    ("ENROUTE", Some(Status::InTransit)),
    ("DELIVRD", Some(Status::Delivered)),
    ("Expired", Some(Status::Expired)),
    ("REJECTD", Some(Status::Failed)),
    ("acceptd", Some(Status::Accepted)),
    ("UNKNOWN", Some(Status::Unknown)),
    ("MOONED", None),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn the_first_source_that_knows_the_state_counts(
        tlv in proptest::option::of(0..STATES.len()),
        field in proptest::option::of(0..STATES.len()),
        stat in proptest::option::of(0..WORDS.len()),
        text in proptest::option::of(0..WORDS.len()),
    ) {
        let mut receipt = json!({"operatorMessageId": "7"});
        if let Some(at) = tlv {
            receipt["tlv"] = json!({"messageState": STATES[at].0});
        }
        if let Some(at) = field {
            receipt["messageState"] = json!(STATES[at].0);
        }
        if let Some(at) = stat {
            receipt["stat"] = json!(WORDS[at].0);
        }
        if let Some(at) = text {
            receipt["rawPayload"] = json!(format!("id:7 stat:{}", WORDS[at].0));
        }
        match read_by(&json!({}), &receipt) {
            Err(rejection) => {
                prop_assert_eq!(rejection, Rejection::MissingState);
                prop_assert!([tlv, field, stat, text].iter().all(Option::is_none));
            }
            Ok(read) => {
                let state = |at: Option<usize>| at.and_then(|at| STATES[at].1);
                let word = |at: Option<usize>| at.and_then(|at| WORDS[at].1);
                let said = [state(tlv), state(field), word(stat), word(text)];
                prop_assert_eq!((read.status(), read.state_disagrees), model(&said));
            }
        }
    }

    #[test]
    fn whatever_the_notation_of_each_source_the_key_is_the_same(
        number in "[1-9a-f][0-9a-f]{0,40}",
        zeros in 0_usize..20,
        upper: bool,
        field: bool,
        tlv: bool,
        text: bool,
        wrong in proptest::option::of(0..3_usize),
    ) {
        let profile = json!({"ids": {
            "field": {"form": "hex", "stripPrefix": "0x"},
            "tlv": {"form": "hex", "stripSuffix": "@n"},
            "text": {"form": "decimal"},
            "stored": {"form": "hex", "case": "upper"},
        }});
        let decimal = Profile::parse(&json!({"ids": {
            "field": {"form": "hex"}, "stored": {"form": "decimal"},
        }}), 1).unwrap().ids.field;
        let zeros = "0".repeat(zeros);
        let written = |source: usize| {
            // The number itself, or its next: another message's.
            let digits = if wrong == Some(source) { format!("{number}0") } else { number.clone() };
            let hex = if upper { digits.to_ascii_uppercase() } else { digits.clone() };
            match source {
                0 => format!("0x{zeros}{hex}"),
                1 => format!("{zeros}{hex}@n"),
                _ => format!("{zeros}{}", decimal.key(&digits).unwrap()),
            }
        };
        let mut receipt = json!({"stat": "DELIVRD"});
        if field {
            receipt["operatorMessageId"] = json!(written(0));
        }
        if tlv {
            receipt["tlv"] = json!({"receiptedMessageId": written(1)});
        }
        if text {
            receipt["rawPayload"] = json!(format!("id:{} stat:DELIVRD", written(2)));
        }
        let given: Vec<usize> = [field, tlv, text].iter().enumerate()
            .filter_map(|(at, is_there)| is_there.then_some(at)).collect();
        let Ok(read) = read_by(&profile, &receipt) else {
            prop_assert!(given.is_empty());
            return Ok(());
        };
        let wrong_first = given.first().copied() == wrong;
        let key = if wrong_first { format!("{number}0") } else { number.clone() };
        prop_assert_eq!(read.operator_message_id(), key.to_ascii_uppercase());
        prop_assert!(read.id_in_notation);
        let is_wrong = |source: &&usize| wrong == Some(**source);
        let disagree = given.len() > 1 && given.iter().filter(is_wrong).count() == 1;
        prop_assert_eq!(read.id_disagrees, disagree);
    }

    /// A number anywhere in the carrier's text does not get into what stands in the open.
    #[test]
    fn the_receipts_own_number_is_never_in_the_open(
        number in "[1-9][0-9]{6,14}",
        place in 0..7_usize,
        grouped: bool,
    ) {
        let said = if grouped {
            let (start, rest) = number.split_at(3);
            format!("{start}-{rest}")
        } else {
            number.clone()
        };
        let values = ["7", "001", "2611211200", "2611211201", "DELIVRD", "000", "hi"];
        let mut values: Vec<String> = values.map(str::to_owned).to_vec();
        values[place] = if place == 4 { format!("DND_{said}") } else { said };
        let labels = ["id", "sub", "submit date", "done date", "stat", "err", "text"];
        let fields: Vec<String> = labels.iter().zip(&values)
            .map(|(label, value)| format!("{label}:{value}")).collect();
        let mut receipt = Map::new();
        receipt.insert("destAddr".into(), json!(format!("+{number}")));
        receipt.insert("rawPayload".into(), json!(fields.join(" ")));
        let receipt = read(&Value::Object(receipt));
        let parted = Parted::of(&receipt);
        let word = receipt.status_word();
        let open = [
            parted.operator_message_id, parted.stat, parted.err, parted.submit_date,
            parted.done_date, Some(&*word),
        ];
        for open in open.into_iter().flatten() {
            let digits: String = open.chars().filter(char::is_ascii_digit).collect();
            prop_assert!(!digits.contains(&number), "{} shows {}", open, number);
        }
        prop_assert!(!has_number(&word));
        let times = [receipt.submitted_at, receipt.done_at].into_iter().flatten();
        for time in times {
            prop_assert!(time.to_string().starts_with("2026-11-21"));
        }
    }
}
