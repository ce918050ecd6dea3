//! Everything the tables say about one envelope, as far as the reader's role may see it: nothing
//! sealed. Works as `dlr_reader` and as `dlr_svc`.

use jiff::Timestamp;
use serde::Serialize;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, Row};
use uuid::Uuid;

use crate::receipt::ids::RowKey;

/// A row of `dlr.delivery_receipts`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceiptRow {
    pub receipt_id: Uuid,
    pub disposition: String,
    pub reason: Option<String>,
    pub late: bool,
    pub message_id: Uuid,
    pub account_id: Uuid,
    pub carrier_id: String,
    /// `None` when it is sealed.
    pub operator_message_id: Option<String>,
    pub previous_status: String,
    pub status: String,
    pub group_status: Option<String>,
    pub reported_status: Option<String>,
    pub stat: Option<String>,
    pub message_state: Option<i16>,
    pub err: Option<String>,
    pub flags: i32,
    pub profile_revision: Option<i32>,
    pub received_at: Option<Timestamp>,
    pub processed_at: Timestamp,
}

/// A row of `dlr.orphaned_receipts`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ParkedRow {
    pub receipt_id: Uuid,
    pub carrier_id: String,
    /// `None` when it is sealed.
    pub operator_message_id: Option<String>,
    pub stat: Option<String>,
    pub reason: String,
    pub deliveries: i32,
    pub parked_at: Timestamp,
}

/// A row of `dlr.orphan_resolutions`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResolutionRow {
    pub resolution: String,
    pub resolved_at: Timestamp,
    pub resolved_by: String,
    pub note: Option<String>,
}

/// A row of `dlr.rejected_receipts`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RejectedRow {
    pub receipt_id: Uuid,
    pub carrier_id: Option<String>,
    pub reason: String,
    pub field: Option<String>,
    pub payload_length: i32,
    pub rejected_at: Timestamp,
}

/// A row of `dlr.replayed_receipts`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplayRow {
    pub replay: i32,
    pub disposition: String,
    pub reason: Option<String>,
    pub previous_status: String,
    pub status: String,
    pub reported_status: Option<String>,
    pub profile_revision: i32,
    pub replayed_at: Timestamp,
    pub replayed_by: String,
    pub why: String,
    /// When its events were with their streams.
    pub confirmed_at: Option<Timestamp>,
}

/// Everything under one key.
#[derive(Debug, Default)]
pub struct Rows {
    pub receipt: Option<ReceiptRow>,
    pub parked: Option<ParkedRow>,
    pub resolution: Option<ResolutionRow>,
    pub rejected: Option<RejectedRow>,
    /// In the order in which they were decided.
    pub replays: Vec<ReplayRow>,
}

/// What a message shows at present.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Present {
    pub status: Option<String>,
    pub dlr_status: Option<String>,
}

/// Everything the tables hold under `key`.
pub async fn read(client: &Client, key: &RowKey) -> Result<Rows, Error> {
    let sequence = key.sequence.cast_signed();
    let params: [&(dyn ToSql + Sync); 3] = [&key.stored_at, &&*key.stream, &sequence];
    let receipt = client.query_opt(RECEIPT, &params).await?;
    let parked = client.query_opt(PARKED, &params).await?;
    let resolution = client.query_opt(RESOLUTION, &params).await?;
    let rejected = client.query_opt(REJECTED, &params).await?;
    let replays = client.query(REPLAYS, &params).await?;
    Ok(Rows {
        receipt: receipt.as_ref().map(ReceiptRow::of),
        parked: parked.as_ref().map(ParkedRow::of),
        resolution: resolution.as_ref().map(ResolutionRow::of),
        rejected: rejected.as_ref().map(RejectedRow::of),
        replays: replays.iter().map(ReplayRow::of).collect(),
    })
}

/// What the message shows now; `None` when it is not there.
pub async fn present(client: &Client, message: Uuid) -> Result<Option<Present>, Error> {
    let row = client
        .query_opt(
            "SELECT status::text, dlr_status::text FROM orch.sms_messages WHERE id = $1 LIMIT 1",
            &[&message],
        )
        .await?;
    Ok(row.map(|row| Present {
        status: row.get(0),
        dlr_status: row.get(1),
    }))
}

/// Whether the role may not see what was asked for.
pub fn is_denied(error: &Error) -> bool {
    error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE)
}

const RECEIPT: &str = "\
SELECT receipt_id, disposition, reason, late, message_id, account_id, carrier_id,
    operator_message_id, previous_status, status, group_status, reported_status, stat,
    message_state, err, flags, profile_revision, received_at, processed_at
FROM dlr.delivery_receipts WHERE stored_at = $1 AND stream = $2 AND seq = $3";

const PARKED: &str = "\
SELECT receipt_id, carrier_id, operator_message_id, stat, reason, deliveries, parked_at
FROM dlr.orphaned_receipts WHERE stored_at = $1 AND stream = $2 AND seq = $3";

const RESOLUTION: &str = "\
SELECT resolution, resolved_at, resolved_by, note
FROM dlr.orphan_resolutions WHERE stored_at = $1 AND stream = $2 AND seq = $3";

const REJECTED: &str = "\
SELECT receipt_id, carrier_id, reason, field, payload_length, rejected_at
FROM dlr.rejected_receipts WHERE stored_at = $1 AND stream = $2 AND seq = $3";

const REPLAYS: &str = "\
SELECT replay, disposition, reason, previous_status, status, reported_status, profile_revision,
    replayed_at, replayed_by, why, confirmed_at
FROM dlr.replayed_receipts
LEFT JOIN dlr.replay_confirmations USING (stored_at, stream, seq, replay)
WHERE stored_at = $1 AND stream = $2 AND seq = $3
ORDER BY replay";

impl ReceiptRow {
    fn of(row: &Row) -> Self {
        Self {
            receipt_id: row.get(0),
            disposition: row.get(1),
            reason: row.get(2),
            late: row.get(3),
            message_id: row.get(4),
            account_id: row.get(5),
            carrier_id: row.get(6),
            operator_message_id: row.get(7),
            previous_status: row.get(8),
            status: row.get(9),
            group_status: row.get(10),
            reported_status: row.get(11),
            stat: row.get(12),
            message_state: row.get(13),
            err: row.get(14),
            flags: row.get(15),
            profile_revision: row.get(16),
            received_at: row.get(17),
            processed_at: row.get(18),
        }
    }
}

impl ParkedRow {
    fn of(row: &Row) -> Self {
        Self {
            receipt_id: row.get(0),
            carrier_id: row.get(1),
            operator_message_id: row.get(2),
            stat: row.get(3),
            reason: row.get(4),
            deliveries: row.get(5),
            parked_at: row.get(6),
        }
    }
}

impl ResolutionRow {
    fn of(row: &Row) -> Self {
        Self {
            resolution: row.get(0),
            resolved_at: row.get(1),
            resolved_by: row.get(2),
            note: row.get(3),
        }
    }
}

impl RejectedRow {
    fn of(row: &Row) -> Self {
        Self {
            receipt_id: row.get(0),
            carrier_id: row.get(1),
            reason: row.get(2),
            field: row.get(3),
            payload_length: row.get(4),
            rejected_at: row.get(5),
        }
    }
}

impl ReplayRow {
    fn of(row: &Row) -> Self {
        Self {
            replay: row.get(0),
            disposition: row.get(1),
            reason: row.get(2),
            previous_status: row.get(3),
            status: row.get(4),
            reported_status: row.get(5),
            profile_revision: row.get(6),
            replayed_at: row.get(7),
            replayed_by: row.get(8),
            why: row.get(9),
            confirmed_at: row.get(10),
        }
    }
}
