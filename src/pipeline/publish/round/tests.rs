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

/// Publishes whatever is waiting; returns the numbers of the reply subjects.
fn publish(round: &mut Round<'_>, replies: &mut Replies) -> Vec<u64> {
    let mut numbers = Vec::new();
    while let Some((at, reply)) = round.next(replies) {
        round.sent(at);
        numbers.push(replies.number(&reply).unwrap());
    }
    numbers
}

#[test]
fn messages_of_one_kind_share_a_reply_subject() {
    let mut events = events(GROUP_MAX as u128 + 2);
    events[0].kind = EventKind::Billing;
    let mut replies = Replies::of("_INBOX");
    let mut round = Round::of(parcels(&events, Packing::Single, 1_024));
    let numbers = publish(&mut round, &mut replies);
    assert_eq!(numbers[0], 0);
    assert_eq!(numbers[1..=GROUP_MAX], [1; GROUP_MAX]);
    assert_eq!(numbers[GROUP_MAX + 1..], [2]);
    assert_eq!(round.awaited(0), Some(EventKind::Billing));
    assert_eq!(round.awaited(1), Some(EventKind::Webhook));

    for sequence in 1..GROUP_MAX as u64 {
        assert!(round.confirmed(1, sequence).is_empty(), "not known which");
    }
    let known: Vec<_> = (1..=GROUP_MAX).collect();
    assert_eq!(round.confirmed(1, 99), known);
    assert_eq!(round.awaited(1), None, "more than were published");
    assert_eq!(round.under_way(), 2);
    assert_eq!(round.confirmed(2, 9), [GROUP_MAX + 1]);
    assert!(!round.is_over());
    assert_eq!(round.confirmed(0, 9), [0]);
    assert!(round.is_over());
}

#[test]
fn a_group_is_published_again_with_whatever_was_refused_and_each_by_itself() {
    let events = events(3);
    let mut replies = Replies::of("_INBOX");
    let mut round = Round::of(parcels(&events, Packing::Single, 1_024));
    assert_eq!(publish(&mut round, &mut replies), [0, 0, 0]);
    assert!(round.confirmed(0, 9).is_empty());
    assert_eq!(round.refused(0), [0, 1, 2]);
    assert_eq!(round.awaited(0), None, "the third answer tells nothing");
    assert!(round.is_spent() && !round.is_over());

    round.again();
    assert_eq!(publish(&mut round, &mut replies), [1, 2, 3]);
    assert_eq!(round.confirmed(3, 9), [2]);
    assert_eq!(round.refused(2), [1]);
    assert_eq!(round.confirmed(1, 9), [0]);
    round.again();
    assert_eq!(publish(&mut round, &mut replies), [4]);
    assert_eq!(round.confirmed(4, 9), [1]);
    assert!(round.is_over());
}

#[test]
fn one_message_confirmed_twice_does_not_confirm_another() {
    let events = events(2);
    let mut replies = Replies::of("_INBOX");
    let mut round = Round::of(parcels(&events, Packing::Single, 1_024));
    publish(&mut round, &mut replies);
    assert!(round.confirmed(0, 7).is_empty());
    assert!(round.confirmed(0, 7).is_empty());
    assert_eq!(round.under_way(), 1);
    assert_eq!(round.confirmed(0, 8), [0, 1]);
    assert!(round.is_over());
}

#[test]
fn what_is_known_to_be_confirmed_is_not_published_again() {
    let events = events(2);
    let mut replies = Replies::of("_INBOX");
    let mut round = Round::of(parcels(&events, Packing::Single, 1_024));
    round.next(&mut replies);
    round.sent(0);
    assert_eq!(round.confirmed(0, 9), [0]);
    round.next(&mut replies);
    round.sent(1);
    assert_eq!(round.refused(0), [1]);
    round.again();
    assert_eq!(publish(&mut round, &mut replies), [1]);
    assert_eq!(round.confirmed(1, 9), [1]);
    assert!(round.is_over());
}

#[test]
fn nothing_joins_a_group_that_was_given_up() {
    let events = events(3);
    let mut replies = Replies::of("_INBOX");
    let mut round = Round::of(parcels(&events, Packing::Single, 1_024));
    round.next(&mut replies);
    round.sent(0);
    assert_eq!(round.give_up(), [0]);
    assert_eq!(publish(&mut round, &mut replies), [1, 1]);
    assert_eq!(round.awaited(0), None, "late");
    assert_eq!(round.awaited(2), None, "never made");
    assert_eq!(round.give_up(), [1, 2]);
    assert!(round.is_spent() && !round.is_over());

    round.again();
    assert_eq!(publish(&mut round, &mut replies), [2, 3, 4]);
    assert_eq!(round.awaited(1), None, "of the attempt before");
    for (number, at) in [(2, 0), (3, 1), (4, 2)] {
        assert_eq!(round.confirmed(number, 9), [at]);
    }
    assert!(round.is_over());
}

#[test]
fn a_pack_that_is_too_large_goes_out_in_halves() {
    let events = events(5);
    let mut replies = Replies::of("_INBOX");
    let mut round = Round::of(parcels(&events, Packing::Packs(64), 1_024));
    let mut sent = Vec::new();
    while !round.is_over() {
        let Some((at, reply)) = round.next(&mut replies) else {
            round.again();
            continue;
        };
        // As of a server that takes two events at most.
        if round.parcel(at).events() > 2 {
            round.too_large(at);
        } else {
            sent.push(round.parcel(at).events());
            round.sent(at);
            let number = replies.number(&reply).unwrap();
            assert_eq!(round.confirmed(number, 9), [at]);
        }
    }
    sent.sort_unstable();
    assert_eq!(sent, [1, 2, 2]);
}
