//! What the tables say about each sequence of the inbound stream.

mod entry;

use std::ops::Range;

use futures_util::{StreamExt, TryStreamExt};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row};
use uuid::Uuid;

use self::entry::Entry;
pub(super) use self::entry::Resolution;
use super::events::{Due, Owed};
use super::{Ledger, LedgerError, Sample};
use crate::dev::scenario::{Disposition, Fate};

const RECEIPTS: &str = "SELECT seq, receipt_id, disposition, status, late \
     FROM dlr.delivery_receipts WHERE stream = $1";
const PARKED: &str = "SELECT seq, receipt_id, 'parked'::text, ''::text, false \
     FROM dlr.orphaned_receipts WHERE stream = $1 AND reason <> 'redriven'";
/// Rejected, then read anew: no disposition of its own, but announced all the same.
const REDRIVEN: &str = "SELECT seq, receipt_id \
     FROM dlr.orphaned_receipts WHERE stream = $1 AND reason = 'redriven'";
const REJECTED: &str = "SELECT seq, receipt_id, 'rejected'::text, ''::text, false \
     FROM dlr.rejected_receipts WHERE stream = $1";
const RESOLVED: &str = "SELECT seq, receipt_id, resolution \
     FROM dlr.orphan_resolutions WHERE stream = $1";

pub(super) struct Books {
    sequences: Range<u64>,
    /// One entry a sequence, so that a long run stays small.
    entries: Vec<Entry>,
    strange: Sample,
    owed: EventsOwed,
}

/// The events that each output stream has to hold.
#[derive(Default)]
pub(super) struct EventsOwed {
    pub(super) webhook: Owed,
    pub(super) billing: Owed,
    pub(super) unmatched: Owed,
}

impl Books {
    pub(super) async fn read(
        database: &Client,
        stream: &str,
        sequences: Range<u64>,
    ) -> Result<Self, LedgerError> {
        let mut books = Self::empty(sequences);
        for query in [RECEIPTS, PARKED, REJECTED] {
            books
                .each(database, query, stream, Self::enter_receipt)
                .await?;
        }
        books
            .each(database, REDRIVEN, stream, Self::enter_redriven)
            .await?;
        books
            .each(database, RESOLVED, stream, Self::enter_resolution)
            .await?;
        Ok(books)
    }

    fn empty(sequences: Range<u64>) -> Self {
        let length = usize::try_from(sequences.end - sequences.start).unwrap_or(usize::MAX);
        Self {
            sequences,
            entries: vec![Entry::default(); length],
            strange: Sample::default(),
            owed: EventsOwed::default(),
        }
    }

    async fn each(
        &mut self,
        database: &Client,
        query: &str,
        stream: &str,
        enter: impl Fn(&mut Self, &Row) -> Result<(), LedgerError>,
    ) -> Result<(), LedgerError> {
        let parameters: [&(dyn ToSql + Sync); 1] = [&stream];
        let rows = database.query_raw(query, parameters).await?;
        let mut rows = std::pin::pin!(rows.map_err(LedgerError::from));
        while let Some(row) = rows.next().await {
            enter(self, &row?)?;
        }
        Ok(())
    }

    fn enter_receipt(&mut self, row: &Row) -> Result<(), LedgerError> {
        let (sequence, receipt_id) = key(row)?;
        let word: &str = row.try_get(2)?;
        let disposition = Disposition::ALL
            .into_iter()
            .find(|disposition| disposition.name() == word)
            .ok_or_else(|| LedgerError::UnknownDisposition(word.to_owned()))?;
        let late: bool = row.try_get(4)?;
        if late {
            self.post(sequence, |entry| entry.decide_late(disposition));
        } else {
            self.post(sequence, |entry| entry.dispose(disposition));
        }
        match disposition {
            Disposition::Applied => {
                let due = if late { Due::Late } else { Due::OnTime };
                self.owed.webhook.insert((receipt_id, due), sequence);
                let status: &str = row.try_get(3)?;
                if matches!(status, "expired" | "failed" | "delivered") {
                    self.owed.billing.insert((receipt_id, due), sequence);
                }
            }
            Disposition::Parked => {
                let parked = (receipt_id, Due::Parked);
                self.owed.unmatched.insert(parked, sequence);
            }
            Disposition::Recorded | Disposition::Rejected => {}
        }
        Ok(())
    }

    fn enter_redriven(&mut self, row: &Row) -> Result<(), LedgerError> {
        let (sequence, receipt_id) = key(row)?;
        self.post(sequence, Entry::redrive);
        let parked = (receipt_id, Due::Parked);
        self.owed.unmatched.insert(parked, sequence);
        Ok(())
    }

    fn enter_resolution(&mut self, row: &Row) -> Result<(), LedgerError> {
        let (sequence, receipt_id) = key(row)?;
        let word: &str = row.try_get(2)?;
        let resolution =
            Resolution::of(word).ok_or_else(|| LedgerError::UnknownDisposition(word.to_owned()))?;
        self.post(sequence, |entry| entry.resolve(resolution));
        let resolved = (receipt_id, Due::Resolved(resolution));
        self.owed.unmatched.insert(resolved, sequence);
        Ok(())
    }

    fn post(&mut self, sequence: u64, write: impl FnOnce(&mut Entry)) {
        let index = self.index(sequence);
        match index.and_then(|index| self.entries.get_mut(index)) {
            Some(entry) => write(entry),
            None => self.strange.add(sequence),
        }
    }

    fn index(&self, sequence: u64) -> Option<usize> {
        usize::try_from(sequence.checked_sub(self.sequences.start)?).ok()
    }

    /// How a receipt has ended; nothing if it has no end, or one that contradicts itself.
    pub(super) fn fate(&self, sequence: u64) -> Option<Fate> {
        self.entries.get(self.index(sequence)?)?.fate()
    }

    pub(super) fn count_into(&self, ledger: &mut Ledger) {
        for (sequence, entry) in self.sequences.clone().zip(&self.entries) {
            match entry.disposition() {
                Some(disposition) => ledger.dispositions[disposition as usize] += 1,
                None => ledger.without_disposition.add(sequence),
            }
            if entry.has_two() {
                ledger.with_two.add(sequence);
            } else if entry.disposition().is_some() && entry.fate().is_none() {
                ledger.half_resolved.add(sequence);
            }
            match entry.fate() {
                Some(Fate::Matched) => ledger.parked.matched += 1,
                Some(Fate::Parked) => ledger.parked.open += 1,
                _ => {}
            }
        }
        ledger.strange_rows = self.strange.clone();
    }

    pub(super) fn into_events_owed(self) -> EventsOwed {
        self.owed
    }
}

fn key(row: &Row) -> Result<(u64, Uuid), LedgerError> {
    let sequence = u64::try_from(row.try_get::<_, i64>(0)?).unwrap_or(0);
    Ok((sequence, row.try_get(1)?))
}

#[cfg(test)]
impl Books {
    pub(super) fn of(sequences: Range<u64>, fates: &[(u64, Fate)]) -> Self {
        let mut books = Self::empty(sequences);
        for &(sequence, fate) in fates {
            books.post(sequence, |entry| entry.end(fate));
        }
        books
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sequence_is_found_once_twice_never_or_is_none_of_the_streams() {
        let books = Books::of(
            10..15,
            &[
                (10, Fate::Applied),
                (11, Fate::Parked),
                (11, Fate::Applied),
                (13, Fate::Rejected),
                (14, Fate::Matched),
                (9, Fate::Applied),
                (15, Fate::Applied),
            ],
        );
        let mut ledger = Ledger::default();
        books.count_into(&mut ledger);
        assert_eq!(ledger.without_disposition.first, [12]);
        assert_eq!(ledger.with_two.first, [11]);
        assert_eq!(ledger.strange_rows.first, [9, 15]);
        assert_eq!(ledger.consumed(), 4);
        assert_eq!((ledger.parked.matched, ledger.parked.open), (1, 0));
    }

    #[test]
    fn a_late_decision_and_its_resolution_belong_together() {
        let mut books = Books::of(
            1..4,
            &[(1, Fate::Parked), (2, Fate::Parked), (3, Fate::Applied)],
        );
        books.post(1, |entry| entry.decide_late(Disposition::Applied));
        books.post(2, |entry| entry.resolve(Resolution::Matched));
        books.post(3, |entry| entry.resolve(Resolution::Matched));
        let mut ledger = Ledger::default();
        books.count_into(&mut ledger);
        assert_eq!(ledger.half_resolved.first, [1, 2, 3]);
        assert_eq!(ledger.parked, super::super::Parked::default());
        books.post(1, |entry| entry.resolve(Resolution::Matched));
        assert_eq!(books.fate(1), Some(Fate::Matched));
    }
}
