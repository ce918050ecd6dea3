//! Finds the planted numbers, however they are written.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Each in one kind of place, so that a hit tells the place.
pub(super) const PLANTED: [&str; 14] = [
    "447700900123", // an address, and the operator message id of the same receipt
    "447700900234", // the other address
    "447700900345", // `err`
    "447700900456", // `networkErrorCode`
    "447700900567", // dates
    "447700900678", // `rawPayload`
    "447700900789", // `stat`
    "447700900890", // unknown fields
    "447700900901", // headers
    "447700900112", // where only something else is allowed
    "441212012345", // a number that reads as a date: 12 December 1944, 01:23:45
    "447700900334", // the sender of a parked receipt
    "447700900445", // an address, and the operator message id in another base
    "447700900556", // the same of a parked receipt
];

/// The planted numbers that stand in `text`, and in which form.
pub(super) fn found(text: &str) -> Vec<(&'static str, &'static str)> {
    let lower = text.to_lowercase();
    let joined: String = text
        .chars()
        .filter(|c| !" \u{a0}-_./:,()+TZ".contains(*c))
        .collect();
    let mut hits = Vec::new();
    for number in PLANTED {
        let reversed: String = number.chars().rev().collect();
        // An ASCII digit is a 3 and itself.
        let hex: String = number.chars().flat_map(|digit| ['3', digit]).collect();
        let forms = [
            ("plain", text.contains(number)),
            ("separated", joined.contains(number)),
            ("reversed", joined.contains(&reversed)),
            ("hex", lower.contains(&hex)),
            ("base 16", lower.contains(&in_base_16(number))),
            (
                "base64",
                base64_forms(number).iter().any(|it| text.contains(it)),
            ),
        ];
        hits.extend(
            forms
                .iter()
                .filter(|(_, hit)| *hit)
                .map(|(form, _)| (number, *form)),
        );
    }
    hits
}

pub(super) fn in_base_16(number: &str) -> String {
    format!("{:x}", number.parse::<u64>().unwrap())
}

/// What base64 of a text around the number must contain, whatever stands before it.
fn base64_forms(number: &str) -> [String; 3] {
    [0, 1, 2].map(|before| {
        let encoded = STANDARD.encode(format!("{}{number}", "x".repeat(before)));
        // The first characters depend on what is before, the last on what is behind.
        let from = [0, 2, 3][before];
        let to = (before + number.len()) * 8 / 6;
        encoded.get(from..to).unwrap().to_owned()
    })
}

#[test]
fn the_canary_is_heard_in_every_form() {
    let heard = |text: &str, form| found(text).contains(&("447700900123", form));
    assert!(heard("to=+447700900123,", "plain"));
    for text in ["+44 7700 900123", "(44)7700.900-123", "4477-00-90T01:23Z"] {
        assert!(heard(text, "separated"), "{text}");
    }
    assert!(heard("321009007744", "reversed"));
    assert!(heard("0x00683D0D991B", "base 16"));
    assert!(heard(r"\x00343437373030393030313233ff", "hex"));
    for before in ["", "a", "ab", "abc"] {
        let encoded = STANDARD.encode(format!("{before}+447700900123 and more"));
        assert!(heard(&encoded, "base64"), "{encoded}");
    }
    assert_eq!(found("447700 900124, 44770090012, 64b21afa-98e2-5622"), []);
}
