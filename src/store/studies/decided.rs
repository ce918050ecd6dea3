//! What became of receipts in a stretch of time.

use std::ops::Range;

use jiff::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::Studies;
use crate::store::StoreError;

const DECIDED: &str = "\
-- decided
SELECT carrier_id, operator_message_id, reason, stat, message_state, flags, done_date, done_at,
    coalesce(received_at, stored_at), stored_at, coalesce(profile_revision, 0)
FROM dlr.delivery_receipts
WHERE stored_at >= $1 AND stored_at < $2
ORDER BY stored_at
LIMIT $3";

const PARKED_BETWEEN: &str = "\
-- parked_between
SELECT count(*) FROM dlr.orphaned_receipts
WHERE stored_at >= $1 AND stored_at < $2 AND carrier_id = $3";

const MATCHED: &str = "\
-- matched
WITH scanned AS MATERIALIZED (
    SELECT carrier_id, operator_message_id FROM dlr.delivery_receipts
    WHERE stored_at >= $1 AND stored_at < $2
    ORDER BY stored_at DESC
    LIMIT $3
)
SELECT (SELECT count(*) FROM scanned), ARRAY(
    SELECT operator_message_id FROM scanned
    WHERE carrier_id = $4 AND operator_message_id IS NOT NULL
    LIMIT $5)";

/// Ids of a carrier's receipts that were matched, but for phone numbers.
#[derive(Debug, Default)]
pub struct Matched {
    pub ids: Vec<String>,
    /// Receipts of all carriers that were looked through for them.
    pub scanned: u64,
}

/// A receipt that was matched, as far as it tells about its carrier.
#[derive(Debug, Clone)]
pub struct Decided {
    pub carrier: String,
    /// `None` when it is a phone number.
    pub operator_message_id: Option<String>,
    pub reason: Option<String>,
    pub stat: Option<String>,
    pub message_state: Option<i16>,
    pub flags: i32,
    pub done_date: Option<String>,
    pub done_at: Option<Timestamp>,
    /// When the gateway had it, or the stream if the gateway did not say.
    pub received_at: Timestamp,
    pub stored_at: Timestamp,
    pub profile_revision: i32,
}

impl Studies {
    /// The first receipts in `range` of stored-at times that were matched.
    pub async fn decided(
        &self,
        range: &Range<Timestamp>,
        limit: u32,
    ) -> Result<Vec<Decided>, StoreError> {
        let limit = i64::from(limit);
        let rows = self
            .query(DECIDED, &[&range.start, &range.end, &limit])
            .await?;
        let decided = |row: &Row| Decided {
            carrier: row.get(0),
            operator_message_id: row.get(1),
            reason: row.get(2),
            stat: row.get(3),
            message_state: row.get(4),
            flags: row.get(5),
            done_date: row.get(6),
            done_at: row.get(7),
            received_at: row.get(8),
            stored_at: row.get(9),
            profile_revision: row.get(10),
        };
        Ok(rows.iter().map(decided).collect())
    }

    /// A carrier's among the last `scanned` receipts in `range` of stored-at times that were matched.
    pub async fn matched(
        &self,
        range: &Range<Timestamp>,
        carrier: &str,
        scanned: u32,
        limit: u32,
    ) -> Result<Matched, StoreError> {
        let [scanned, limit] = [scanned, limit].map(i64::from);
        let params: [&(dyn ToSql + Sync); 5] =
            [&range.start, &range.end, &scanned, &carrier, &limit];
        let rows = self.query(MATCHED, &params).await?;
        let matched = |row: &Row| Matched {
            ids: row.get(1),
            scanned: row.get::<_, i64>(0).cast_unsigned(),
        };
        Ok(rows.first().map(matched).unwrap_or_default())
    }

    /// How many receipts of a carrier were parked, by when the stream had them.
    pub async fn parked_between(
        &self,
        range: &Range<Timestamp>,
        carrier: &str,
    ) -> Result<u64, StoreError> {
        let params: [&(dyn ToSql + Sync); 3] = [&range.start, &range.end, &carrier];
        let rows = self.query(PARKED_BETWEEN, &params).await?;
        let count = rows.first().map_or(0, |row| row.get::<_, i64>(0));
        Ok(u64::try_from(count).unwrap_or_default())
    }
}
