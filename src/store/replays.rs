//! `dlr.replayed_receipts` and `dlr.replay_confirmations`: what was decided anew about a recorded
//! receipt, and that its events are out.

use jiff::Timestamp;
use tokio_postgres::types::ToSql;

use super::receipts::{COLUMNS, StoredReceipt, disposition, first_decision, receipt_columns};
use super::walk::{Placed, Stretch, row_key, within};
use super::{Session, StoreError};
use crate::receipt::decision::Verdict;
use crate::receipt::ids::RowKey;

const RECORDED: &str = concat!(
    "-- recorded\nSELECT ",
    receipt_columns!(),
    ", r.stored_at, r.stream, r.seq, r.message_state, p.reported, p.in_vain, p.replays
FROM dlr.delivery_receipts AS r
",
    first_decision!(),
    "
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(reported_status) FILTER (WHERE reason IS DISTINCT FROM 'unknown_status'),
            '{}') AS reported,
        coalesce(array_agg(reported_status) FILTER (WHERE reason = 'unknown_status'), '{}') AS in_vain,
        coalesce(max(replay), 0) AS replays
    FROM dlr.replayed_receipts
    WHERE stored_at = r.stored_at AND stream = r.stream AND seq = r.seq
) AS p
WHERE ",
    within!("r"),
    " AND r.disposition = 'recorded' AND r.reason = $8
  AND ($9::text IS NULL OR r.carrier_id = $9)
ORDER BY r.stored_at, r.stream, r.seq LIMIT $7"
);

const INSERT: &str = "\
-- insert_replays
INSERT INTO dlr.replayed_receipts (
    stored_at, stream, seq, replay, disposition, reason, previous_status, status, group_status,
    reported_status, profile_revision, replayed_at, why)
SELECT stored_at, stream, seq, replay, disposition, reason, previous_status, status, group_status,
    reported_status, profile_revision, $1, $2
FROM unnest($3::timestamptz[], $4::text[], $5::int8[], $6::int4[], $7::text[], $8::text[],
    $9::text[], $10::text[], $11::text[], $12::text[], $13::int4[])
  AS v (stored_at, stream, seq, replay, disposition, reason, previous_status, status, group_status,
    reported_status, profile_revision)";

/// With ties: a receipt may have been replayed more than once, and a walk goes from receipt to receipt.
const UNCONFIRMED: &str = concat!(
    "-- unconfirmed\nSELECT ",
    receipt_columns!(),
    ", d.stored_at, d.stream, d.seq, d.replay
FROM (SELECT *, replayed_at AS decided_at FROM dlr.replayed_receipts) AS d
JOIN dlr.delivery_receipts AS r USING (stored_at, stream, seq)
WHERE ",
    within!("d"),
    " AND d.disposition = 'applied' AND d.decided_at < $8
  AND NOT EXISTS (
    SELECT FROM dlr.replay_confirmations AS c
    WHERE c.stored_at = d.stored_at AND c.stream = d.stream AND c.seq = d.seq
      AND c.replay = d.replay)
ORDER BY d.stored_at, d.stream, d.seq FETCH FIRST ($7) ROWS WITH TIES"
);

/// Somebody else may have published the same events and been confirmed.
const CONFIRM: &str = "\
-- confirm_replays
INSERT INTO dlr.replay_confirmations (stored_at, stream, seq, replay, confirmed_at)
SELECT stored_at, stream, seq, replay, $1
FROM unnest($2::timestamptz[], $3::text[], $4::int8[], $5::int4[])
  AS v (stored_at, stream, seq, replay)
ON CONFLICT DO NOTHING";

/// A recorded receipt, with what was decided anew about it so far.
pub struct Recorded(StoredReceipt);

impl Recorded {
    pub fn receipt(&self) -> &StoredReceipt {
        &self.0
    }

    pub fn message_state(&self) -> Option<u8> {
        let state: Option<i16> = self.0.0.get(COLUMNS + 3);
        state.and_then(|state| state.try_into().ok())
    }

    /// The statuses it was taken to stand for when it was judged, in whatever order.
    pub fn reported_before(&self) -> Vec<Option<&str>> {
        self.0.0.get(COLUMNS + 4)
    }

    /// Those that met a message with a status that no table knew, which may know it now.
    pub fn reported_in_vain(&self) -> Vec<Option<&str>> {
        self.0.0.get(COLUMNS + 5)
    }

    /// The number of its next replay.
    pub fn next_replay(&self) -> i32 {
        let last: i32 = self.0.0.get(COLUMNS + 6);
        last + 1
    }
}

impl Placed for Recorded {
    fn key(&self) -> RowKey {
        row_key(&self.0.0, COLUMNS)
    }
}

/// A replayed receipt: it reads like a receipt, with the decision that the replay took.
pub struct Replayed(StoredReceipt);

impl Replayed {
    pub fn receipt(&self) -> &StoredReceipt {
        &self.0
    }

    pub fn replay(&self) -> ReplayKey {
        ReplayKey {
            receipt: self.key(),
            replay: self.0.0.get(COLUMNS + 3),
        }
    }
}

impl Placed for Replayed {
    fn key(&self) -> RowKey {
        row_key(&self.0.0, COLUMNS)
    }
}

/// Which replay of which receipt.
#[derive(Debug, Clone)]
pub struct ReplayKey {
    pub receipt: RowKey,
    pub replay: i32,
}

/// What is decided anew about a receipt.
pub struct NewReplay<'a> {
    pub key: ReplayKey,
    pub verdict: Verdict,
    pub previous_status: &'a str,
    pub status: &'a str,
    pub group_status: Option<&'static str>,
    /// What it stands for now.
    pub reported_status: &'static str,
    /// Of the profile that says so; 0 for none.
    pub profile_revision: i32,
}

impl Session {
    /// Receipts of a stretch that were recorded for `reason`: a page of them, the first.
    pub async fn recorded(
        &self,
        stretch: &Stretch,
        reason: &str,
        carrier: Option<&str>,
    ) -> Result<Vec<Recorded>, StoreError> {
        let rows = stretch.query(self, RECORDED, &[&reason, &carrier]).await?;
        Ok(rows.into_iter().map(StoredReceipt).map(Recorded).collect())
    }

    /// Fails with [`StoreError::AlreadyStored`] when somebody else replays the same.
    pub async fn insert_replays(
        &self,
        replays: &[NewReplay<'_>],
        why: &str,
        replayed_at: Timestamp,
    ) -> Result<(), StoreError> {
        let params = [
            &replayed_at as &(dyn ToSql + Sync),
            &why,
            column!(replays, |r| r.key.receipt.stored_at),
            column!(replays, |r| &*r.key.receipt.stream),
            column!(replays, |r| r.key.receipt.sequence.cast_signed()),
            column!(replays, |r| r.key.replay),
            column!(replays, |r| disposition(r.verdict).0),
            column!(replays, |r| disposition(r.verdict).1),
            column!(replays, |r| r.previous_status),
            column!(replays, |r| r.status),
            column!(replays, |r| r.group_status),
            column!(replays, |r| r.reported_status),
            column!(replays, |r| r.profile_revision),
        ];
        self.client.execute(INSERT, &params).await?;
        Ok(())
    }

    /// Replays of a stretch, decided before `before`, whose events may not be with their streams.
    pub async fn unconfirmed_replays(
        &self,
        stretch: &Stretch,
        before: Timestamp,
    ) -> Result<Vec<Replayed>, StoreError> {
        let rows = stretch.query(self, UNCONFIRMED, &[&before]).await?;
        Ok(rows.into_iter().map(StoredReceipt).map(Replayed).collect())
    }

    pub async fn confirm_replays(
        &self,
        keys: &[ReplayKey],
        confirmed_at: Timestamp,
    ) -> Result<(), StoreError> {
        let params = [
            &confirmed_at as &(dyn ToSql + Sync),
            column!(keys, |k| k.receipt.stored_at),
            column!(keys, |k| &*k.receipt.stream),
            column!(keys, |k| k.receipt.sequence.cast_signed()),
            column!(keys, |k| k.replay),
        ];
        self.client.execute(CONFIRM, &params).await?;
        Ok(())
    }
}
