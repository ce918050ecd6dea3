mod refusals;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn parse(document: &Value) -> Result<Profile, String> {
    Profile::parse(document, 3).map_err(|error| error.to_string())
}

#[test]
fn an_empty_document_changes_nothing() {
    let profile = parse(&json!({})).unwrap();
    assert_eq!(
        profile,
        Profile {
            revision: 3,
            ..Profile::default()
        }
    );
    let nothing = json!({"ids": {"text": {"form": null}}, "accepted": null, "horizon": null});
    assert_eq!(parse(&nothing).unwrap(), profile);
}

#[test]
fn a_full_document_is_read() {
    let profile = parse(&json!({
        "ids": {
            "field": {"form": "verbatim", "stripSuffix": "@n1", "case": "lower", "stripZeros": true},
            "tlv": {"form": "hex", "stripPrefix": "0x"},
            "text": {"form": "decimal", "stripPrefix": "9", "stripRequired": true},
            "stored": {"form": "hex", "width": 8, "case": "upper", "prefix": "V"},
        },
        "words": {"rt:0148": "failed", "ACCEPTD": "in_transit"},
        "states": {"128": "failed", "255": "inTransit"},
        "accepted": "delivered",
        "unknown": "failed",
        "timeZone": "Europe/Berlin",
        "twelveDigits": "YYYYMMDDhhmm",
        "segments": "last",
        "horizon": "48h",
    }))
    .unwrap();
    assert_eq!(profile.ids.field.key("007A@n1").as_deref(), Some("7a"));
    assert_eq!(profile.ids.tlv.key("0x1b").as_deref(), Some("V0000001B"));
    assert_eq!(profile.ids.text.key("927").as_deref(), Some("V0000001B"));
    assert_eq!(profile.ids.text.key("27"), None);
    let definite = |status| Some(Meaning::definite(status));
    assert_eq!(profile.word("Rt:0148"), definite(Status::Failed));
    assert_eq!(profile.word("acceptd"), definite(Status::InTransit));
    assert_eq!(profile.state(MessageState(6)), definite(Status::Delivered));
    assert_eq!(profile.state(MessageState(128)), definite(Status::Failed));
    assert_eq!(profile.state(MessageState(200)), None);
    let unknown = profile.word("UNKNOWN").unwrap();
    assert_eq!(
        (unknown.status, unknown.is_definite),
        (Status::Failed, false)
    );
    assert_eq!(profile.time_zone.iana_name(), Some("Europe/Berlin"));
    assert_eq!(profile.twelve_digits, TwelveDigits::WithCentury);
    assert_eq!(profile.segments, Segments::Last);
    assert_eq!(profile.horizon, Some(Duration::from_hours(48)));
}

#[test]
fn a_mapped_unknown_is_definite() {
    let profile = parse(&json!({"words": {"UNKNOWN": "unknown"}})).unwrap();
    assert_eq!(
        profile.word("unknown"),
        Some(Meaning::definite(Status::Unknown))
    );
}

#[test]
fn zones_are_names_and_offsets() {
    for (name, at) in [
        ("UTC", "2026-07-01T12:00:00Z"),
        ("Asia/Kolkata", "2026-07-01T06:30:00Z"),
        ("europe/berlin", "2026-07-01T10:00:00Z"),
        ("+05:30", "2026-07-01T06:30:00Z"),
        ("-03:00", "2026-07-01T15:00:00Z"),
    ] {
        let zone = parse(&json!({"timeZone": name})).unwrap().time_zone;
        let civil = jiff::civil::date(2026, 7, 1).at(12, 0, 0, 0);
        assert_eq!(zone.to_timestamp(civil).unwrap().to_string(), at, "{name}");
    }
}

fn documents() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[ -~]{0,70}".prop_map(Value::from),
        proptest::sample::select(vec![
            "verbatim",
            "decimal",
            "hex",
            "ignore",
            "lower",
            "failed",
            "delivered",
            "48h",
            "UTC",
        ])
        .prop_map(Value::from),
    ];
    let name = proptest::sample::select(vec![
        "ids",
        "field",
        "tlv",
        "text",
        "stored",
        "form",
        "stripPrefix",
        "stripSuffix",
        "case",
        "stripRequired",
        "stripZeros",
        "width",
        "prefix",
        "words",
        "states",
        "accepted",
        "unknown",
        "timeZone",
        "twelveDigits",
        "segments",
        "horizon",
        "128",
        "NEW",
    ]);
    leaf.prop_recursive(4, 40, 6, move |inner| {
        proptest::collection::btree_map(name.clone(), inner, 0..6).prop_map(|map| {
            Value::Object(
                map.into_iter()
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect(),
            )
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn any_document_is_a_profile_or_an_error_that_names_a_field(document in documents()) {
        if let Err(error) = Profile::parse(&document, 1) {
            prop_assert!(!error.field.is_empty());
            prop_assert!(error.to_string().len() < 600);
        }
    }
}
