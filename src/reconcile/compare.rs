//! One part of both sides held against one another.

use std::collections::HashMap;

use super::named::{About, Claim, Due, Told};
use super::owed::HeldSince;
use super::report::{Events, Sample};
use super::spill::Part;
use crate::receipt::ids::EventKind;

/// What has been seen of a claim.
struct Seen {
    claim: Claim,
    as_id: Option<uuid::Uuid>,
}

/// Counts what is found, and returns the events of which this part has no row: those of receipts that
/// were stored before, or after the tables were read. What a stream may have removed by its age is not
/// missed.
pub(super) fn compare(part: Part, held_since: HeldSince, events: &mut Events) -> Vec<Told> {
    let mut claims: HashMap<_, Seen> = HashMap::with_capacity(part.claims.len());
    for claim in part.claims {
        let seen = Seen { claim, as_id: None };
        // The same fact twice: by a receipt, and by its being decided anew.
        claims
            .entry(claim.name)
            .and_modify(|known| {
                if claim.due == Due::Yes {
                    known.claim.due = Due::Yes;
                }
            })
            .or_insert(seen);
    }
    let mut unclaimed = Vec::new();
    for told in part.told {
        let Some(seen) = claims.get_mut(&told.name) else {
            unclaimed.push(told);
            continue;
        };
        let tally = events.of(told.name.kind);
        match seen.claim.id.or(seen.as_id) {
            Some(id) if id != told.id => {
                tally.unexpected.add(told.sequence);
                continue;
            }
            _ if seen.as_id.is_some() => tally.repeated += 1,
            _ => tally.found += 1,
        }
        seen.as_id = Some(told.id);
    }
    let mut missing: Vec<&Seen> = claims.values().collect();
    missing.retain(|seen| seen.as_id.is_none());
    missing.sort_unstable_by_key(|seen| seen.claim.sequence);
    for Seen { claim, .. } in missing {
        let tally = events.of(claim.name.kind);
        let held_since = held_since.of(claim.name.kind).as_microsecond();
        match claim.due {
            Due::Yes if claim.decided_at < held_since => tally.too_old += 1,
            Due::Yes => tally.missing.add(claim.sequence),
            Due::NotYet => {}
        }
    }
    unclaimed
}

/// Finds receipts that gave a message a status which another receipt had given it before: a status only
/// rises, so these changed nothing and were counted all the same.
pub(super) fn find_applied_twice(claims: &[Claim], twice: &mut Sample) {
    let mut first: HashMap<_, &Claim> = HashMap::with_capacity(claims.len());
    for claim in claims {
        // Every change has a webhook event.
        if let (About::Message(message), EventKind::Webhook) = (claim.about, claim.name.kind) {
            let known = first.entry((message, claim.name.word)).or_insert(claim);
            if known.name.receipt != claim.name.receipt {
                let is_later = claim.decided_at >= known.decided_at;
                let later = if is_later {
                    claim
                } else {
                    std::mem::replace(known, claim)
                };
                twice.add(later.sequence);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::super::named::{Name, Word};
    use super::*;

    fn name(receipt: u128, word: &str) -> Name {
        Name {
            receipt: Uuid::from_u128(receipt),
            kind: EventKind::Webhook,
            word: Word::of(word).unwrap(),
        }
    }

    fn claim(receipt: u128, due: Due) -> Claim {
        Claim {
            name: name(receipt, "delivered"),
            id: Some(Uuid::from_u128(receipt + 100)),
            about: About::Message(Uuid::from_u128(receipt)),
            sequence: u64::try_from(receipt).unwrap(),
            due,
            decided_at: i64::try_from(receipt).unwrap(),
        }
    }

    fn told(receipt: u128, word: &str, sequence: u64) -> Told {
        Told {
            name: name(receipt, word),
            id: Uuid::from_u128(receipt + 100),
            about: About::Message(Uuid::from_u128(receipt)),
            sequence,
        }
    }

    /// Microseconds since 1970.
    const OLDEST: i64 = -1;

    fn compared(claims: &[Claim], told: &[Told]) -> (Events, Vec<Told>) {
        let mut events = Events::default();
        let part = Part {
            claims: claims.to_vec(),
            told: told.to_vec(),
        };
        let held_since = HeldSince {
            billing: Timestamp::UNIX_EPOCH,
            webhook: Timestamp::from_microsecond(OLDEST).unwrap(),
            unmatched: Timestamp::UNIX_EPOCH,
        };
        let unclaimed = compare(part, held_since, &mut events);
        (events, unclaimed)
    }

    #[test]
    fn found_repeated_missing_and_unclaimed_events_are_told_apart() {
        let claims = [1, 2, 3].map(|receipt| claim(receipt, Due::Yes));
        let told = [
            told(1, "delivered", 1),
            told(1, "delivered", 2),
            told(2, "failed", 3),
            told(3, "delivered", 4),
        ];
        let (events, unclaimed) = compared(&claims, &told);
        let webhook = &events.webhook;
        assert_eq!((webhook.found, webhook.repeated), (2, 1));
        assert_eq!(webhook.missing.first, [2]);
        assert!(webhook.unexpected.is_empty());
        assert_eq!(unclaimed, [told[2]]);
    }

    #[test]
    fn a_second_id_for_one_fact_is_no_repetition() {
        let sealed = Claim {
            id: None,
            ..claim(1, Due::Yes)
        };
        let second = Told {
            id: Uuid::from_u128(7),
            ..told(1, "delivered", 2)
        };
        for claim in [sealed, claim(1, Due::Yes)] {
            let (events, _) = compared(&[claim], &[told(1, "delivered", 1), second]);
            assert_eq!(events.webhook.unexpected.first, [2]);
            assert_eq!((events.webhook.found, events.webhook.repeated), (1, 0));
        }
    }

    #[test]
    fn a_second_receipt_with_the_same_status_is_applied_twice() {
        let again = Claim {
            about: About::Message(Uuid::from_u128(1)),
            ..claim(2, Due::NotYet)
        };
        let corrected = Claim {
            name: name(3, "failed"),
            about: About::Message(Uuid::from_u128(1)),
            ..claim(3, Due::Yes)
        };
        let mut twice = Sample::default();
        // One receipt's claim may be there twice: decided, and decided anew.
        let claims = [claim(1, Due::Yes), claim(1, Due::Yes), corrected, again];
        find_applied_twice(&claims, &mut twice);
        assert_eq!(twice.first, [2]);
        // They come as they were stored; what was parked is decided later.
        find_applied_twice(&[again, claim(1, Due::Yes)], &mut twice);
        assert_eq!(twice.first, [2, 2]);
    }

    #[test]
    fn what_is_not_due_may_be_there_or_not() {
        let claims = [
            claim(1, Due::NotYet),
            claim(2, Due::NotYet),
            Claim {
                decided_at: OLDEST - 1,
                ..claim(3, Due::Yes)
            },
        ];
        let (events, unclaimed) = compared(&claims, &[told(1, "delivered", 1)]);
        assert_eq!((events.webhook.found, events.webhook.too_old), (1, 1));
        assert!(events.webhook.missing.is_empty() && unclaimed.is_empty());
    }
}
