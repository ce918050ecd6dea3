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
/// What a re-drive parked has its disposition in `rejected_receipts`, and is announced all the same.
const PARKED: &str = "SELECT seq, receipt_id, \
         CASE reason WHEN 'redriven' THEN reason ELSE 'parked' END, ''::text \
     FROM dlr.orphaned_receipts WHERE stream = $1";
const REJECTED: &str = "SELECT seq, receipt_id, 'rejected'::text, ''::text \
     FROM dlr.rejected_receipts WHERE stream = $1";

/// What the sweeper decided: matched late, or ended without a match.
const LATE: &str = "SELECT seq, receipt_id, disposition, status \
     FROM dlr.delivery_receipts WHERE stream = $1 AND late";
const RESOLVED: &str = "SELECT seq, receipt_id FROM dlr.orphan_resolutions WHERE stream = $1";

/// The receipt, and the ending that its notice tells of, if it tells of one.
pub(super) type Debt = (Uuid, bool);
/// What is owed, each with the sequence of its receipt.
pub(super) type Owed = HashMap<Debt, u64>;

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
    /// Parked first, decided on later.
    late: bool,
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
        for row in database.query(LATE, &[&stream]).await? {
            books.enter_late(&row)?;
        }
        for row in database.query(RESOLVED, &[&stream]).await? {
            let debt = (row.try_get(1)?, true);
            books.unmatched.insert(debt, sequence(&row)?);
        }
        Ok(books)
    }

    fn enter(&mut self, row: &Row) -> Result<(), LedgerError> {
        if row.try_get::<_, &str>(2)? == "redriven" {
            return self.owe(row, Disposition::Parked);
        }
        let disposition = disposition(row)?;
        self.post(sequence(row)?, disposition);
        self.owe(row, disposition)
    }

    /// A decision that gave no disposition, but owes the same events.
    fn enter_late(&mut self, row: &Row) -> Result<(), LedgerError> {
        let at = self.index(sequence(row)?);
        if let Some(entry) = at.and_then(|at| self.entries.get_mut(at)) {
            entry.late = true;
        }
        self.owe(row, disposition(row)?)
    }

    fn owe(&mut self, row: &Row, disposition: Disposition) -> Result<(), LedgerError> {
        let (sequence, debt) = (sequence(row)?, (row.try_get(1)?, false));
        match disposition {
            Disposition::Applied => {
                self.webhook.insert(debt, sequence);
                let status: &str = row.try_get(3)?;
                if matches!(status, "expired" | "failed" | "delivered") {
                    self.billing.insert(debt, sequence);
                }
            }
            Disposition::Parked => {
                self.unmatched.insert(debt, sequence);
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

    /// Whether the receipt has changed its message, or could have.
    pub(super) fn has_arrived(&self, sequence: u64) -> bool {
        let entry = self.index(sequence).and_then(|at| self.entries.get(at));
        entry.is_none_or(|it| it.late || it.disposition != Some(Disposition::Parked))
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

fn sequence(row: &Row) -> Result<u64, LedgerError> {
    Ok(u64::try_from(row.try_get::<_, i64>(0)?).unwrap_or(0))
}

fn disposition(row: &Row) -> Result<Disposition, LedgerError> {
    let word: &str = row.try_get(2)?;
    Disposition::ALL
        .into_iter()
        .find(|disposition| disposition.name() == word)
        .ok_or_else(|| LedgerError::UnknownDisposition(word.to_owned()))
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
