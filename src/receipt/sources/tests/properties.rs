//! What holds for any mixture of sources.

use proptest::prelude::*;
use serde_json::Map;

use super::*;
use crate::receipt::privacy::{Parted, has_number};

/// The rule of CONTRACT §3 as it is told: the first that knows counts.
fn model(said: &[Option<Status>]) -> (Option<Status>, bool) {
    let known: Vec<Status> = said.iter().flatten().copied().collect();
    let definite: Vec<Status> = known
        .iter()
        .copied()
        .filter(|it| *it != Status::Unknown)
        .collect();
    let status = definite.first().or_else(|| known.first()).copied();
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
