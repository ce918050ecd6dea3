use uuid::Uuid;

use super::super::packing::{Packing, parcels};
use super::*;
use crate::events::{Event, EventKind};

fn events(count: u128) -> Vec<Event> {
    let event = |number| Event {
        kind: EventKind::Webhook,
        id: Uuid::from_u128(number),
        body: "{}".into(),
    };
    (0..count).map(event).collect()
}

#[test]
fn a_stray_is_told_from_an_attempt_under_way() {
    let events = events(2);
    let mut round = Round::of(parcels(&events, Packing::Single, 1_024));
    for attempt in [7, 8] {
        let at = round.next().unwrap();
        round.sent(attempt, at);
    }
    assert_eq!(round.next(), None);
    assert_eq!(round.heard_of(6), None, "of an earlier batch");
    assert_eq!(round.heard_of(9), None, "never made");
    assert_eq!(round.heard_of(8), Some(1));
    assert_eq!(round.heard_of(8), None, "twice");
    assert_eq!(round.under_way(), 1);

    assert_eq!(round.give_up(), Some(0));
    assert!(round.is_spent() && !round.is_over());
    assert_eq!(round.heard_of(7), None, "given up");
    round.again();
    let at = round.next().unwrap();
    round.sent(10, at);
    assert_eq!(round.heard_of(7), None, "of the attempt before");
    assert_eq!(round.heard_of(10), Some(0));
    assert!(round.is_over());
}

#[test]
fn an_attempt_that_was_not_sent_leaves_a_gap() {
    let events = events(3);
    let mut round = Round::of(parcels(&events, Packing::Single, 1_024));
    round.sent(3, 0);
    round.too_large(1);
    round.sent(5, 2);
    assert_eq!(round.heard_of(4), None);
    assert_eq!(round.heard_of(5), Some(2));
    assert_eq!(round.heard_of(3), Some(0));
    assert!(round.is_over() || !round.waiting.is_empty());
}

#[test]
fn a_pack_that_is_too_large_goes_out_in_halves() {
    let events = events(5);
    let mut round = Round::of(parcels(&events, Packing::Packs(64), 1_024));
    let mut sent = Vec::new();
    for attempt in 0.. {
        let Some(at) = round.next() else {
            if round.is_over() {
                break;
            }
            round.again();
            continue;
        };
        // As of a server that takes two events at most.
        if round.parcel(at).events() > 2 {
            round.too_large(at);
        } else {
            sent.push(round.parcel(at).events());
            round.sent(attempt, at);
            assert_eq!(round.heard_of(attempt), Some(at));
        }
    }
    sent.sort_unstable();
    assert_eq!(sent, [1, 2, 2]);
}
