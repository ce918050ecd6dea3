//! The sweeper's statements: pages of open parked receipts, and their resolutions.

mod locks;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::timeout;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, Statement};

pub use self::locks::is_led;
use super::{Session, StoreError};
use crate::receipt::decision::{Parked, Resolution};
use crate::receipt::ids::{ReceiptId, RowKey};

/// The nested loops are meant: a plan for unknown parameters would hash the whole of the
/// resolutions for one page. Without an order of its own the outer query stops at its limit. The
/// time of parking stands beside the key so that either index finds the row at once.
const OPEN_PAGE: &str = "\
-- open_page
SELECT p.parked_at, p.stored_at, p.stream, p.seq, p.receipt_id, p.carrier_id,
    p.operator_message_id, p.stat, p.reason, p.payload_sealed
FROM (
    SELECT parked_at, stored_at, stream, seq, carrier_id
    FROM dlr.orphaned_receipts
    WHERE (parked_at, stored_at, stream, seq) >= ($1, $2, $3, $4)
      AND (parked_at, stored_at, stream, seq) < ($5, $6, $7, $8)
    ORDER BY parked_at, stored_at, stream, seq
    LIMIT $9
) AS scanned
LEFT JOIN LATERAL (
    SELECT true AS found FROM dlr.orphan_resolutions AS r
    WHERE r.stored_at = scanned.stored_at AND r.stream = scanned.stream AND r.seq = scanned.seq
    LIMIT 1
) AS resolution ON true
CROSS JOIN LATERAL (
    SELECT * FROM dlr.orphaned_receipts AS o
    WHERE o.parked_at = scanned.parked_at AND o.stored_at = scanned.stored_at
      AND o.stream = scanned.stream AND o.seq = scanned.seq
    LIMIT 1
) AS p
WHERE resolution.found IS NULL AND ($11::text[] IS NULL OR scanned.carrier_id = ANY ($11))
LIMIT $10";

/// Where a page that was scanned to its end went to; no row if it reached the end of its range.
const PAGE_END: &str = "\
-- page_end
SELECT parked_at, stored_at, stream, seq
FROM dlr.orphaned_receipts
WHERE (parked_at, stored_at, stream, seq) >= ($1, $2, $3, $4)
  AND (parked_at, stored_at, stream, seq) < ($5, $6, $7, $8)
ORDER BY parked_at, stored_at, stream, seq
OFFSET $9::int8 - 1 LIMIT 1";

/// Whoever resolved it first has resolved it; and what was matched does not lapse.
const RESOLVE: &str = "\
-- resolve
INSERT INTO dlr.orphan_resolutions (
    stored_at, stream, seq, receipt_id, resolution, resolved_at, resolved_by)
SELECT stored_at, stream, seq, receipt_id, resolution, resolved_at, 'sweeper'
FROM unnest($1::timestamptz[], $2::text[], $3::int8[], $4::uuid[], $5::text[], $6::timestamptz[])
  AS v (stored_at, stream, seq, receipt_id, resolution, resolved_at)
WHERE resolution <> 'lapsed' OR NOT EXISTS (
    SELECT FROM dlr.delivery_receipts AS r
    WHERE r.stored_at = v.stored_at AND r.stream = v.stream AND r.seq = v.seq)
ON CONFLICT DO NOTHING";

/// Longest wait for an answer outside of a transaction; the server's own limit is shorter.
const ANSWER_MAX: Duration = Duration::from_secs(20);

/// A place in the order in which parked receipts are looked at: by the time of parking, and inside
/// of that by key, since a batch is parked at one time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub parked_at: Timestamp,
    key: RowKey,
}

impl Position {
    /// Before everything that was parked at this time.
    pub fn at(parked_at: Timestamp) -> Self {
        Self {
            parked_at,
            key: RowKey {
                stored_at: Timestamp::UNIX_EPOCH,
                stream: Arc::from(""),
                sequence: 0,
            },
        }
    }

    /// Right behind a row.
    fn behind(parked_at: Timestamp, mut key: RowKey) -> Self {
        key.sequence += 1;
        Self { parked_at, key }
    }

    fn of(row: &Row) -> Self {
        Self::behind(row.get(0), row_key(row))
    }
}

fn row_key(row: &Row) -> RowKey {
    RowKey {
        stored_at: row.get(1),
        stream: Arc::from(row.get::<_, &str>(2)),
        sequence: row.get::<_, i64>(3).cast_unsigned(),
    }
}

/// A parked receipt without a resolution.
pub struct OpenParked {
    row: Row,
    pub key: RowKey,
}

impl OpenParked {
    fn new(row: Row) -> Self {
        let key = row_key(&row);
        Self { row, key }
    }

    pub fn parked(&self) -> Parked<'_> {
        Parked {
            receipt_id: ReceiptId(self.row.get(4)),
            carrier_id: self.row.get(5),
            operator_message_id: self.row.get(6),
            stat: self.row.get(7),
            reason: self.row.get(8),
            parked_at: self.row.get(0),
        }
    }

    pub fn payload_sealed(&self) -> &[u8] {
        self.row.get(9)
    }
}

/// Open parked receipts, in order.
pub struct Page {
    pub rows: Vec<OpenParked>,
    /// Where to go on; `None` when everything that was asked for has been seen.
    pub rest: Option<Position>,
}

/// What of a page is wanted.
#[derive(Debug, Clone, Copy)]
pub struct PageLimits {
    /// Most open receipts.
    pub rows: usize,
    /// Most receipts looked through for them, resolved ones and those of other carriers included.
    pub scanned: usize,
}

/// The end of a parked receipt.
#[derive(Debug)]
pub struct Resolved<'a> {
    pub key: &'a RowKey,
    pub receipt_id: ReceiptId,
    pub resolution: Resolution,
    /// The time that its notice tells, so that the notice can be made again from the rows.
    pub at: Timestamp,
}

/// The sweeper's connection.
pub struct SweepSession {
    session: Session,
    open_page: Statement,
    page_end: Statement,
    resolve: Statement,
}

impl SweepSession {
    pub async fn open(client: Client) -> Result<Self, StoreError> {
        // Plans are made once. One made while a month's partition is empty would read all of it for
        // every row, until PostgreSQL next counts what is in there.
        answer(client.batch_execute("SET enable_seqscan = off")).await?;
        Ok(Self {
            open_page: client.prepare(OPEN_PAGE).await?,
            page_end: client.prepare(PAGE_END).await?,
            resolve: client.prepare(RESOLVE).await?,
            session: Session::open(client).await?,
        })
    }

    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The first open receipts of a range, of these carriers or of all.
    pub async fn open_page(
        &self,
        range: &Range<Position>,
        carriers: Option<&[String]>,
        limits: PageLimits,
    ) -> Result<Page, StoreError> {
        let [rows_max, scanned_max] =
            [limits.rows, limits.scanned].map(|limit| i64::try_from(limit).unwrap_or(i64::MAX));
        let (start, end) = (&range.start, &range.end);
        let [from, to] = [&start.key, &end.key].map(|key| key.sequence.cast_signed());
        let params: [&(dyn ToSql + Sync); 11] = [
            &start.parked_at,
            &start.key.stored_at,
            &&*start.key.stream,
            &from,
            &end.parked_at,
            &end.key.stored_at,
            &&*end.key.stream,
            &to,
            &scanned_max,
            &rows_max,
            &carriers,
        ];
        let client = &self.session.client;
        let rows = answer(client.query(&self.open_page, &params)).await?;
        let rest = match rows.last() {
            Some(last) if rows.len() >= limits.rows => Some(Position::of(last)),
            _ => {
                let end = answer(client.query_opt(&self.page_end, &params[..9])).await?;
                end.as_ref().map(Position::of)
            }
        };
        Ok(Page {
            rows: rows.into_iter().map(OpenParked::new).collect(),
            rest,
        })
    }

    /// When the youngest was parked, open or not, by the clock of whoever parked it.
    pub async fn youngest(&self) -> Result<Option<Timestamp>, StoreError> {
        const YOUNGEST: &str = "SELECT max(parked_at) FROM dlr.orphaned_receipts";
        let row = answer(self.session.client.query_one(YOUNGEST, &[])).await?;
        Ok(row.get(0))
    }

    /// Ends parked receipts; those that have ended already stay as they are, and those that lapse
    /// although they are matched stay open.
    pub async fn resolve(&self, rows: &[Resolved<'_>]) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        let params = [
            column!(rows, |r| r.key.stored_at),
            column!(rows, |r| &*r.key.stream),
            column!(rows, |r| r.key.sequence.cast_signed()),
            column!(rows, |r| r.receipt_id.0),
            column!(rows, |r| r.resolution.as_str()),
            column!(rows, |r| r.at),
        ];
        answer(self.session.client.execute(&self.resolve, &params)).await?;
        Ok(())
    }
}

async fn answer<T>(
    asked: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, StoreError> {
    match timeout(ANSWER_MAX, asked).await {
        Ok(answered) => Ok(answered?),
        Err(_) => Err(StoreError::Unavailable(format!(
            "PostgreSQL did not answer within {ANSWER_MAX:?}"
        ))),
    }
}
