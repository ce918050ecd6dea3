//! `dlr.delivery_receipts`: every applied and recorded receipt with its whole decision.

mod stored;

use jiff::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

pub use self::stored::StoredReceipt;
pub(super) use self::stored::{COLUMNS, FIND, first_decision, receipt_columns};
use super::{Session, StoreError};
use crate::receipt::decision::{Decision, Flags, Verdict};
use crate::receipt::ids::{Identity, RowKey};

pub(super) const INSERT: &str = "\
-- insert_receipts
INSERT INTO dlr.delivery_receipts (
    stored_at, stream, seq, receipt_id, disposition, reason, late, message_id, account_id,
    carrier_id, operator_message_id, segment, segments, group_id, client_ref, mccmnc, price,
    currency, previous_status, status, reported_status, stat, message_state, err,
    network_error_code, flags, submit_date, done_date, submitted_at, done_at, received_at,
    processed_at, personal_sealed, source_hash, dest_hash, hash_kid, group_status,
    profile_revision)
SELECT stored_at, $1, seq, receipt_id, disposition, reason, $2, message_id, account_id,
    carrier_id, operator_message_id, segment, segments, group_id, client_ref, mccmnc,
    price::numeric, currency, previous_status, status, reported_status, stat, message_state, err,
    network_error_code, flags, submit_date, done_date, submitted_at, done_at, received_at,
    $3, personal_sealed, source_hash, dest_hash, hash_kid, group_status, profile_revision
FROM unnest($4::timestamptz[], $5::int8[], $6::uuid[], $7::text[], $8::text[], $9::uuid[],
    $10::uuid[], $11::text[], $12::text[], $13::int2[], $14::int2[], $15::uuid[], $16::text[],
    $17::text[], $18::text[], $19::text[], $20::text[], $21::text[], $22::text[], $23::text[],
    $24::int2[], $25::text[], $26::text[], $27::int4[], $28::text[], $29::text[],
    $30::timestamptz[], $31::timestamptz[], $32::timestamptz[], $33::bytea[], $34::bytea[],
    $35::bytea[], $36::int4[], $37::text[], $38::int4[])
  AS v (stored_at, seq, receipt_id, disposition, reason, message_id, account_id, carrier_id,
    operator_message_id, segment, segments, group_id, client_ref, mccmnc, price, currency,
    previous_status, status, reported_status, stat, message_state, err, network_error_code, flags,
    submit_date, done_date, submitted_at, done_at, received_at, personal_sealed, source_hash,
    dest_hash, hash_kid, group_status, profile_revision)";

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
    pub key: RowKey,
    pub decision: Decision<'a>,
    /// `None` when it is itself a phone number.
    pub open_operator_message_id: Option<&'a str>,
    pub reported_status: Option<&'static str>,
    pub message_state: Option<i16>,
    pub network_error_code: Option<&'a str>,
    pub flags: Flags,
    pub submit_date: Option<&'a str>,
    pub done_date: Option<&'a str>,
    pub personal_sealed: Option<Vec<u8>>,
    pub source_hash: Option<[u8; 16]>,
    pub dest_hash: Option<[u8; 16]>,
    pub hash_kid: Option<i32>,
    /// Of the profile it was read by; 0 for none.
    pub profile_revision: i32,
}

impl Session {
    /// Stores the receipts of one stream, all decided at `processed_at`.
    pub async fn insert_receipts(
        &self,
        receipts: &[NewReceipt<'_>],
        processed_at: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(first) = receipts.first() else {
            return Ok(());
        };
        let params = [
            &&*first.key.stream as &(dyn ToSql + Sync),
            &first.decision.late,
            &processed_at,
            column!(receipts, |r| r.key.stored_at),
            column!(receipts, |r| r.key.sequence.cast_signed()),
            column!(receipts, |r| r.decision.receipt_id.0),
            column!(receipts, |r| disposition(r.decision.verdict).0),
            column!(receipts, |r| disposition(r.decision.verdict).1),
            column!(receipts, |r| r.decision.message.id),
            column!(receipts, |r| r.decision.message.account_id),
            column!(receipts, |r| r.decision.carrier_id),
            column!(receipts, |r| r.open_operator_message_id),
            column!(receipts, |r| r.decision.message.segment),
            column!(receipts, |r| r.decision.message.segments),
            column!(receipts, |r| r.decision.message.group_id),
            column!(receipts, |r| r.decision.message.client_ref),
            column!(receipts, |r| r.decision.message.mccmnc),
            column!(receipts, |r| r.decision.message.price),
            column!(receipts, |r| r.decision.message.currency),
            column!(receipts, |r| r.decision.previous_status),
            column!(receipts, |r| r.decision.status),
            column!(receipts, |r| r.reported_status),
            column!(receipts, |r| r.decision.stat),
            column!(receipts, |r| r.message_state),
            column!(receipts, |r| r.decision.err),
            column!(receipts, |r| r.network_error_code),
            column!(receipts, |r| r.flags.0),
            column!(receipts, |r| r.submit_date),
            column!(receipts, |r| r.done_date),
            column!(receipts, |r| r.decision.submitted_at),
            column!(receipts, |r| r.decision.done_at),
            column!(receipts, |r| r.decision.received_at),
            column!(receipts, |r| r.personal_sealed.as_deref()),
            column!(receipts, |r| r
                .source_hash
                .as_ref()
                .map(<[u8; 16]>::as_slice)),
            column!(receipts, |r| r.dest_hash.as_ref().map(<[u8; 16]>::as_slice)),
            column!(receipts, |r| r.hash_kid),
            column!(receipts, |r| r.decision.group_status),
            column!(receipts, |r| r.profile_revision),
        ];
        self.client
            .execute(&self.statements.insert_receipts, &params)
            .await?;
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
