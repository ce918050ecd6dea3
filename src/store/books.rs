//! What the tables hold of the envelopes of one stream, one envelope after the other in the order of
//! their keys: for whoever checks the books. Works as `dlr_reader`.

use std::collections::VecDeque;

use jiff::Timestamp;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, Row};
use uuid::Uuid;

use crate::receipt::ids::RowKey;

/// Everything under one key.
#[derive(Debug)]
pub struct Entry {
    pub stored_at: Timestamp,
    pub sequence: u64,
    pub receipt: Option<ReceiptRow>,
    pub parked: Option<ParkedRow>,
    pub rejected: bool,
    pub resolution: Option<ResolutionRow>,
    /// Only those that changed the message.
    pub replays: Vec<ReplayRow>,
}

/// A row of `dlr.delivery_receipts`.
#[derive(Debug)]
pub struct ReceiptRow {
    pub receipt_id: Uuid,
    pub applied: bool,
    pub late: bool,
    pub message_id: Uuid,
    /// `None` when it is sealed.
    pub operator_message_id: Option<String>,
    pub status: String,
    pub processed_at: Timestamp,
}

/// A row of `dlr.orphaned_receipts`.
#[derive(Debug)]
pub struct ParkedRow {
    pub receipt_id: Uuid,
    /// Rejected at first, and read again since: its disposition is still `rejected`.
    pub redriven: bool,
    pub parked_at: Timestamp,
}

/// A row of `dlr.orphan_resolutions`.
#[derive(Debug)]
pub struct ResolutionRow {
    pub resolution: String,
    pub resolved_at: Timestamp,
}

/// A row of `dlr.replayed_receipts` that was applied.
#[derive(Debug)]
pub struct ReplayRow {
    pub status: String,
    pub replayed_at: Timestamp,
    /// Whether its events are with their streams.
    pub confirmed: bool,
}

/// Rows of one statement. The role's `statement_timeout` is seconds.
const PAGE: i64 = 5_000;

/// What a page of a table asks for: behind the key ($2, $3), of stream $1, $4 rows.
macro_rules! page {
    ($columns:literal, $from:literal) => {
        concat!(
            "SELECT t.stored_at, t.seq",
            $columns,
            " FROM ",
            $from,
            " WHERE t.stream = $1 AND t.stored_at >= $2 AND (t.stored_at, t.seq) > ($2, $3)",
            " ORDER BY t.stored_at, t.stream, t.seq LIMIT $4"
        )
    };
}

const RECEIPTS: &str = page!(
    ", t.receipt_id, t.disposition, t.late, t.message_id, t.operator_message_id, t.status, t.processed_at",
    "dlr.delivery_receipts AS t"
);
const PARKED: &str = page!(
    ", t.receipt_id, t.reason, t.parked_at",
    "dlr.orphaned_receipts AS t"
);
const REJECTED: &str = page!("", "dlr.rejected_receipts AS t");
const RESOLUTIONS: &str = page!(
    ", t.resolution, t.resolved_at",
    "dlr.orphan_resolutions AS t"
);
const REPLAYS: &str = page!(
    ", t.disposition, t.status, t.replayed_at, c.confirmed_at IS NOT NULL",
    "dlr.replayed_receipts AS t LEFT JOIN dlr.replay_confirmations AS c USING (stored_at, stream, seq, replay)"
);

/// (`stored_at`, `seq`).
type Key = (Timestamp, i64);

/// A walk through all of them at once; what it holds is a few pages.
pub struct Books<'a> {
    client: &'a Client,
    stream: &'a str,
    receipts: Pages,
    parked: Pages,
    rejected: Pages,
    resolutions: Pages,
    replays: Pages,
}

impl<'a> Books<'a> {
    /// From the envelopes that were stored at `from` on.
    pub fn open(client: &'a Client, stream: &'a str, from: Timestamp) -> Self {
        let pages = |statement| Pages {
            statement,
            rows: VecDeque::new(),
            // Sequences begin with 1.
            after: (from, 0),
            ended: false,
        };
        Self {
            client,
            stream,
            receipts: pages(RECEIPTS),
            parked: pages(PARKED),
            rejected: pages(REJECTED),
            resolutions: pages(RESOLUTIONS),
            replays: pages(REPLAYS),
        }
    }

    /// The next envelope of which a table has a row; `None` behind the last.
    pub async fn next(&mut self) -> Result<Option<Entry>, Error> {
        let mut first: Option<Key> = None;
        for pages in [
            &mut self.receipts,
            &mut self.parked,
            &mut self.rejected,
            &mut self.resolutions,
            &mut self.replays,
        ] {
            let key = pages.key(self.client, self.stream).await?;
            first = first.into_iter().chain(key).min();
        }
        let Some(key) = first else { return Ok(None) };
        let receipt = self.receipts.take(key);
        let parked = self.parked.take(key);
        let resolution = self.resolutions.take(key);
        let mut entry = Entry {
            stored_at: key.0,
            sequence: key.1.cast_unsigned(),
            receipt: receipt.as_ref().map(ReceiptRow::of),
            parked: parked.as_ref().map(ParkedRow::of),
            rejected: self.rejected.take(key).is_some(),
            resolution: resolution.as_ref().map(ResolutionRow::of),
            replays: Vec::new(),
        };
        while let Some(row) = self.replays.take(key) {
            if row.get::<_, &str>(2) == "applied" {
                entry.replays.push(ReplayRow::of(&row));
            }
        }
        Ok(Some(entry))
    }
}

struct Pages {
    statement: &'static str,
    rows: VecDeque<Row>,
    after: Key,
    ended: bool,
}

impl Pages {
    /// The key of the next row.
    async fn key(&mut self, client: &Client, stream: &str) -> Result<Option<Key>, Error> {
        if self.rows.is_empty() && !self.ended {
            let (stored_at, seq) = &self.after;
            let params: [&(dyn ToSql + Sync); 4] = [&stream, stored_at, seq, &PAGE];
            self.rows = client.query(self.statement, &params).await?.into();
            self.ended = self.rows.len() < usize::try_from(PAGE).unwrap_or(usize::MAX);
            if !self.ended {
                self.leave_the_last_key();
            }
        }
        Ok(self.rows.front().map(key))
    }

    /// A receipt may have been replayed often, and the page may end inside of that.
    fn leave_the_last_key(&mut self) {
        let last = self.rows.back().map(key);
        if self.rows.front().map(key) != last {
            while self.rows.back().map(key) == last {
                self.rows.pop_back();
            }
        }
        if let Some(row) = self.rows.back() {
            self.after = key(row);
        }
    }

    fn take(&mut self, wanted: Key) -> Option<Row> {
        if self.rows.front().map(key) == Some(wanted) {
            self.rows.pop_front()
        } else {
            None
        }
    }
}

fn key(row: &Row) -> Key {
    (row.get(0), row.get(1))
}

impl ReceiptRow {
    fn of(row: &Row) -> Self {
        Self {
            receipt_id: row.get(2),
            applied: row.get::<_, &str>(3) == "applied",
            late: row.get(4),
            message_id: row.get(5),
            operator_message_id: row.get(6),
            status: row.get(7),
            processed_at: row.get(8),
        }
    }
}

impl ParkedRow {
    fn of(row: &Row) -> Self {
        Self {
            receipt_id: row.get(2),
            redriven: row.get::<_, &str>(3) == "redriven",
            parked_at: row.get(4),
        }
    }
}

impl ResolutionRow {
    fn of(row: &Row) -> Self {
        Self {
            resolution: row.get(2),
            resolved_at: row.get(3),
        }
    }
}

impl ReplayRow {
    fn of(row: &Row) -> Self {
        Self {
            status: row.get(3),
            replayed_at: row.get(4),
            confirmed: row.get(5),
        }
    }
}

/// Receipts that changed one of these messages, each with the status it brought about: at first, or
/// when it was decided anew.
pub async fn changes(client: &Client, messages: &[Uuid]) -> Result<Vec<(Uuid, String)>, Error> {
    const CHANGES: &str = "\
SELECT receipt_id, status FROM dlr.delivery_receipts
WHERE message_id = ANY ($1) AND disposition = 'applied'
UNION ALL
SELECT d.receipt_id, r.status
FROM dlr.delivery_receipts AS d JOIN dlr.replayed_receipts AS r USING (stored_at, stream, seq)
WHERE d.message_id = ANY ($1) AND r.disposition = 'applied'";
    let rows = client.query(CHANGES, &[&messages]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// Receipts that were parked at one of these times, each with its resolution.
pub async fn parked_at(
    client: &Client,
    times: &[Timestamp],
) -> Result<Vec<(Uuid, Option<String>)>, Error> {
    const PARKED_AT: &str = "\
SELECT p.receipt_id, r.resolution
FROM dlr.orphaned_receipts AS p LEFT JOIN dlr.orphan_resolutions AS r USING (stored_at, stream, seq)
WHERE p.parked_at = ANY ($1)";
    let rows = client.query(PARKED_AT, &[&times]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// The highest sequence of the stream that has a disposition, of those stored in this time.
pub async fn last_between(
    client: &Client,
    stream: &str,
    from: Timestamp,
    until: Timestamp,
) -> Result<Option<u64>, Error> {
    let ends = "stored_at >= $2 AND stored_at < $3 ORDER BY stored_at DESC, stream DESC, seq DESC";
    let statement = format!("SELECT max(seq) FROM ({}) AS last", each(ends));
    sequence(client, &statement, &[&stream, &from, &until]).await
}

/// The lowest sequence of the stream that has a disposition, of those stored from this time on.
pub async fn first_since(
    client: &Client,
    stream: &str,
    from: Timestamp,
) -> Result<Option<u64>, Error> {
    let begins = "stored_at >= $2 ORDER BY stored_at, stream, seq";
    let statement = format!("SELECT min(seq) FROM ({}) AS first", each(begins));
    sequence(client, &statement, &[&stream, &from]).await
}

/// Whether the envelope with this key has a disposition.
pub async fn has_disposition(client: &Client, key: &RowKey) -> Result<bool, Error> {
    let statement = format!(
        "SELECT max(seq) FROM ({}) AS one",
        each("stored_at = $2 AND seq = $3")
    );
    let number = key.sequence.cast_signed();
    let found = sequence(
        client,
        &statement,
        &[&&*key.stream, &key.stored_at, &number],
    )
    .await?;
    Ok(found.is_some())
}

/// One sequence, or none, of each table that has dispositions.
fn each(which: &str) -> String {
    let tables = [
        "delivery_receipts",
        "orphaned_receipts",
        "rejected_receipts",
    ];
    let ends = tables.map(|table| {
        format!("(SELECT seq FROM dlr.{table} WHERE stream = $1 AND {which} LIMIT 1)")
    });
    ends.join(" UNION ALL ")
}

async fn sequence(
    client: &Client,
    statement: &str,
    params: &[&(dyn ToSql + Sync)],
) -> Result<Option<u64>, Error> {
    let found: Option<i64> = client.query_one(statement, params).await?.get(0);
    Ok(found.map(i64::cast_unsigned))
}
