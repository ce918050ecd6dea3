//! Whatever carriers write and orchestrators store.

use proptest::prelude::*;
use serde_json::json;

use super::world::World;
use crate::receipt::sources::IdSource::{Field, Text, Tlv};

/// One way in which a number is written.
#[derive(Debug, Clone)]
enum Spelling {
    Decimal(usize),
    Hex(usize),
    Capitals(usize),
    Around(&'static str, &'static str),
    Nothing,
    Cut,
}

impl Spelling {
    fn write(&self, number: u64) -> Option<String> {
        Some(match *self {
            Self::Decimal(width) => format!("{number:0width$}"),
            Self::Hex(width) => format!("{number:0width$x}"),
            Self::Capitals(width) => format!("{number:0width$X}"),
            Self::Around(before, behind) => format!("{before}{number}{behind}"),
            Self::Nothing => return None,
            Self::Cut => (number % 1_000).to_string(),
        })
    }
}

fn spelling() -> impl Strategy<Value = Spelling> {
    let width = prop_oneof![Just(1_usize), Just(8), Just(10), Just(16)];
    prop_oneof![
        3 => width.clone().prop_map(Spelling::Decimal),
        3 => width.clone().prop_map(Spelling::Hex),
        1 => width.prop_map(Spelling::Capitals),
        1 => Just(Spelling::Around("smsc-", "")),
        1 => Just(Spelling::Around("", "@mx1")),
        2 => Just(Spelling::Nothing),
        1 => Just(Spelling::Cut),
    ]
}

#[derive(Debug, Clone)]
struct Carrier {
    field: Spelling,
    tlv: Spelling,
    text: Spelling,
    stored: Spelling,
}

/// How it is with one receipt's message.
#[derive(Debug, Clone, Copy)]
enum Luck {
    Stored,
    Missing,
    Twice,
    OtherAccount,
}

fn receipts() -> impl Strategy<Value = Vec<(u64, Luck)>> {
    let luck = prop_oneof![
        12 => Just(Luck::Stored),
        3 => Just(Luck::Missing),
        1 => Just(Luck::Twice),
        1 => Just(Luck::OtherAccount),
    ];
    // Small numbers meet, large ones do not.
    let number = prop_oneof![1 => 0..3_000_u64, 4 => 0..1_u64 << 40];
    proptest::collection::vec((number, luck), 1..25)
}

fn in_force() -> impl Strategy<Value = serde_json::Value> {
    prop_oneof![
        4 => Just(json!({})),
        1 => Just(json!({"ids": {"text": {"form": "decimal"}, "stored": {"form": "hex"}}})),
        1 => Just(json!({"ids": {"field": {"form": "ignore"}}, "words": {"X": "failed"}})),
        1 => Just(json!({"ids": {"tlv": {"form": "hex", "stripSuffix": "@mx1"},
                                 "stored": {"form": "decimal", "width": 10}}})),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    /// A proposal's counts are those that the processor would come to under the proposed document,
    /// and those of the document in force are what the gain is counted from.
    #[test]
    fn a_proposals_counts_equal_a_recount(
        (field, tlv, text, stored) in (spelling(), spelling(), spelling(), spelling()),
        receipts in receipts(),
        in_force in in_force(),
        others in prop_oneof![1 => Just(0), 3 => Just(30)],
    ) {
        let carrier = Carrier { field, tlv, text, stored };
        let mut world = World::default();
        for (number, luck) in receipts {
            let stored = carrier.stored.write(number);
            let messages = match luck {
                Luck::Missing => 0,
                Luck::Stored | Luck::OtherAccount => 1,
                Luck::Twice => 2,
            };
            for _ in 0..messages {
                if let Some(id) = &stored {
                    world.message(id);
                }
            }
            let written = [(Field, &carrier.field), (Tlv, &carrier.tlv), (Text, &carrier.text)]
                .map(|(source, spelling)| Some((source, spelling.write(number)?)));
            let written = written.iter().flatten().map(|(source, id)| (*source, id.as_str()));
            let receipt = world.receipt(written);
            if matches!(luck, Luck::OtherAccount) {
                receipt.account_id = Some(uuid::Uuid::nil());
            }
        }
        // The carrier's messages of which nobody has reported.
        for number in 0..others {
            let number = (1 << 41) + number * 0x1_2345_6789;
            if let Some(id) = carrier.stored.write(number) {
                world.message(&id);
            }
        }
        let before = world.count(&in_force);
        let findings = world.inquire(&in_force);
        prop_assert!(findings.unfound.len() <= world.sightings.len());
        let Some((rules, evidence)) = findings.rules else {
            return Ok(());
        };
        let counts = evidence.counts;
        let after = world.count(&rules.write_into(&in_force));
        prop_assert_eq!(
            [
                counts.matched,
                counts.ambiguous,
                counts.contradicting,
                counts.no_message,
                counts.not_in_notation,
            ],
            after
        );
        prop_assert_eq!(after.iter().sum::<usize>(), counts.studied);
        prop_assert_eq!(evidence.matching_now, before[0]);
        // Some that match now may come to match another message: they are lost, and matched too.
        let most = before[0] + evidence.gained;
        prop_assert!((most - evidence.lost..=most).contains(&after[0]));
        prop_assert!(evidence.gained > evidence.lost);
    }
}
