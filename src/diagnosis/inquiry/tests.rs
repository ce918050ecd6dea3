use serde_json::{Value, json};

use super::*;
use crate::receipt::profile::Profile;

mod properties;
mod refusals;
mod world;

use self::world::World;
use crate::receipt::sources::IdSource::{Field, Text, Tlv};

/// Numbers far from each other, as those of a busy carrier are for one of its customers.
fn numbers(count: u32) -> impl Iterator<Item = u64> {
    (1..=count).map(|n| u64::from(n.wrapping_mul(0x9E37_79B1)) | 0x1000_0000)
}

/// The rules that are proposed for a carrier that writes so, given the profile in force.
fn proposed(
    in_force: &Value,
    write: impl Fn(u64) -> (Vec<(IdSource, String)>, String),
) -> Option<Value> {
    let mut world = World::default();
    for number in numbers(120) {
        let (written, stored) = write(number);
        world.message(&stored);
        world.receipt(written.iter().map(|(source, id)| (*source, id.as_str())));
    }
    let findings = world.inquire(in_force);
    let (rules, evidence) = findings.rules?;
    assert_eq!(evidence.refusals(), [], "{evidence:?}");
    assert_eq!(evidence.gained, 120, "{rules:?}");
    assert_eq!(evidence.decoys_found, 0);
    let document = rules.write_into(in_force);
    Profile::parse(&document, 1).unwrap();
    Some(document)
}

#[test]
fn decimal_text_where_hexadecimal_is_stored() {
    let document = proposed(&json!({}), |n| {
        (vec![(Text, format!("{n:010}"))], format!("{n:x}"))
    });
    let expected = json!({"ids": {"text": {"form": "decimal"}, "stored": {"form": "hex"}}});
    assert_eq!(document, Some(expected));
}

#[test]
fn decimal_text_where_padded_capitals_are_stored() {
    let document = proposed(&json!({}), |n| {
        (vec![(Text, n.to_string())], format!("{n:016X}"))
    });
    let stored = json!({"form": "hex", "width": 16, "case": "upper"});
    let expected = json!({"ids": {"text": {"form": "decimal"}, "stored": stored}});
    assert_eq!(document, Some(expected));
}

#[test]
fn hexadecimal_tlv_where_decimal_is_stored() {
    let document = proposed(&json!({}), |n| {
        (
            vec![(Tlv, format!("{n:x}")), (Text, "1".to_owned())],
            n.to_string(),
        )
    });
    let expected = json!({"ids": {"tlv": {"form": "hex"}, "stored": {"form": "decimal"}}});
    assert_eq!(document, Some(expected));
}

#[test]
fn hexadecimal_tlv_where_ten_decimal_digits_are_stored() {
    let document = proposed(&json!({}), |n| {
        let small = n >> 8;
        (vec![(Tlv, format!("{small:x}"))], format!("{small:010}"))
    });
    let stored = json!({"form": "decimal", "width": 10});
    let expected = json!({"ids": {"tlv": {"form": "hex"}, "stored": stored}});
    assert_eq!(document, Some(expected));
}

#[test]
fn another_case_of_the_same_letters() {
    let uuid = |n: u64| uuid::Uuid::from_u64_pair(n.wrapping_mul(0x9E37_79B9_7F4A_7C15), n << 20);
    let document = proposed(&json!({}), |n| {
        (
            vec![(Field, uuid(n).to_string().to_uppercase())],
            uuid(n).to_string(),
        )
    });
    assert_eq!(document, Some(json!({"ids": {"field": {"case": "lower"}}})));
}

#[test]
fn zeros_that_the_orchestrator_has_not() {
    let document = proposed(&json!({}), |n| {
        (vec![(Field, format!("{n:012}"))], n.to_string())
    });
    assert_eq!(
        document,
        Some(json!({"ids": {"field": {"stripZeros": true}}}))
    );
}

#[test]
fn a_suffix_and_a_prefix_that_the_orchestrator_has_not() {
    let document = proposed(&json!({}), |n| {
        (vec![(Field, format!("{n:x}@mx1"))], format!("{n:x}"))
    });
    assert_eq!(
        document,
        Some(json!({"ids": {"field": {"stripSuffix": "@mx1"}}}))
    );
    let document = proposed(&json!({}), |n| {
        (vec![(Field, format!("smsc-{n}"))], n.to_string())
    });
    assert_eq!(
        document,
        Some(json!({"ids": {"field": {"stripPrefix": "smsc-"}}}))
    );
}

#[test]
fn a_suffix_that_only_the_orchestrator_has() {
    let document = proposed(&json!({}), |n| {
        (vec![(Field, n.to_string())], format!("{n}@mx1"))
    });
    let stored = json!({"form": "decimal", "suffix": "@mx1"});
    let expected = json!({"ids": {"field": {"form": "decimal"}, "stored": stored}});
    assert_eq!(document, Some(expected));
}

#[test]
fn an_id_cut_short_before_a_whole_one() {
    let document = proposed(&json!({}), |n| {
        let id = format!("{:020}", u128::from(n) * 0x9E37_79B9);
        (
            vec![(Field, id.chars().take(10).collect()), (Tlv, id.clone())],
            id,
        )
    });
    assert_eq!(
        document,
        Some(json!({"ids": {"field": {"form": "ignore"}}}))
    );
}

#[test]
fn numbers_beyond_64_bits() {
    let document = proposed(&json!({}), |n| {
        let id = u128::from(n) << 68 | u128::from(n);
        (vec![(Text, format!("{id:030}"))], format!("{id:x}"))
    });
    let expected = json!({"ids": {"text": {"form": "decimal"}, "stored": {"form": "hex"}}});
    assert_eq!(document, Some(expected));
}

#[test]
fn what_the_profile_says_besides_stays() {
    let in_force = json!({
        "words": {"GONE": "failed"},
        "ids": {"text": {"form": "hex"}, "stored": {"form": "hex", "width": 8}},
    });
    let document = proposed(&in_force, |n| {
        (vec![(Text, n.to_string())], format!("{n:08x}"))
    });
    let expected = json!({
        "words": {"GONE": "failed"},
        "ids": {"text": {"form": "decimal"}, "stored": {"form": "hex", "width": 8}},
    });
    assert_eq!(document, Some(expected));
}

#[test]
fn messages_that_are_not_there_are_found_by_no_reading() {
    let mut world = World::default();
    for number in numbers(200) {
        world.receipt([(Field, number.to_string().as_str())]);
        world.message(&format!("{:x}", number ^ 0x5555_5555));
    }
    let findings = world.inquire(&json!({}));
    assert!(findings.rules.is_none());
    assert_eq!(findings.unfound.len(), 200);
}

#[test]
fn what_matches_by_now_is_left_to_the_sweeper() {
    let mut world = World::default();
    for number in numbers(100) {
        world.message(&number.to_string());
        world.receipt([(Field, number.to_string().as_str())]);
    }
    let findings = world.inquire(&json!({}));
    assert!(findings.rules.is_none());
    assert_eq!(findings.unfound.len(), 0);
}
