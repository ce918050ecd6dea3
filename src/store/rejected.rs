//! `dlr.rejected_receipts`: that a payload was rejected and why, never what it said.

use jiff::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::walk::{Placed, Stretch, row_key, within};
use super::{Session, StoreError};
use crate::receipt::ids::{Identity, ReceiptId, RowKey};

pub(super) const INSERT: &str = "\
-- insert_rejected
INSERT INTO dlr.rejected_receipts (
    stored_at, stream, seq, receipt_id, carrier_id, reason, field, payload_length, fingerprint,
    fingerprint_kid, rejected_at)
SELECT stored_at, $1, seq, receipt_id, carrier_id, reason, field, payload_length, fingerprint,
    fingerprint_kid, $2
FROM unnest($3::timestamptz[], $4::int8[], $5::uuid[], $6::text[], $7::text[], $8::text[],
    $9::int4[], $10::bytea[], $11::int4[])
  AS v (stored_at, seq, receipt_id, carrier_id, reason, field, payload_length, fingerprint,
    fingerprint_kid)";

pub(super) const FIND: &str = "\
-- find_rejected
SELECT r.seq
FROM unnest($1::timestamptz[], $2::int8[]) AS k (stored_at, seq)
JOIN dlr.rejected_receipts AS r
  ON r.stored_at = k.stored_at AND r.stream = $3 AND r.seq = k.seq";

/// With whether a re-drive has parked it since.
const REJECTED: &str = concat!(
    "-- rejected
SELECT r.stored_at, r.stream, r.seq, r.receipt_id, r.reason, EXISTS (
    SELECT FROM dlr.orphaned_receipts AS p
    WHERE p.stored_at = r.stored_at AND p.stream = r.stream AND p.seq = r.seq)
FROM dlr.rejected_receipts AS r
WHERE ",
    within!("r"),
    " AND r.stream = $8 AND ($9::text IS NULL OR r.reason = $9)
  AND ($10::text IS NULL OR r.carrier_id IS NULL OR r.carrier_id = $10)
  AND ($11::int8 IS NULL OR r.seq = $11)
ORDER BY r.stored_at, r.stream, r.seq LIMIT $7"
);

/// Which rejected envelopes; `None` is any.
#[derive(Debug, Clone, Copy)]
pub struct Which<'a> {
    pub stream: &'a str,
    pub reason: Option<&'a str>,
    /// Those that nobody but their payload could name are among them.
    pub carrier: Option<&'a str>,
    pub sequence: Option<u64>,
}

/// A rejection read back.
pub struct StoredRejected(Row);

impl StoredRejected {
    pub fn receipt_id(&self) -> ReceiptId {
        ReceiptId(self.0.get(3))
    }

    pub fn reason(&self) -> &str {
        self.0.get(4)
    }

    /// Whether its envelope has a parked row by now.
    pub fn is_parked(&self) -> bool {
        self.0.get(5)
    }
}

impl Placed for StoredRejected {
    fn key(&self) -> RowKey {
        row_key(&self.0, 0)
    }
}

pub struct NewRejected<'a> {
    pub identity: &'a Identity,
    /// The subject's, where it names a valid one.
    pub carrier_id: Option<&'a str>,
    pub reason: &'static str,
    pub field: Option<&'static str>,
    pub payload_length: i32,
    /// Keyed, so that equal payloads can be told without keeping any.
    pub fingerprint: [u8; 16],
    pub fingerprint_kid: i32,
}

impl Session {
    /// Stores the rejections of one stream, all made at `rejected_at`.
    pub async fn insert_rejected(
        &self,
        rows: &[NewRejected<'_>],
        rejected_at: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(first) = rows.first() else {
            return Ok(());
        };
        let params = [
            &&*first.identity.stream as &(dyn ToSql + Sync),
            &rejected_at,
            column!(rows, |r| r.identity.stored_at()),
            column!(rows, |r| r.identity.sequence.cast_signed()),
            column!(rows, |r| r.identity.receipt_id().0),
            column!(rows, |r| r.carrier_id),
            column!(rows, |r| r.reason),
            column!(rows, |r| r.field),
            column!(rows, |r| r.payload_length),
            column!(rows, |r| r.fingerprint.as_slice()),
            column!(rows, |r| r.fingerprint_kid),
        ];
        self.client
            .execute(&self.statements.insert_rejected, &params)
            .await?;
        Ok(())
    }

    /// Rejections of a stretch: a page of them, the first.
    pub async fn rejected(
        &self,
        stretch: &Stretch,
        which: Which<'_>,
    ) -> Result<Vec<StoredRejected>, StoreError> {
        let sequence = which.sequence.map(u64::cast_signed);
        let more: [&(dyn ToSql + Sync); 4] =
            [&which.stream, &which.reason, &which.carrier, &sequence];
        let rows = stretch.query(self, REJECTED, &more).await?;
        Ok(rows.into_iter().map(StoredRejected).collect())
    }

    /// The sequences of the envelopes among these that are rejected.
    pub async fn find_rejected(&self, keys: &[RowKey]) -> Result<Vec<i64>, StoreError> {
        let rows = self.find(&self.statements.find_rejected, keys).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }
}
