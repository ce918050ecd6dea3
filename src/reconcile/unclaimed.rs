//! Events of which the rows in scope know nothing: those of receipts that were stored earlier, or
//! settled while the tables were read, or of none at all.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use tokio_postgres::Client;

use super::ReconcileError;
use super::named::{About, Told, Word};
use super::report::Events;
use crate::receipt::ids::{ReceiptId, unmatched_event_id};
use crate::store::books;

/// Looked up by one statement, in every partition.
const PAGE: usize = 100;

pub(super) async fn look_up(
    unclaimed: &[Told],
    client: &Client,
    events: &mut Events,
) -> Result<(), ReconcileError> {
    for page in unclaimed.chunks(PAGE) {
        let (mut messages, mut times) = (Vec::new(), Vec::new());
        for told in page {
            match told.about {
                About::Message(id) => messages.push(id),
                About::ParkedAt(micros) => times.extend(Timestamp::from_microsecond(micros)),
            }
        }
        let changes = books::changes(client, &messages).await?;
        let changes: HashSet<_> = changes
            .into_iter()
            .filter_map(|(receipt, status)| Some((receipt, Word::of(&status)?)))
            .collect();
        let parked = books::parked_at(client, &times).await?;
        let parked: HashMap<_, _> = parked.into_iter().collect();
        for told in page {
            let receipt = told.name.receipt;
            let known = match told.about {
                About::Message(_) => changes.contains(&(receipt, told.name.word)),
                About::ParkedAt(_) => parked
                    .get(&receipt)
                    .is_some_and(|resolution| is_notice(told, resolution.as_deref())),
            };
            let tally = events.of(told.name.kind);
            if known {
                tally.of_others += 1;
            } else {
                tally.unexpected.add(told.sequence);
            }
        }
    }
    Ok(())
}

/// Whether it may have been said of a parked receipt with this resolution.
fn is_notice(told: &Told, resolution: Option<&str>) -> bool {
    // How it ended is told before its row is there, and `lapsed` may be overtaken by a match.
    let words = ["parked", "lapsed", resolution.unwrap_or("matched")];
    words.into_iter().any(|word| {
        let id = unmatched_event_id(ReceiptId(told.name.receipt), word);
        Word::of(word) == Some(told.name.word) && id == told.id
    })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::super::named::Name;
    use super::*;
    use crate::receipt::ids::EventKind;

    fn notice(word: &str, id_of: &str) -> Told {
        let receipt = Uuid::from_u128(7);
        Told {
            name: Name {
                receipt,
                kind: EventKind::Unmatched,
                word: Word::of(word).unwrap(),
            },
            id: unmatched_event_id(ReceiptId(receipt), id_of),
            about: About::ParkedAt(0),
            sequence: 1,
        }
    }

    #[test]
    fn a_notice_says_what_became_of_a_parked_receipt_under_the_id_of_that() {
        for (word, resolution) in [
            ("parked", None),
            ("parked", Some("discarded")),
            ("matched", None),
            ("lapsed", Some("matched")),
            ("discarded", Some("discarded")),
        ] {
            assert!(is_notice(&notice(word, word), resolution), "{word}");
        }
        assert!(!is_notice(&notice("matched", "matched"), Some("lapsed")));
        assert!(!is_notice(&notice("discarded", "discarded"), None));
        assert!(!is_notice(&notice("parked", "lapsed"), None));
    }
}
