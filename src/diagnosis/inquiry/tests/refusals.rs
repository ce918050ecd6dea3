//! Where nothing is to be proposed.

use serde_json::json;

use super::numbers;
use super::world::{World, noon};
use crate::diagnosis::evidence::Refusal;
use crate::receipt::sources::IdSource::{Field, Text};

/// Every number below 20,000 is the id of some message, in decimal. Read as hexadecimal, `1234` is
/// another of them.
#[test]
fn two_readings_that_both_find_something_are_not_chosen_from() {
    let mut world = World::default();
    for number in 0..20_000 {
        world.message(&format!("{number}@a"));
    }
    for number in 1_000..1_400 {
        world.receipt([(Field, number.to_string().as_str())]);
    }
    let findings = world.inquire(&json!({}));
    let (_, evidence) = findings.rules.unwrap();
    assert_eq!(evidence.gained, 400);
    assert!(evidence.rival > 300, "{evidence:?}");
    assert!(findings.rival.is_some());
    assert!(evidence.refusals().contains(&Refusal::Tie), "{evidence:?}");
}

/// The messages of these receipts are in no table. But taken for decimal numbers, their ids fall into
/// a range of which nearly every number is some message's.
#[test]
fn a_reading_that_finds_no_more_than_chance_would_is_not_proposed() {
    let mut world = World::default();
    for number in (0..70_000).filter(|number| number % 10 != 0) {
        world.message(&format!("{number:08x}"));
    }
    for number in 20_000..20_300 {
        world.receipt([(Text, number.to_string().as_str())]);
    }
    let findings = world.inquire(&json!({}));
    let (_, evidence) = findings.rules.unwrap();
    assert_eq!((evidence.gained, evidence.rival), (270, 0));
    assert!(evidence.decoys_found * 2 > evidence.decoys, "{evidence:?}");
    assert_eq!(evidence.refusals(), [Refusal::Chance]);
}

#[test]
fn a_block_of_neighbours_with_nothing_around_is_no_chance() {
    let mut world = World::default();
    for number in 1_000..1_500 {
        world.message(&format!("{number:x}"));
        world.receipt([(Text, number.to_string().as_str())]);
    }
    let findings = world.inquire(&json!({}));
    let (_, evidence) = findings.rules.unwrap();
    assert_eq!(evidence.gained, 500);
    assert_eq!(evidence.refusals(), [], "{evidence:?}");
}

#[test]
fn too_few_receipts_prove_nothing() {
    let mut world = World::default();
    for number in numbers(19) {
        world.message(&format!("{number:x}"));
        world.receipt([(Text, number.to_string().as_str())]);
    }
    let findings = world.inquire(&json!({}));
    let (_, evidence) = findings.rules.unwrap();
    assert_eq!(evidence.refusals(), [Refusal::TooFew]);
}

#[test]
fn a_minority_is_told_and_not_acted_upon() {
    let mut world = World::default();
    for (at, number) in numbers(100).enumerate() {
        if at % 5 < 2 {
            world.message(&format!("{number:x}"));
        }
        world.receipt([(Text, number.to_string().as_str())]);
    }
    let findings = world.inquire(&json!({}));
    let (_, evidence) = findings.rules.unwrap();
    assert_eq!((evidence.gained, findings.unfound.len()), (40, 60));
    assert_eq!(evidence.refusals(), [Refusal::TooFew]);
}

#[test]
fn what_the_receipts_themselves_deny_is_not_proposed() {
    let mut world = World::default();
    for (at, number) in numbers(100).enumerate() {
        let message = world.message(&format!("{number:x}"));
        let receipt = world.receipt([(Text, number.to_string().as_str())]);
        receipt.message_id = Some(message.message);
        if at % 4 == 0 {
            receipt.account_id = Some(uuid::Uuid::nil());
        }
    }
    let findings = world.inquire(&json!({}));
    let (_, evidence) = findings.rules.unwrap();
    assert_eq!(
        (evidence.counts.contradicting, evidence.confirmed),
        (25, 75)
    );
    assert_eq!(evidence.refusals(), [Refusal::Contradicted]);
}

#[test]
fn messages_sent_later_or_settled_are_not_what_receipts_are_about() {
    let mut world = World::default();
    for number in numbers(100) {
        world.message(&format!("{number:x}"));
        let receipt = world.receipt([(Text, number.to_string().as_str())]);
        receipt.came_at = noon() - jiff::SignedDuration::from_hours(1);
    }
    for found in world.messages.values_mut().flatten() {
        found.is_final = true;
    }
    let findings = world.inquire(&json!({}));
    let (_, evidence) = findings.rules.unwrap();
    let expected = [Refusal::SentLater, Refusal::FinalAlready];
    assert_eq!(evidence.refusals(), expected);
}
