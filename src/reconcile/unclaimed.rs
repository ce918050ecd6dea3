//! Events of which the rows in scope know nothing: those of receipts that were stored earlier, or
//! settled while the tables were read, or of none at all.

use std::collections::HashSet;

use jiff::Timestamp;
use tokio_postgres::Client;

use super::ReconcileError;
use super::named::{About, Told, Word};
use super::report::Events;
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
        let parked: HashSet<_> = books::parked_at(client, &times)
            .await?
            .into_iter()
            .collect();
        for told in page {
            let receipt = told.name.receipt;
            // Whatever is said of a parked receipt: `lapsed` may be out before its row is there.
            let known = match told.about {
                About::Message(_) => changes.contains(&(receipt, told.name.word)),
                About::ParkedAt(_) => parked.contains(&receipt),
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
