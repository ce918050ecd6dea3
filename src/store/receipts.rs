//! `dlr.delivery_receipts`: every applied and recorded receipt with its whole decision.

mod stored;

use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

pub use self::stored::StoredReceipt;
pub(super) use self::stored::{COLUMNS, FIND, first_decision, receipt_columns};
use super::copy::CopyRows;
use super::messages::Numeric;
use super::{Session, StoreError};
use crate::receipt::decision::{Decision, Flags, Verdict};
use crate::receipt::ids::{Identity, RowKey};

/// COPY takes half the time of a plain INSERT from `unnest`, and a plain INSERT less than half of one
/// with ON CONFLICT: whether a receipt is stored already is looked up before.
pub(super) const COPY: &str = "\
-- copy_receipts
COPY dlr.delivery_receipts (
    stored_at, stream, seq, receipt_id, disposition, reason, late, message_id, account_id,
    carrier_id, operator_message_id, segment, segments, group_id, client_ref, mccmnc, price,
    currency, previous_status, status, reported_status, stat, message_state, err,
    network_error_code, flags, submit_date, done_date, submitted_at, done_at, received_at,
    processed_at, personal_sealed, source_hash, dest_hash, hash_kid, group_status,
    profile_revision)
FROM STDIN (FORMAT binary)";

const COPIED: i16 = 38;

/// Whoever handles first deliveries shares the lock of their ranges until the end of the transaction,
/// whoever handles redeliveries has it alone: so that two replicas cannot give one envelope two
/// dispositions, not even when a COMMIT hangs. In one order, so that they cannot wait in a circle.
pub(super) const LOCK_SHARED: &str = "\
-- lock_envelopes_shared
SELECT pg_advisory_xact_lock_shared(k)
FROM (SELECT DISTINCT k FROM unnest($1::int8[]) AS k ORDER BY k) AS ordered";

pub(super) const LOCK: &str = "\
-- lock_envelopes
SELECT pg_advisory_xact_lock(k)
FROM (SELECT DISTINCT k FROM unnest($1::int8[]) AS k ORDER BY k) AS ordered";

/// A decision with what else its row holds.
pub struct NewReceipt<'a> {
    pub key: &'a RowKey,
    pub decision: Decision<'a>,
    /// The message's, which goes from table to table as it is.
    pub exact_price: Option<Numeric<'a>>,
    /// `None` when it is itself a phone number.
    pub open_operator_message_id: Option<&'a str>,
    pub reported_status: Option<&'static str>,
    pub message_state: Option<i16>,
    pub network_error_code: Option<&'a str>,
    pub flags: Flags,
    pub submit_date: Option<&'a str>,
    pub done_date: Option<&'a str>,
    pub personal_sealed: Option<&'a [u8]>,
    pub source_hash: Option<[u8; 16]>,
    pub dest_hash: Option<[u8; 16]>,
    pub hash_kid: Option<i32>,
    /// Of the profile it was read by; 0 for none.
    pub profile_revision: i32,
}

/// Receipts to be stored.
pub struct NewReceipts(CopyRows);

impl Default for NewReceipts {
    fn default() -> Self {
        Self(CopyRows::new(COPIED))
    }
}

impl NewReceipts {
    pub fn push(&mut self, receipt: &NewReceipt<'_>) {
        let NewReceipt { key, decision, .. } = receipt;
        let message = &decision.message;
        let (disposition, reason) = disposition(decision.verdict);
        self.0
            .row()
            .put(key.stored_at)
            .put(&*key.stream)
            .put(key.sequence.cast_signed())
            .put(decision.receipt_id.0)
            .put(disposition)
            .put(reason)
            .put(decision.late)
            .put(message.id)
            .put(message.account_id)
            .put(decision.carrier_id)
            .put(receipt.open_operator_message_id)
            .put(message.segment)
            .put(message.segments)
            .put(message.group_id)
            .put(message.client_ref)
            .put(message.mccmnc)
            .put(receipt.exact_price)
            .put(message.currency)
            .put(decision.previous_status)
            .put(decision.status)
            .put(receipt.reported_status)
            .put(decision.stat)
            .put(receipt.message_state)
            .put(decision.err)
            .put(receipt.network_error_code)
            .put(receipt.flags.0)
            .put(receipt.submit_date)
            .put(receipt.done_date)
            .put(decision.submitted_at)
            .put(decision.done_at)
            .put(decision.received_at)
            .put(decision.processed_at)
            .put(receipt.personal_sealed)
            .put(receipt.source_hash.as_ref().map(<[u8; 16]>::as_slice))
            .put(receipt.dest_hash.as_ref().map(<[u8; 16]>::as_slice))
            .put(receipt.hash_kid)
            .put(decision.group_status)
            .put(receipt.profile_revision);
    }
}

impl Session {
    /// Stores them all, or none. To be called last in a transaction, and alone: behind a statement that
    /// fails the driver loses step with the server (rust-postgres #789).
    pub async fn insert_receipts(&self, receipts: NewReceipts) -> Result<(), StoreError> {
        if !receipts.0.is_empty() {
            let copy = &self.statements.copy_receipts;
            receipts.0.send(&self.client, copy).await?;
        }
        Ok(())
    }

    /// Waits until nobody else is at work on these envelopes, and keeps everybody else waiting until
    /// the end of the transaction.
    pub async fn lock_envelopes(&self, identities: &[&Identity]) -> Result<(), StoreError> {
        self.client
            .execute(&self.statements.lock, &[&ranges(identities)])
            .await?;
        Ok(())
    }

    /// Lets the commit of this transaction wait until a synchronous standby has all that is committed:
    /// one that writes nothing would not wait. What is found may be on this server alone, for PostgreSQL
    /// shows what a commit was still waiting for when its session or its server was ended.
    pub async fn wait_for_standby(&self) -> Result<(), StoreError> {
        const WRITE: &str = "SELECT pg_logical_emit_message(true, 'dlr', '')";
        Ok(self.client.batch_execute(WRITE).await?)
    }

    /// Keeps those waiting who would lock these envelopes for themselves.
    pub async fn lock_envelopes_shared(
        &self,
        identities: impl Iterator<Item = &Identity>,
    ) -> Result<(), StoreError> {
        let identities: Vec<&Identity> = identities.collect();
        self.client
            .execute(&self.statements.lock_shared, &[&ranges(&identities)])
            .await?;
        Ok(())
    }

    /// The receipts among these envelopes, all of one stream, that are stored.
    pub async fn find_receipts(&self, keys: &[RowKey]) -> Result<Vec<StoredReceipt>, StoreError> {
        let rows = self.find(&self.statements.find_receipts, keys).await?;
        Ok(rows.into_iter().map(StoredReceipt).collect())
    }

    pub(super) async fn find(
        &self,
        statement: &tokio_postgres::Statement,
        keys: &[RowKey],
    ) -> Result<Vec<Row>, StoreError> {
        let Some(first) = keys.first() else {
            return Ok(Vec::new());
        };
        let params = [
            column!(keys, |key| key.stored_at),
            column!(keys, |key| key.sequence.cast_signed()),
            &&*first.stream,
        ];
        Ok(self.client.query(statement, &params).await?)
    }
}

pub(super) fn disposition(verdict: Verdict) -> (&'static str, Option<&'static str>) {
    match verdict {
        Verdict::Applied => ("applied", None),
        Verdict::Recorded(because) => ("recorded", Some(because.as_str())),
    }
}

/// The advisory locks of envelopes: one for 4,096 neighbours, so that a batch of first deliveries
/// needs a handful. "dlr" in the upper bits keeps clear of other users' locks.
fn ranges(identities: &[&Identity]) -> Vec<i64> {
    let mut ranges: Vec<i64> = identities
        .iter()
        .map(|identity| ((0x0064_6c72_u64 << 40) ^ (identity.sequence >> 12)).cast_signed())
        .collect();
    ranges.sort_unstable();
    ranges.dedup();
    ranges
}
