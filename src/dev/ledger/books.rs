//! What the tables say about each sequence of the inbound stream.

use std::collections::HashMap;
use std::ops::Range;

use futures_util::{StreamExt, TryStreamExt};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row};
use uuid::Uuid;

use super::{Ledger, LedgerError, Sample};
use crate::dev::scenario::Disposition;

/// Receipts matched after parking have their first disposition in `orphaned_receipts`.
const RECEIPTS: &str = "SELECT seq, receipt_id, disposition, status \
     FROM dlr.delivery_receipts WHERE stream = $1 AND NOT late";
const PARKED: &str = "SELECT seq, receipt_id, 'parked'::text, ''::text \
     FROM dlr.orphaned_receipts WHERE stream = $1";
const REJECTED: &str = "SELECT seq, receipt_id, 'rejected'::text, ''::text \
     FROM dlr.rejected_receipts WHERE stream = $1";

/// Receipt id and its sequence, for each receipt that owes an event.
pub(super) type Owed = HashMap<Uuid, u64>;

pub(super) struct Books {
    sequences: Range<u64>,
    /// One entry a sequence, so that a long run stays small.
    entries: Vec<Entry>,
    strange: Sample,
    webhook: Owed,
    billing: Owed,
    unmatched: Owed,
}

#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    disposition: Option<Disposition>,
    twice: bool,
}

impl Books {
    pub(super) async fn read(
        database: &Client,
        stream: &str,
        sequences: Range<u64>,
    ) -> Result<Self, LedgerError> {
        let length = usize::try_from(sequences.end - sequences.start).unwrap_or(usize::MAX);
        let mut books = Self {
            sequences,
            entries: vec![Entry::default(); length],
            strange: Sample::default(),
            webhook: Owed::new(),
            billing: Owed::new(),
            unmatched: Owed::new(),
        };
        for query in [RECEIPTS, PARKED, REJECTED] {
            let parameters: [&(dyn ToSql + Sync); 1] = [&stream];
            let rows = database.query_raw(query, parameters).await?;
            let mut rows = std::pin::pin!(rows.map_err(LedgerError::from));
            while let Some(row) = rows.next().await {
                books.enter(&row?)?;
            }
        }
        Ok(books)
    }

    fn enter(&mut self, row: &Row) -> Result<(), LedgerError> {
        let sequence = u64::try_from(row.try_get::<_, i64>(0)?).unwrap_or(0);
        let receipt_id: Uuid = row.try_get(1)?;
        let word: &str = row.try_get(2)?;
        let disposition = Disposition::ALL
            .into_iter()
            .find(|disposition| disposition.name() == word)
            .ok_or_else(|| LedgerError::UnknownDisposition(word.to_owned()))?;
        self.post(sequence, disposition);
        match disposition {
            Disposition::Applied => {
                self.webhook.insert(receipt_id, sequence);
                let status: &str = row.try_get(3)?;
                if matches!(status, "expired" | "failed" | "delivered") {
                    self.billing.insert(receipt_id, sequence);
                }
            }
            Disposition::Parked => {
                self.unmatched.insert(receipt_id, sequence);
            }
            Disposition::Recorded | Disposition::Rejected => {}
        }
        Ok(())
    }

    fn post(&mut self, sequence: u64, disposition: Disposition) {
        let Some(entry) = self
            .index(sequence)
            .and_then(|index| self.entries.get_mut(index))
        else {
            self.strange.add(sequence);
            return;
        };
        entry.twice |= entry.disposition.is_some();
        entry.disposition = Some(disposition);
    }

    fn index(&self, sequence: u64) -> Option<usize> {
        usize::try_from(sequence.checked_sub(self.sequences.start)?).ok()
    }

    pub(super) fn disposition(&self, sequence: u64) -> Option<Disposition> {
        self.entries.get(self.index(sequence)?)?.disposition
    }

    pub(super) fn count_into(&self, ledger: &mut Ledger) {
        for (sequence, entry) in self.sequences.clone().zip(&self.entries) {
            match entry.disposition {
                Some(disposition) => ledger.dispositions[disposition as usize] += 1,
                None => ledger.without_disposition.add(sequence),
            }
            if entry.twice {
                ledger.with_two.add(sequence);
            }
        }
        ledger.strange_rows = self.strange.clone();
    }

    /// Webhook, billing and unmatched.
    pub(super) fn into_events_owed(self) -> (Owed, Owed, Owed) {
        (self.webhook, self.billing, self.unmatched)
    }
}

#[cfg(test)]
impl Books {
    pub(super) fn of(sequences: Range<u64>, entries: &[(u64, Disposition)]) -> Self {
        let length = usize::try_from(sequences.end - sequences.start).unwrap();
        let mut books = Self {
            sequences,
            entries: vec![Entry::default(); length],
            strange: Sample::default(),
            webhook: Owed::new(),
            billing: Owed::new(),
            unmatched: Owed::new(),
        };
        for &(sequence, disposition) in entries {
            books.post(sequence, disposition);
        }
        books
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sequence_is_found_once_twice_never_or_is_none_of_the_streams() {
        use Disposition::{Applied, Parked, Rejected};
        let books = Books::of(
            10..14,
            &[
                (10, Applied),
                (11, Parked),
                (11, Applied),
                (13, Rejected),
                (9, Applied),
                (14, Applied),
            ],
        );
        let mut ledger = Ledger::default();
        books.count_into(&mut ledger);
        assert_eq!(ledger.without_disposition.first, [12]);
        assert_eq!(ledger.with_two.first, [11]);
        assert_eq!(ledger.strange_rows.first, [9, 14]);
        assert_eq!(ledger.consumed(), 3);
    }
}
