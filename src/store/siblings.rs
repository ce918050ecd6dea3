//! The segments of messages in parts, as rows of `orch.sms_messages` with one `group_id`.

use jiff::Timestamp;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, Row};
use uuid::Uuid;

use super::{Session, StoreError};
use crate::receipt::group::SEGMENTS_MAX;

/// Locks every segment of the asked groups in the order of ids, before any message is updated.
///
/// No circle of waiting transactions comes of it. Who waits here holds segments of lower ids only.
/// Who waits in the update of the batch holds all its segments by then, so it waits for a message
/// that is none; nobody locks those here, and they too are updated in the order of ids, but for those
/// that somebody has just changed. Where somebody breaks this order (the orchestrator, a replica that does not look at groups, a view with
/// `security_barrier`, which locks before it sorts), PostgreSQL ends the circle and the batch is
/// decided afresh.
///
/// The status is read behind the lock: READ COMMITTED reads a row again after it had to wait for it.
/// Two lanes with two segments of one group therefore cannot both miss what the other decides.
///
/// A group of more rows than an SMS can have segments is left out, unlocked. It is counted first,
/// with an end to the counting, because a `group_id` may be anything in somebody else's table.
pub(super) const LOCK: &str = "\
-- lock_siblings
SELECT m.id, m.account_id, m.group_id, m.segment, m.segments, coalesce(m.status::text, '')
FROM orch.sms_messages AS m
WHERE m.group_id = ANY (ARRAY(
    SELECT g.group_id
    FROM unnest($1::uuid[]) AS g (group_id)
    WHERE $3::int2 >= (
        SELECT count(*)
        FROM (SELECT FROM orch.sms_messages
              WHERE group_id = g.group_id AND segments BETWEEN 2 AND $3 AND created_at > $2
              LIMIT $3 + 1) AS counted)))
  AND m.segments BETWEEN 2 AND $3 AND m.created_at > $2
  AND m.id IS NOT NULL AND m.account_id IS NOT NULL
ORDER BY m.id
FOR NO KEY UPDATE";

/// A message that is a segment of an asked group.
#[derive(Debug, Clone)]
pub struct Sibling {
    pub id: Uuid,
    pub account_id: Uuid,
    pub group_id: Uuid,
    pub segment: Option<i16>,
    pub segments: i16,
    pub status: String,
}

/// How the rows of a group can be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    /// By an index.
    Indexed,
    /// By reading the whole table.
    Unindexed,
    /// It is a view: what is behind it is not ours to see.
    Hidden,
}

/// A hash index would do as well as a B-tree; of partial ones only that which leaves out nothing
/// but nulls. An index of a partitioned table is valid when all its partitions have theirs.
const LOOKUP: &str = "\
SELECT c.relkind IN ('r', 'p'), EXISTS (
    SELECT FROM pg_index AS i
    JOIN pg_class AS index ON index.oid = i.indexrelid
    JOIN pg_am AS method ON method.oid = index.relam AND method.amname IN ('btree', 'hash')
    JOIN pg_attribute AS first ON first.attrelid = c.oid AND first.attnum = i.indkey[0]
    WHERE i.indrelid = c.oid AND i.indisvalid AND first.attname = 'group_id'
      AND (i.indpred IS NULL OR pg_get_expr(i.indpred, c.oid) = '(group_id IS NOT NULL)'))
FROM pg_class AS c WHERE c.oid = to_regclass('orch.sms_messages')";

/// How the rows of a group are found in this database, as its catalog has it now.
pub async fn lookup(client: &Client) -> Result<Lookup, Error> {
    let row = client.query_one(LOOKUP, &[]).await?;
    Ok(match (row.get(0), row.get(1)) {
        (false, _) => Lookup::Hidden,
        (true, false) => Lookup::Unindexed,
        (true, true) => Lookup::Indexed,
    })
}

impl Session {
    /// The segments of `groups` that were created after `horizon`, locked until the end of the
    /// transaction.
    pub async fn lock_siblings(
        &self,
        groups: &[Uuid],
        horizon: Timestamp,
    ) -> Result<Vec<Sibling>, StoreError> {
        if groups.is_empty() {
            return Ok(Vec::new());
        }
        let params: [&(dyn ToSql + Sync); 3] = [&groups, &horizon, &SEGMENTS_MAX];
        let rows = self
            .client
            .query(&self.statements.lock_siblings, &params)
            .await?;
        Ok(rows.iter().map(Sibling::read).collect())
    }
}

impl Sibling {
    fn read(row: &Row) -> Self {
        Self {
            id: row.get(0),
            account_id: row.get(1),
            group_id: row.get(2),
            segment: row.get(3),
            segments: row.get(4),
            status: row.get(5),
        }
    }
}
