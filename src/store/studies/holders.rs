//! The messages that carry an id.

use jiff::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::Studies;
use crate::store::StoreError;

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

impl Studies {
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
}

fn place(row: &Row) -> usize {
    let ordinal: i64 = row.get(0);
    usize::try_from(ordinal - 1).expect("ordinality counts from 1")
}
