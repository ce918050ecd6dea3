use uuid::Uuid;

use super::*;
use crate::store::books::{ParkedRow, ReplayRow, ResolutionRow};

const RECEIPT: Uuid = Uuid::from_u128(7);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// Nothing, under a key.
fn nothing() -> Entry {
    Entry {
        stored_at: at(10),
        sequence: 3,
        receipt: None,
        parked: None,
        rejected: false,
        resolution: None,
        replays: Vec::new(),
    }
}

fn decided(applied: bool, late: bool) -> ReceiptRow {
    ReceiptRow {
        receipt_id: RECEIPT,
        applied,
        late,
        message_id: Uuid::from_u128(8),
        operator_message_id: Some("a1".to_owned()),
        status: if applied { "delivered" } else { "sent" }.to_owned(),
        processed_at: at(11),
    }
}

fn parked(redriven: bool) -> ParkedRow {
    ParkedRow {
        receipt_id: RECEIPT,
        redriven,
        parked_at: at(12),
    }
}

fn resolved(resolution: &str) -> ResolutionRow {
    ResolutionRow {
        resolution: resolution.to_owned(),
        resolved_at: at(13),
    }
}

const NEVER: Timestamp = Timestamp::UNIX_EPOCH;

/// Kind, word and whether it is due, of each event.
fn called_for(entry: &Entry, settled: bool, overdue: Timestamp) -> Vec<(EventKind, Word, Due)> {
    let claims = claims(entry, settled, overdue).into_iter();
    claims
        .map(|it| (it.name.kind, it.name.word, it.due))
        .collect()
}

fn word(text: &str) -> Word {
    Word::of(text).unwrap()
}

#[test]
fn an_envelope_has_one_end_several_or_none() {
    let applied = Entry {
        receipt: Some(decided(true, false)),
        ..nothing()
    };
    assert_eq!(end(&applied), End::Once(Disposition::Applied));
    let late = Entry {
        receipt: Some(decided(true, true)),
        parked: Some(parked(false)),
        resolution: Some(resolved("matched")),
        ..nothing()
    };
    assert_eq!(end(&late), End::Once(Disposition::Parked));
    let redriven = Entry {
        rejected: true,
        parked: Some(parked(true)),
        ..nothing()
    };
    assert_eq!(end(&redriven), End::Once(Disposition::Rejected));
    let both = Entry {
        rejected: true,
        ..applied
    };
    assert_eq!(end(&both), End::Several);
    let late_alone = Entry {
        parked: None,
        ..late
    };
    assert_eq!(end(&late_alone), End::None);
}

#[test]
fn what_follows_has_to_fit() {
    let of = |receipt, parked, resolution: Option<&str>| {
        let entry = Entry {
            receipt,
            parked,
            resolution: resolution.map(resolved),
            ..nothing()
        };
        Shape::of(&entry).is_consistent()
    };
    assert!(of(Some(decided(true, false)), None, None));
    assert!(of(None, Some(parked(false)), None));
    assert!(of(None, Some(parked(false)), Some("lapsed")));
    assert!(of(
        Some(decided(true, true)),
        Some(parked(false)),
        Some("matched")
    ));
    assert!(
        of(Some(decided(true, true)), Some(parked(false)), None),
        "under way"
    );
    assert!(!of(Some(decided(true, true)), None, None), "never parked");
    assert!(!of(None, None, Some("lapsed")), "never parked");
    assert!(!of(None, Some(parked(false)), Some("matched")), "by what?");
    assert!(!of(
        Some(decided(true, true)),
        Some(parked(false)),
        Some("lapsed")
    ));
    assert!(
        !of(None, Some(parked(true)), None),
        "redriven, but never rejected"
    );
    let replayed = Entry {
        replays: vec![replay(true)],
        ..nothing()
    };
    assert!(
        !Shape::of(&replayed).is_consistent(),
        "nothing to decide anew"
    );
}

fn replay(confirmed: bool) -> ReplayRow {
    ReplayRow {
        status: "failed".to_owned(),
        replayed_at: at(20),
        confirmed,
    }
}

#[test]
fn a_settled_decision_has_its_events_out() {
    let applied = Entry {
        receipt: Some(decided(true, false)),
        ..nothing()
    };
    let delivered = word("delivered");
    let events = |due| {
        [
            (EventKind::Webhook, delivered, due),
            (EventKind::Billing, delivered, due),
        ]
    };
    assert_eq!(called_for(&applied, true, NEVER), events(Due::Yes));
    assert_eq!(called_for(&applied, false, NEVER), events(Due::NotYet));
    assert_eq!(called_for(&applied, false, at(12)), events(Due::NotYet));
    let recorded = Entry {
        receipt: Some(decided(false, false)),
        ..nothing()
    };
    assert_eq!(called_for(&recorded, true, NEVER), []);
}

#[test]
fn a_late_decision_has_them_out_when_its_resolution_is_there() {
    let open = Entry {
        receipt: Some(decided(true, true)),
        parked: Some(parked(false)),
        ..nothing()
    };
    let under_way = called_for(&open, true, NEVER);
    assert_eq!(under_way[0].2, Due::NotYet);
    assert_eq!(
        under_way[2],
        (EventKind::Unmatched, word("parked"), Due::Yes)
    );
    let overdue = called_for(&open, true, at(12));
    assert_eq!(overdue[0].2, Due::Yes, "the sweeper has left it over");
    let matched = Entry {
        resolution: Some(resolved("matched")),
        ..open
    };
    let out = called_for(&matched, true, NEVER);
    assert!(out.iter().all(|it| it.2 == Due::Yes));
    assert_eq!(out[3].1, word("matched"));
}

#[test]
fn what_was_decided_anew_is_told_when_it_is_confirmed() {
    let entry = |confirmed| Entry {
        receipt: Some(decided(false, false)),
        replays: vec![replay(confirmed)],
        ..nothing()
    };
    for (confirmed, due) in [(true, Due::Yes), (false, Due::NotYet)] {
        let events = called_for(&entry(confirmed), true, NEVER);
        assert_eq!(events[0], (EventKind::Webhook, word("failed"), due));
        assert_eq!(events[1], (EventKind::Billing, word("failed"), due));
    }
}

#[test]
fn a_redriven_receipt_is_announced_when_it_is_resolved_at_the_latest() {
    let open = Entry {
        rejected: true,
        parked: Some(parked(true)),
        ..nothing()
    };
    assert_eq!(called_for(&open, true, NEVER)[0].2, Due::NotYet);
    let lapsed = Entry {
        resolution: Some(resolved("lapsed")),
        ..open
    };
    let events = called_for(&lapsed, true, NEVER);
    assert_eq!(
        events.iter().map(|it| it.2).collect::<Vec<_>>(),
        [Due::Yes; 2]
    );
}

#[test]
fn an_id_that_is_sealed_is_not_known() {
    let mut receipt = decided(true, false);
    let with_id = claims(
        &Entry {
            receipt: Some(decided(true, false)),
            ..nothing()
        },
        true,
        NEVER,
    );
    assert!(with_id.iter().all(|claim| claim.id.is_some()));
    receipt.operator_message_id = None;
    let entry = Entry {
        receipt: Some(receipt),
        ..nothing()
    };
    assert!(
        claims(&entry, true, NEVER)
            .iter()
            .all(|claim| claim.id.is_none())
    );
}
