//! Decisions by the time they were taken, for whoever publishes their events again.
//!
//! No index leads from that time to a row. A walk over the times of storing has to begin long enough
//! before; what was decided late is reached by the far fewer rows that made it late.

use jiff::Timestamp;
use tokio_postgres::types::ToSql;

use super::parked::StoredParked;
use super::receipts::{COLUMNS, StoredReceipt, first_decision, receipt_columns};
use super::walk::{Placed, Stretch, Table, row_key, within};
use super::{Session, StoreError};
use crate::receipt::decision::Parked;
use crate::receipt::ids::RowKey;

/// Where decisions that have events are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decided {
    /// At a receipt's first match.
    AtOnce,
    /// After parking.
    Late,
    /// Anew, about a recorded receipt.
    Anew,
}

impl Decided {
    /// The table that a walk to them goes through.
    pub fn table(self) -> Table {
        match self {
            Self::AtOnce => Table::Receipts,
            Self::Late => Table::Parked,
            Self::Anew => Table::Replayed,
        }
    }

    fn statement(self) -> &'static str {
        match self {
            Self::AtOnce => AT_ONCE,
            Self::Late => LATE,
            Self::Anew => ANEW,
        }
    }
}

macro_rules! applied_in_time {
    () => {
        " AND d.disposition = 'applied' AND d.decided_at >= $8 AND d.decided_at < $9
  AND ($10::text IS NULL OR r.carrier_id = $10)
ORDER BY r.stored_at, r.stream, r.seq FETCH FIRST ($7) ROWS WITH TIES"
    };
}

const AT_ONCE: &str = concat!(
    "-- decided_at_once\nSELECT ",
    receipt_columns!(),
    ", r.stored_at, r.stream, r.seq\nFROM dlr.delivery_receipts AS r\n",
    first_decision!(),
    "\nWHERE ",
    within!("r"),
    " AND NOT r.late",
    applied_in_time!()
);

const LATE: &str = concat!(
    "-- decided_late\nSELECT ",
    receipt_columns!(),
    ", r.stored_at, r.stream, r.seq
FROM dlr.orphaned_receipts AS p
JOIN dlr.delivery_receipts AS r
  ON r.stored_at = p.stored_at AND r.stream = p.stream AND r.seq = p.seq\n",
    first_decision!(),
    "\nWHERE ",
    within!("p"),
    " AND r.late",
    applied_in_time!()
);

const ANEW: &str = concat!(
    "-- decided_anew\nSELECT ",
    receipt_columns!(),
    ", r.stored_at, r.stream, r.seq
FROM (SELECT *, replayed_at AS decided_at FROM dlr.replayed_receipts) AS d
JOIN dlr.delivery_receipts AS r
  ON r.stored_at = d.stored_at AND r.stream = d.stream AND r.seq = d.seq
WHERE ",
    within!("d"),
    applied_in_time!()
);

const PARKED: &str = concat!(
    "-- parked_in_time
SELECT p.seq, p.receipt_id, p.carrier_id, p.operator_message_id, p.stat, p.reason, p.parked_at,
    p.stored_at, p.stream, p.seq
FROM dlr.orphaned_receipts AS p
WHERE ",
    within!("p"),
    " AND p.parked_at >= $8 AND p.parked_at < $9 AND ($10::text IS NULL OR p.carrier_id = $10)
ORDER BY p.stored_at, p.stream, p.seq LIMIT $7"
);

const ENDED: &str = concat!(
    "-- ended_in_time
SELECT p.seq, p.receipt_id, p.carrier_id, p.operator_message_id, p.stat, p.reason, p.parked_at,
    p.stored_at, p.stream, p.seq, e.resolution, e.resolved_at
FROM dlr.orphan_resolutions AS e
JOIN dlr.orphaned_receipts AS p
  ON p.stored_at = e.stored_at AND p.stream = e.stream AND p.seq = e.seq
WHERE ",
    within!("e"),
    " AND e.resolved_at >= $8 AND e.resolved_at < $9
  AND ($10::text IS NULL OR p.carrier_id = $10)
ORDER BY e.stored_at, e.stream, e.seq LIMIT $7"
);

/// An applied decision.
pub struct Applied(StoredReceipt);

impl Applied {
    pub fn receipt(&self) -> &StoredReceipt {
        &self.0
    }
}

impl Placed for Applied {
    fn key(&self) -> RowKey {
        row_key(&self.0.0, COLUMNS)
    }
}

impl Placed for StoredParked {
    fn key(&self) -> RowKey {
        row_key(&self.0, 7)
    }
}

/// A parked receipt that has ended.
pub struct Ended(StoredParked);

impl Ended {
    pub fn parked(&self) -> Parked<'_> {
        self.0.parked()
    }

    pub fn resolution(&self) -> &str {
        self.0.0.get(10)
    }

    pub fn resolved_at(&self) -> Timestamp {
        self.0.0.get(11)
    }
}

impl Placed for Ended {
    fn key(&self) -> RowKey {
        self.0.key()
    }
}

/// When, and of which carrier: of any, if none.
#[derive(Debug, Clone, Copy)]
pub struct When<'a> {
    pub from: Timestamp,
    /// Not included.
    pub to: Timestamp,
    pub carrier: Option<&'a str>,
}

impl When<'_> {
    fn params(&self) -> [&(dyn ToSql + Sync); 3] {
        [&self.from, &self.to, &self.carrier]
    }
}

impl Session {
    /// Applied decisions of a stretch of [`Decided::table`]: a page of them, the first.
    pub async fn applied(
        &self,
        decided: Decided,
        stretch: &Stretch,
        when: When<'_>,
    ) -> Result<Vec<Applied>, StoreError> {
        let rows = stretch
            .query(self, decided.statement(), &when.params())
            .await?;
        Ok(rows.into_iter().map(StoredReceipt).map(Applied).collect())
    }

    /// Receipts of a stretch of [`Table::Parked`] that were parked then: a page of them, the first.
    pub async fn parked(
        &self,
        stretch: &Stretch,
        when: When<'_>,
    ) -> Result<Vec<StoredParked>, StoreError> {
        let rows = stretch.query(self, PARKED, &when.params()).await?;
        Ok(rows.into_iter().map(StoredParked).collect())
    }

    /// Receipts of a stretch of [`Table::Resolutions`] that ended then: a page of them, the first.
    pub async fn ended(&self, stretch: &Stretch, when: When<'_>) -> Result<Vec<Ended>, StoreError> {
        let rows = stretch.query(self, ENDED, &when.params()).await?;
        Ok(rows.into_iter().map(StoredParked).map(Ended).collect())
    }
}
