//! Documents that are no profile.

use super::*;

/// Each document is refused with an error that begins so, and tells no phone number.
fn refuses(cases: &[(&str, &str)]) {
    for (document, expected) in cases {
        let error = parse(&serde_json::from_str(document).unwrap()).expect_err(document);
        assert!(error.starts_with(expected), "{error}\nfor {document}");
        assert!(error.len() < 400 && !crate::receipt::privacy::has_number(&error));
    }
}

#[test]
fn every_fault_names_its_field() {
    refuses(&[
        ("[]", "profile: is a list, which nothing in a profile is"),
        (
            "7",
            "profile: invalid type: integer `7`, expected an object",
        ),
        (
            r#"{"tz": "UTC"}"#,
            "tz: unknown field `tz`, expected one of",
        ),
        (r#"{"words": {"": "failed"}}"#, "words.: must be 1 to 32 of"),
        (
            r#"{"words": {"A B": "failed"}}"#,
            "words.A B: must be 1 to 32 of",
        ),
        (
            r#"{"words": {"A": "queued"}}"#,
            "words.A: unknown variant `queued`",
        ),
        (
            r#"{"words": {"a": "failed", "A": "sent"}}"#,
            "words.a: is given twice",
        ),
        (
            r#"{"states": {"2": "failed"}}"#,
            "states.2: must be a vendor's state, 10 to 255",
        ),
        (
            r#"{"states": {"010": "failed"}}"#,
            "states.010: must be a vendor's state",
        ),
        (
            r#"{"states": {"256": "failed"}}"#,
            "states.256: must be a vendor's state",
        ),
        (
            r#"{"accepted": "failed"}"#,
            "accepted: must be inTransit, accepted or delivered",
        ),
        (
            r#"{"unknown": "delivered"}"#,
            "unknown: must be unknown, inTransit, expired or failed",
        ),
        (
            r#"{"timeZone": "Europe/Atlantis"}"#,
            "timeZone: is neither an IANA time zone nor",
        ),
        (r#"{"timeZone": "+99:00"}"#, "timeZone: is neither"),
        (
            r#"{"twelveDigits": "YYMMDD"}"#,
            "twelveDigits: unknown variant",
        ),
        (r#"{"segments": 1}"#, "segments: "),
        (r#"{"horizon": "30m"}"#, "horizon: must be 1h to 720h"),
        (r#"{"horizon": "721h"}"#, "horizon: must be 1h to 720h"),
        (r#"{"horizon": "soon"}"#, "horizon: "),
        (r#"{"horizon": 73}"#, "horizon: "),
        // Whatever stands in it, no error tells a phone number.
        (
            r#"{"words": {"DND_447700900123": "failed"}}"#,
            "words: holds seven digits in a row",
        ),
        (
            r#"{"timeZone": {"447700900123": 1}}"#,
            "timeZone: invalid type: map",
        ),
        (
            r#"{"segments": "447700900123"}"#,
            "segments: is not what belongs here",
        ),
        (
            r#"{"447700900123": 1}"#,
            "profile: is not what belongs here",
        ),
        (
            r#"{"words": {"+44 7700 900123": "eaten"}}"#,
            "profile: unknown variant",
        ),
        (
            r#"{"words": {"+44 7700 900123": "failed"}}"#,
            "words: must be",
        ),
    ]);
    let words: BTreeMap<_, _> = (0..201).map(|n| (format!("W{n}"), "failed")).collect();
    let zone = "x".repeat(65);
    refuses(&[
        (
            &json!({"words": words}).to_string(),
            "words: must be at most 200 in number",
        ),
        (
            &json!({"timeZone": zone}).to_string(),
            "timeZone: is neither",
        ),
    ]);
}

#[test]
fn notations_that_go_not_together_are_refused() {
    let ids = |ids: &str, expected: &str| {
        refuses(&[(&format!(r#"{{"ids": {ids}}}"#), &format!("ids{expected}"))]);
    };
    ids(r#"{"stored": ["hex", 8]}"#, ".stored: is a list");
    ids(
        r#"{"text": {"form": "octal"}}"#,
        ".text.form: unknown variant `octal`",
    );
    ids(
        r#"{"text": {"strip": "x"}}"#,
        ".text.strip: unknown field `strip`",
    );
    ids(
        r#"{"text": {"form": "decimal"}}"#,
        ".text.form: decimal and hex need ids.stored.form to be decimal or hex",
    );
    ids(
        r#"{"tlv": {"form": "hex", "case": "lower"}, "stored": {"form": "hex"}}"#,
        ".tlv.case: goes only with form verbatim",
    );
    ids(
        r#"{"tlv": {"form": "ignore", "stripPrefix": "0x"}}"#,
        ".tlv.stripPrefix: goes only with form verbatim, decimal or hex",
    );
    ids(
        r#"{"tlv": {"form": "hex", "stripPrefix": "ab"}, "stored": {"form": "hex"}}"#,
        ".tlv.stripPrefix: could be digits of the id itself; say stripRequired",
    );
    ids(
        r#"{"field": {"form": "decimal", "stripSuffix": "00"}, "stored": {"form": "hex"}}"#,
        ".field.stripSuffix: could be digits",
    );
    ids(
        r#"{"field": {"stripRequired": true}}"#,
        ".field.stripRequired: needs stripPrefix or stripSuffix",
    );
    ids(
        r#"{"field": {"form": "ignore"}, "tlv": {"form": "ignore"}, "text": {"form": "ignore"}}"#,
        ": ignores every source of the id",
    );
    ids(
        r#"{"field": {"stripPrefix": "a b"}}"#,
        ".field.stripPrefix: must be at most 64",
    );
    let long = format!(r#"{{"field": {{"stripPrefix": "{}"}}}}"#, "x".repeat(65));
    ids(&long, ".field.stripPrefix: must be at most 64");
    ids(
        r#"{"stored": {"width": 8}}"#,
        ".stored.width: goes only with form decimal or hex",
    );
    ids(
        r#"{"stored": {"form": "hex", "width": 0}}"#,
        ".stored.width: must be 1 to 128",
    );
    ids(
        r#"{"stored": {"form": "hex", "width": 129}}"#,
        ".stored.width: must be 1 to 128",
    );
    ids(
        r#"{"stored": {"form": "hex", "width": 65536}}"#,
        ".stored.width: invalid value",
    );
    ids(
        r#"{"stored": {"form": "decimal", "case": "upper"}}"#,
        ".stored.case: goes only with form hex",
    );
    ids(
        r#"{"stored": {"form": "hex", "prefix": "ü"}}"#,
        ".stored.prefix: must be at most 64",
    );
}
