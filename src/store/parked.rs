//! `dlr.orphaned_receipts`: receipts without their message, sealed. The table keeps the name that
//! other systems know; everywhere else these receipts are parked.

use jiff::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::{Session, StoreError};
use crate::receipt::decision::Parked;
use crate::receipt::ids::{Identity, ReceiptId, RowKey};

pub(super) const INSERT: &str = "\
-- insert_parked
INSERT INTO dlr.orphaned_receipts (
    stored_at, stream, seq, receipt_id, carrier_id, operator_message_id, stat, reason, deliveries,
    received_at, parked_at, payload_sealed)
SELECT stored_at, $1, seq, receipt_id, carrier_id, operator_message_id, stat, reason, deliveries,
    received_at, $2, payload_sealed
FROM unnest($3::timestamptz[], $4::int8[], $5::uuid[], $6::text[], $7::text[], $8::text[],
    $9::text[], $10::int4[], $11::timestamptz[], $12::bytea[])
  AS v (stored_at, seq, receipt_id, carrier_id, operator_message_id, stat, reason, deliveries,
    received_at, payload_sealed)";

pub(super) const FIND: &str = "\
-- find_parked
SELECT p.seq, p.receipt_id, p.carrier_id, p.operator_message_id, p.stat, p.reason, p.parked_at
FROM unnest($1::timestamptz[], $2::int8[]) AS k (stored_at, seq)
JOIN dlr.orphaned_receipts AS p
  ON p.stored_at = k.stored_at AND p.stream = $3 AND p.seq = k.seq";

pub struct NewParked<'a> {
    pub identity: &'a Identity,
    pub parked: Parked<'a>,
    pub deliveries: i32,
    pub received_at: Option<Timestamp>,
    pub payload_sealed: Vec<u8>,
}

/// A parked receipt read back, without its payload.
pub struct StoredParked(pub(super) Row);

impl StoredParked {
    pub fn sequence(&self) -> i64 {
        self.0.get(0)
    }

    pub fn parked(&self) -> Parked<'_> {
        Parked {
            receipt_id: ReceiptId(self.0.get(1)),
            carrier_id: self.0.get(2),
            operator_message_id: self.0.get(3),
            stat: self.0.get(4),
            reason: self.0.get(5),
            parked_at: self.0.get(6),
        }
    }
}

impl Session {
    /// Stores the parked receipts of one stream, all parked at `parked_at`.
    pub async fn insert_parked(
        &self,
        rows: &[NewParked<'_>],
        parked_at: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(first) = rows.first() else {
            return Ok(());
        };
        let params = [
            &&*first.identity.stream as &(dyn ToSql + Sync),
            &parked_at,
            column!(rows, |r| r.identity.stored_at()),
            column!(rows, |r| r.identity.sequence.cast_signed()),
            column!(rows, |r| r.parked.receipt_id.0),
            column!(rows, |r| r.parked.carrier_id),
            column!(rows, |r| r.parked.operator_message_id),
            column!(rows, |r| r.parked.stat),
            column!(rows, |r| r.parked.reason),
            column!(rows, |r| r.deliveries),
            column!(rows, |r| r.received_at),
            column!(rows, |r| r.payload_sealed.as_slice()),
        ];
        self.client
            .execute(&self.statements.insert_parked, &params)
            .await?;
        Ok(())
    }

    /// The envelopes among these that are parked.
    pub async fn find_parked(&self, keys: &[RowKey]) -> Result<Vec<StoredParked>, StoreError> {
        let rows = self.find(&self.statements.find_parked, keys).await?;
        Ok(rows.into_iter().map(StoredParked).collect())
    }
}
