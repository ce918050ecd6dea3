//! What a diagnosis asks: about parked receipts, about messages, and about what was decided lately.
//!
//! Each statement reads a bounded part, so that none of them holds up the pipeline or meets the
//! role's time limit, however much is parked.

use std::ops::Range;

use jiff::Timestamp;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row};
use uuid::Uuid;

use super::{Session, StoreError};
use crate::receipt::decision::Parked;
use crate::receipt::ids::ReceiptId;

/// Parked receipts in one stretch of time; what is parked together is never parted.
const STRETCH: i64 = 20_000;

/// The nested loop over resolutions is meant: a plan for unknown parameters would hash all of them.
const OPEN_COUNTS: &str = "\
-- open_counts
SELECT p.carrier_id, p.reason, count(*), min(p.parked_at), max(p.parked_at)
FROM dlr.orphaned_receipts AS p
LEFT JOIN LATERAL (
    SELECT true AS found FROM dlr.orphan_resolutions AS r
    WHERE r.stored_at = p.stored_at AND r.stream = p.stream AND r.seq = p.seq
    LIMIT 1
) AS resolution ON true
WHERE p.parked_at >= $1 AND p.parked_at < $2 AND ($3::text IS NULL OR p.carrier_id = $3)
  AND resolution.found IS NULL
GROUP BY p.carrier_id, p.reason";

const STRETCH_END: &str = "\
-- stretch_end
SELECT parked_at FROM dlr.orphaned_receipts
WHERE parked_at >= $1 AND parked_at < $2
ORDER BY parked_at OFFSET $3 LIMIT 1";

/// Receipt ids are hashes, so those below a bound are a sample, and always the same one.
const OPEN_SAMPLE: &str = "\
-- open_sample
SELECT p.receipt_id, p.carrier_id, p.operator_message_id, p.stat, p.reason, p.parked_at,
    p.stored_at, p.payload_sealed
FROM dlr.orphaned_receipts AS p
LEFT JOIN LATERAL (
    SELECT true AS found FROM dlr.orphan_resolutions AS r
    WHERE r.stored_at = p.stored_at AND r.stream = p.stream AND r.seq = p.seq
    LIMIT 1
) AS resolution ON true
WHERE p.parked_at >= $1 AND p.parked_at < $2 AND p.carrier_id = $3 AND p.receipt_id <= $4
  AND resolution.found IS NULL
LIMIT $5";

/// The match's own question (`messages::CANDIDATES`), with what speaks for or against a match.
const HOLDERS: &str = "\
-- holders
SELECT k.ord, m.id, m.account_id, m.created_at, coalesce(m.status::text, '')
FROM unnest($1::text[]) WITH ORDINALITY AS k (operator_message_id, ord)
CROSS JOIN LATERAL (
    SELECT id, account_id, created_at, status
    FROM orch.sms_messages
    WHERE operator_message_id = k.operator_message_id AND carrier_id = $2
      AND created_at > $3 AND id IS NOT NULL AND account_id IS NOT NULL
    LIMIT 2
) AS m";

/// Of any carrier and any age: why there is no match.
const ELSEWHERE: &str = "\
-- elsewhere
SELECT k.ord, m.carrier_id, m.created_at
FROM unnest($1::text[]) WITH ORDINALITY AS k (operator_message_id, ord)
CROSS JOIN LATERAL (
    SELECT carrier_id::text, created_at
    FROM orch.sms_messages
    WHERE operator_message_id = k.operator_message_id AND created_at IS NOT NULL
    LIMIT 3
) AS m";

/// A few steps along the index from each place; there is no index by carrier alone.
const STORED_IDS: &str = "\
-- stored_ids
SELECT DISTINCT near.operator_message_id::text
FROM unnest($1::text[]) AS place
CROSS JOIN LATERAL (
    SELECT operator_message_id, carrier_id, created_at
    FROM orch.sms_messages
    WHERE operator_message_id >= place
    ORDER BY operator_message_id
    LIMIT $2
) AS near
WHERE near.carrier_id = $3 AND near.created_at > $4
LIMIT $5";

const DECIDED: &str = "\
-- decided
SELECT carrier_id, operator_message_id, reason, stat, message_state, flags, done_date, done_at,
    coalesce(received_at, stored_at), stored_at, coalesce(profile_revision, 0)
FROM dlr.delivery_receipts
WHERE stored_at >= $1 AND stored_at < $2
ORDER BY stored_at
LIMIT $3";

const HORIZONS_DIFFER: &str = "\
-- horizons_differ
SELECT EXISTS (SELECT FROM dlr_conf.carrier_profiles WHERE profile ? 'horizon')";

const PARKED_BETWEEN: &str = "\
-- parked_between
SELECT count(*) FROM dlr.orphaned_receipts
WHERE stored_at >= $1 AND stored_at < $2 AND carrier_id = $3";

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

/// A message that carries one of the asked ids.
#[derive(Debug, Clone)]
pub struct Holder {
    /// Which of the asked ids, from 0.
    pub key: usize,
    pub message: Uuid,
    pub account: Uuid,
    pub created_at: Timestamp,
    pub status: String,
}

/// A message of any carrier and age that carries one of the asked ids.
#[derive(Debug, Clone)]
pub struct Elsewhere {
    pub key: usize,
    pub carrier: Option<String>,
    pub created_at: Timestamp,
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

/// A connection for studies; a [`Session`] besides, to match as the pipeline does.
pub struct Studies {
    session: Session,
}

impl Studies {
    pub async fn open(client: Client) -> Result<Self, StoreError> {
        Ok(Self {
            session: Session::open(client).await?,
        })
    }

    pub fn session(&self) -> &Session {
        &self.session
    }

    pub fn client(&self) -> &Client {
        &self.session.client
    }

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

    /// At most two messages of the carrier for each id, created after `horizon`.
    pub async fn holders(
        &self,
        carrier: &str,
        horizon: Timestamp,
        ids: &[String],
    ) -> Result<Vec<Holder>, StoreError> {
        let rows = self.query(HOLDERS, &[&ids, &carrier, &horizon]).await?;
        let holder = |row: &Row| Holder {
            key: place(row),
            message: row.get(1),
            account: row.get(2),
            created_at: row.get(3),
            status: row.get(4),
        };
        Ok(rows.iter().map(holder).collect())
    }

    /// At most three messages for each id, of any carrier and age.
    pub async fn elsewhere(&self, ids: &[String]) -> Result<Vec<Elsewhere>, StoreError> {
        let rows = self.query(ELSEWHERE, &[&ids]).await?;
        let elsewhere = |row: &Row| Elsewhere {
            key: place(row),
            carrier: row.get(1),
            created_at: row.get(2),
        };
        Ok(rows.iter().map(elsewhere).collect())
    }

    /// Some ids of the carrier that stand within `steps` behind one of `places` in the order of ids.
    pub async fn stored_ids(
        &self,
        carrier: &str,
        horizon: Timestamp,
        places: &[String],
        steps: u32,
        limit: u32,
    ) -> Result<Vec<String>, StoreError> {
        let (steps, limit) = (i64::from(steps), i64::from(limit));
        let params: [&(dyn ToSql + Sync); 5] = [&places, &steps, &carrier, &horizon, &limit];
        let rows = self.query(STORED_IDS, &params).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

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

    async fn query(
        &self,
        statement: &str,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, StoreError> {
        Ok(self.session.client.query(statement, params).await?)
    }
}

fn place(row: &Row) -> usize {
    let ordinal: i64 = row.get(0);
    usize::try_from(ordinal - 1).expect("ordinality counts from 1")
}
