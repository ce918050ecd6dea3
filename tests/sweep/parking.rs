//! Parked receipts without a processor that parks them.

use std::sync::Arc;

use bytes::Bytes;
use dlr::pipeline::park::place;
use dlr::receipt::decision::Parked;
use dlr::receipt::ids::ReceiptId;
use dlr::seal::{KeyRing, Purpose, Sealer};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::support::TestApp;

/// A row of `dlr.orphaned_receipts`, stored and parked so many seconds ago.
#[derive(Clone)]
pub(super) struct Row {
    pub(super) stream: &'static str,
    pub(super) sequence: i64,
    pub(super) payload: Bytes,
    pub(super) reason: &'static str,
    pub(super) parked_ago: f64,
}

impl Row {
    /// Of carrier `acme`, parked long enough ago that no look falls due by itself.
    pub(super) fn new(sequence: i64, payload: String) -> Self {
        Self {
            stream: "SMS_DLR",
            sequence,
            payload: payload.into(),
            reason: "no_message",
            parked_ago: 1_200.0,
        }
    }
}

/// The processor's own keys.
pub(super) fn ring(app: &TestApp) -> Arc<KeyRing> {
    Arc::new(KeyRing::load(&app.config.seal.keyring_file).unwrap())
}

/// Seals and inserts, as parking does; returns the receipt ids.
pub(super) async fn park(app: &TestApp, ring: &Arc<KeyRing>, rows: &[Row]) -> Vec<Uuid> {
    let mut sealer = Sealer::new(Arc::clone(ring), Purpose::Parked);
    let ids: Vec<Uuid> = rows.iter().map(|_| Uuid::new_v4()).collect();
    let sealed = ids.iter().zip(rows).map(|(id, row)| {
        let parked = Parked {
            receipt_id: ReceiptId(*id),
            carrier_id: "acme",
            operator_message_id: None,
            stat: None,
            reason: row.reason,
            parked_at: jiff::Timestamp::UNIX_EPOCH,
        };
        sealer.seal(&place(&parked), &row.payload).unwrap()
    });
    let sealed: Vec<Vec<u8>> = sealed.collect();
    let streams: Vec<&str> = rows.iter().map(|row| row.stream).collect();
    let sequences: Vec<i64> = rows.iter().map(|row| row.sequence).collect();
    let reasons: Vec<&str> = rows.iter().map(|row| row.reason).collect();
    let ago: Vec<f64> = rows.iter().map(|row| row.parked_ago).collect();
    let params: [&(dyn ToSql + Sync); 6] = [&ids, &sealed, &streams, &sequences, &reasons, &ago];
    app.sql
        .execute(
            "INSERT INTO dlr.orphaned_receipts
                (stored_at, stream, seq, receipt_id, carrier_id, operator_message_id, stat, reason,
                 deliveries, parked_at, payload_sealed)
             SELECT now() - make_interval(secs => ago), stream, seq, id, 'acme', 'op', 'DELIVRD',
                    reason, 2, now() - make_interval(secs => ago), sealed
             FROM unnest($1::uuid[], $2::bytea[], $3::text[], $4::int8[], $5::text[], $6::float8[])
               AS v (id, sealed, stream, seq, reason, ago)",
            &params,
        )
        .await
        .unwrap();
    ids
}
