//! The parked receipts that are open, stretch by stretch of parking time.

use std::ops::Range;

use jiff::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::Studies;
use crate::receipt::decision::Parked;
use crate::receipt::ids::ReceiptId;
use crate::store::StoreError;

/// Parked receipts in one stretch of time; what is parked together is never parted.
const STRETCH: i64 = 20_000;

/// The open ones of a stretch. The nested loop over resolutions is meant: a plan for unknown
/// parameters would hash all of them.
macro_rules! from_open {
    () => {
        "FROM dlr.orphaned_receipts AS p
LEFT JOIN LATERAL (
    SELECT true AS found FROM dlr.orphan_resolutions AS r
    WHERE r.stored_at = p.stored_at AND r.stream = p.stream AND r.seq = p.seq
    LIMIT 1
) AS resolution ON true
WHERE p.parked_at >= $1 AND p.parked_at < $2 AND resolution.found IS NULL"
    };
}

const OPEN_COUNTS: &str = concat!(
    "-- open_counts
SELECT p.carrier_id, p.reason, count(*), min(p.parked_at), max(p.parked_at)
",
    from_open!(),
    " AND ($3::text IS NULL OR p.carrier_id = $3)
GROUP BY p.carrier_id, p.reason"
);

const STRETCH_END: &str = "\
-- stretch_end
SELECT parked_at FROM dlr.orphaned_receipts
WHERE parked_at >= $1 AND parked_at < $2
ORDER BY parked_at OFFSET $3 LIMIT 1";

/// Receipt ids are hashes, so those below a bound are a sample, and always the same one.
const OPEN_SAMPLE: &str = concat!(
    "-- open_sample
SELECT p.receipt_id, p.carrier_id, p.operator_message_id, p.stat, p.reason, p.parked_at,
    p.stored_at, p.payload_sealed
",
    from_open!(),
    " AND p.carrier_id = $3 AND p.receipt_id <= $4
LIMIT $5"
);

const HORIZONS_DIFFER: &str = "\
-- horizons_differ
SELECT EXISTS (SELECT FROM dlr_conf.carrier_profiles WHERE profile ? 'horizon')";

/// Open parked receipts of one carrier and reason in one stretch.
#[derive(Debug, Clone)]
pub struct OpenCount {
    pub carrier: String,
    pub reason: String,
    pub count: u64,
    pub oldest: Timestamp,
    pub newest: Timestamp,
}

/// An open parked receipt with its payload.
pub struct SealedParked(Row);

impl SealedParked {
    pub fn parked(&self) -> Parked<'_> {
        Parked {
            receipt_id: ReceiptId(self.0.get(0)),
            carrier_id: self.0.get(1),
            operator_message_id: self.0.get(2),
            stat: self.0.get(3),
            reason: self.0.get(4),
            parked_at: self.0.get(5),
        }
    }

    /// When the stream had it.
    pub fn stored_at(&self) -> Timestamp {
        self.0.get(6)
    }

    pub fn payload_sealed(&self) -> &[u8] {
        self.0.get(7)
    }
}

impl Studies {
    /// Whether any carrier's profile ever named a horizon of its own.
    pub async fn horizons_differ(&self) -> Result<bool, StoreError> {
        let rows = self.query(HORIZONS_DIFFER, &[]).await?;
        Ok(rows.first().is_some_and(|row| row.get(0)))
    }

    /// Parts `range` of parking times so that each part holds a bounded number of receipts.
    pub async fn stretches(
        &self,
        range: Range<Timestamp>,
    ) -> Result<Vec<Range<Timestamp>>, StoreError> {
        let mut stretches = Vec::new();
        let mut start = range.start;
        loop {
            let params: [&(dyn ToSql + Sync); 3] = [&start, &range.end, &STRETCH];
            let next = self.query(STRETCH_END, &params).await?;
            let next: Option<Timestamp> = next.first().map(|row| row.get(0));
            let Some(next) = next.filter(|next| *next > start) else {
                stretches.push(start..range.end);
                return Ok(stretches);
            };
            stretches.push(start..next);
            start = next;
        }
    }

    pub async fn open_counts(
        &self,
        stretch: &Range<Timestamp>,
        carrier: Option<&str>,
    ) -> Result<Vec<OpenCount>, StoreError> {
        let params: [&(dyn ToSql + Sync); 3] = [&stretch.start, &stretch.end, &carrier];
        let rows = self.query(OPEN_COUNTS, &params).await?;
        let count = |row: &Row| OpenCount {
            carrier: row.get(0),
            reason: row.get(1),
            count: u64::try_from(row.get::<_, i64>(2)).unwrap_or_default(),
            oldest: row.get(3),
            newest: row.get(4),
        };
        Ok(rows.iter().map(count).collect())
    }

    /// Of the open receipts of a carrier those with a receipt id up to `highest`, at most `limit`.
    pub async fn open_sample(
        &self,
        stretch: &Range<Timestamp>,
        carrier: &str,
        highest: Uuid,
        limit: usize,
    ) -> Result<Vec<SealedParked>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let params: [&(dyn ToSql + Sync); 5] =
            [&stretch.start, &stretch.end, &carrier, &highest, &limit];
        let rows = self.query(OPEN_SAMPLE, &params).await?;
        Ok(rows.into_iter().map(SealedParked).collect())
    }
}
