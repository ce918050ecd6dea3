//! `orch.sms_messages`: the orchestrator's table or view. We read the columns of the match and
//! write four.

use std::borrow::Cow;
use std::collections::HashMap;

use jiff::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::session::Statements;
use super::values::Micros;
pub use super::values::{Numeric, RowPlace};
use super::{Session, StoreError};
use crate::receipt::decision::Message;

/// A view need not keep its columns from being null, nor the orchestrator his texts from being long:
/// the event has to fit into a message of NATS.
///
/// A few candidates, for the receipts of one key were stored at different times, and two messages
/// may each be that of another. `until` also keeps out times that only PostgreSQL knows, like
/// `infinity`.
macro_rules! candidates {
    ($place:literal) => {
        concat!(
            "\
-- candidates
SELECT k.ord, m.id, m.account_id, coalesce(m.status::text, ''), m.segment, m.segments, m.group_id,
       left(m.client_ref::text, 1024), left(m.mccmnc::text, 16), m.price::text, m.price::numeric,
       left(m.currency::text, 16), m.created_at, m.place
FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[]) WITH ORDINALITY
  AS k (carrier_id, operator_message_id, horizon, until, ord)
CROSS JOIN LATERAL (
    SELECT id, account_id, status, segment, segments, group_id, client_ref, mccmnc, price, currency,
           created_at::timestamptz, ",
            $place,
            " AS place
    FROM orch.sms_messages
    WHERE operator_message_id = k.operator_message_id AND carrier_id = k.carrier_id
      AND created_at > k.horizon AND created_at <= k.until
      AND id IS NOT NULL AND account_id IS NOT NULL
    LIMIT 4
) AS m"
        )
    };
}

/// Of a table of one piece, whose rows have places.
pub(super) const CANDIDATES: &str = candidates!("ctid");
/// Of a view, or of a partitioned table, where a place says little.
pub(super) const CANDIDATES_WITHOUT_PLACES: &str = candidates!("NULL::tid");

/// Whether rows have places that we may see.
pub(super) const HAS_PLACES: &str = "\
SELECT relkind = 'r' AND has_column_privilege(oid, 'ctid', 'SELECT')
FROM pg_class WHERE oid = 'orch.sms_messages'::regclass";

/// The limit of [`CANDIDATES`]: where there are as many there may be more.
pub const CANDIDATES_MAX: usize = 4;

/// By id, which a receipt knows once it was matched.
const PRESENT: &str = "\
-- present
SELECT m.id, m.status
FROM unnest($1::uuid[], $2::timestamptz[]) AS k (id, horizon)
CROSS JOIN LATERAL (
    SELECT id, coalesce(status::text, '') AS status FROM orch.sms_messages
    WHERE id = k.id AND created_at > k.horizon
    LIMIT 1
) AS m";

/// Compare and set: a row whose status is no longer the one decided upon is left alone. The horizon
/// spares a partitioned table the look into its old partitions.
pub(super) const RAISE: &str = "\
-- raise
UPDATE orch.sms_messages AS m
SET status = v.status, dlr_status = v.word, dlr_received_at = v.received_at, processed_at = $6
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])
  AS v (id, previous, status, word, received_at)
WHERE m.id = v.id AND m.status = v.previous AND m.created_at > $7";

/// The same, straight to where the match found each row: the look into the index of ids costs more
/// than all the rest. Whoever has changed a row since has also given it another place.
pub(super) const RAISE_AT: &str = "\
-- raise_at
UPDATE orch.sms_messages AS m
SET status = v.status, dlr_status = v.word, dlr_received_at = v.received_at, processed_at = $6
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $8::tid[])
  AS v (id, previous, status, word, received_at, place)
WHERE m.ctid = v.place AND m.id = v.id AND m.status = v.previous AND m.created_at > $7";

/// What to look for: messages of a carrier with an id, created after `horizon` and not after `until`.
#[derive(Debug, Clone, Copy)]
pub struct Key<'a> {
    pub carrier: &'a str,
    pub operator_message_id: &'a str,
    pub horizon: Timestamp,
    pub until: Timestamp,
}

/// A message that carries one of the asked ids.
pub struct Candidate {
    row: Row,
    /// Which of the asked keys, from 0.
    pub key: usize,
    pub created_at: Timestamp,
}

impl Candidate {
    fn new(row: Row) -> Self {
        let ordinal: i64 = row.get(0);
        Self {
            key: usize::try_from(ordinal - 1).expect("ordinality counts from 1"),
            created_at: row.get::<_, Micros>(12).timestamp(),
            row,
        }
    }

    /// Whether it may be a segment of several.
    pub fn has_group(&self) -> bool {
        let segments: Option<i16> = self.row.get(5);
        segments.is_some_and(|count| count > 1)
    }

    pub fn found(&self) -> Found<'_> {
        Found {
            message: Message {
                id: self.row.get(1),
                account_id: self.row.get(2),
                segment: self.row.get(4),
                segments: self.row.get(5),
                group_id: self.row.get(6),
                client_ref: self.row.get(7),
                mccmnc: self.row.get(8),
                price: self.row.get(9),
                currency: self.row.get(11),
            },
            status: self.row.get(3),
            price: self.row.get(10),
            place: self.row.get(13),
        }
    }
}

/// A message as the match read it, and the status it had then.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    pub message: Message<'a>,
    pub status: &'a str,
    pub price: Option<Numeric<'a>>,
    pub place: Option<RowPlace>,
}

/// One message's change: from the status that was decided upon to the one it ends with.
#[derive(Debug)]
pub struct Raise<'a> {
    pub id: Uuid,
    /// Where the match found it, if it tells.
    pub place: Option<RowPlace>,
    pub previous: &'a str,
    pub status: &'static str,
    pub word: Cow<'a, str>,
    pub received_at: Timestamp,
}

impl Session {
    /// At most [`CANDIDATES_MAX`] messages for each key.
    pub async fn candidates(&self, keys: &[Key<'_>]) -> Result<Vec<Candidate>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let params = [
            column!(keys, |key| key.carrier),
            column!(keys, |key| key.operator_message_id),
            column!(keys, |key| Micros::from(key.horizon)),
            column!(keys, |key| Micros::from(key.until)),
        ];
        let rows = self
            .client
            .query(&self.statements.candidates, &params)
            .await?;
        Ok(rows.into_iter().map(Candidate::new).collect())
    }

    /// The present statuses of those of `messages` that are younger than the horizon given with each.
    pub async fn present_statuses(
        &self,
        messages: &[(Uuid, Timestamp)],
    ) -> Result<HashMap<Uuid, String>, StoreError> {
        let params = [
            column!(messages, |message| message.0),
            column!(messages, |message| message.1),
        ];
        let rows = self.client.query(PRESENT, &params).await?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    /// Updates every message of `raises`, or fails with [`StoreError::Moved`]. Rows are locked in
    /// the order of their ids, so that replicas cannot wait for each other in a circle.
    pub async fn raise(
        &self,
        raises: &mut [Raise<'_>],
        horizon: Timestamp,
        processed_at: Timestamp,
    ) -> Result<(), StoreError> {
        if raises.is_empty() {
            return Ok(());
        }
        raises.sort_unstable_by_key(|raise| raise.id);
        let places: Option<Vec<RowPlace>> = raises.iter().map(|raise| raise.place).collect();
        let params = [
            column!(raises, |raise| raise.id),
            column!(raises, |raise| raise.previous),
            column!(raises, |raise| raise.status),
            column!(raises, |raise| &*raise.word),
            column!(raises, |raise| Micros::from(raise.received_at)),
            &Micros::from(processed_at),
            &Micros::from(horizon),
            &places,
        ];
        let Statements {
            raise, raise_at, ..
        } = &self.statements;
        let all = raises.len() as u64;
        let mut changed = 0;
        if let (Some(raise_at), Some(_)) = (raise_at, &places) {
            changed += self.client.execute(raise_at, &params).await?;
        }
        if changed < all {
            // Those that have another place by now: the status of the others is no longer as it was.
            let (_, params) = params.split_last().expect("there are eight");
            changed += self.client.execute(raise, params).await?;
        }
        if changed == all {
            Ok(())
        } else {
            Err(StoreError::Moved)
        }
    }
}
