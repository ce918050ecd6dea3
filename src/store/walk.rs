//! Walking through a growing table in the order of its key.
//!
//! A table may hold a day's billions, none of them indexed by what is looked for, and the role's
//! `statement_timeout` is seconds. So each statement reads a bounded stretch of the key, however few
//! of its rows are wanted.

use jiff::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::{Session, StoreError};
use crate::receipt::ids::RowKey;

/// Rows that one statement may read: each from a page of its own, they still take a fraction of
/// `statement_timeout`.
const STRETCH: i64 = 20_000;

/// Rows that one statement gives back.
pub const PAGE: u16 = 500;

/// The rows of a walk that a statement may read, as a condition on its alias; $1 to $6. The bounds
/// on `stored_at` alone are for the choice of partitions, which does not look into a comparison of
/// rows.
macro_rules! within {
    ($alias:literal) => {
        concat!(
            $alias,
            ".stored_at BETWEEN $1 AND $4 AND (",
            $alias,
            ".stored_at, ",
            $alias,
            ".stream, ",
            $alias,
            ".seq) > ($1, $2, $3) AND (",
            $alias,
            ".stored_at, ",
            $alias,
            ".stream, ",
            $alias,
            ".seq) <= ($4, $5, $6)"
        )
    };
}
pub(super) use within;

/// A table whose key begins with (`stored_at`, `stream`, `seq`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    Receipts,
    Parked,
    Resolutions,
    Rejected,
    Replayed,
}

impl Table {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Receipts => "delivery_receipts",
            Self::Parked => "orphaned_receipts",
            Self::Resolutions => "orphan_resolutions",
            Self::Rejected => "rejected_receipts",
            Self::Replayed => "replayed_receipts",
        }
    }
}

/// A row that a walk met.
pub trait Placed {
    fn key(&self) -> RowKey;
}

/// A stretch of the key: behind `after`, up to and with `through`.
#[derive(Debug, Clone)]
pub struct Stretch {
    after: RowKey,
    through: RowKey,
}

/// Before every row of that time.
fn before(stored_at: Timestamp) -> RowKey {
    RowKey {
        stored_at,
        stream: "".into(),
        sequence: 0,
    }
}

impl Stretch {
    /// Runs `statement`, whose $1 to $6 are those of [`within`] and $7 the rows of a page.
    pub(super) async fn query(
        &self,
        session: &Session,
        statement: &str,
        more: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, StoreError> {
        let Self { after, through } = self;
        let bounds: [&(dyn ToSql + Sync); 7] = [
            &after.stored_at,
            &&*after.stream,
            &after.sequence.cast_signed(),
            &through.stored_at,
            &&*through.stream,
            &through.sequence.cast_signed(),
            &i64::from(PAGE),
        ];
        let params = [&bounds, more].concat();
        Ok(session.client.query(statement, &params).await?)
    }
}

/// A walk through what was stored from one time until before another.
#[derive(Debug)]
pub struct Walk {
    table: Table,
    until: Timestamp,
    rest: Rest,
}

#[derive(Debug)]
enum Rest {
    /// What lies behind is yet to be measured out.
    Behind(RowKey),
    Within(Stretch),
    Nothing,
}

impl Walk {
    pub fn new(table: Table, from: Timestamp, until: Timestamp) -> Self {
        Self {
            table,
            until,
            rest: Rest::Behind(before(from)),
        }
    }

    /// What to read next; the same again until [`Self::advance`] is called. `None` at the end.
    pub async fn stretch(&mut self, session: &Session) -> Result<Option<Stretch>, StoreError> {
        if let Rest::Behind(after) = &self.rest {
            let stretch = Stretch {
                through: self.end_of_stretch(session, after).await?,
                after: after.clone(),
            };
            self.rest = Rest::Within(stretch);
        }
        Ok(match &self.rest {
            Rest::Within(stretch) => Some(stretch.clone()),
            _ => None,
        })
    }

    /// Leaves the rows of `page` behind, which are the first of the stretch that are wanted.
    pub fn advance(&mut self, page: &[impl Placed]) {
        let Rest::Within(stretch) = &mut self.rest else {
            return;
        };
        match page.last() {
            Some(last) if page.len() >= usize::from(PAGE) => stretch.after = last.key(),
            _ if stretch.through == before(self.until) => self.rest = Rest::Nothing,
            _ => self.rest = Rest::Behind(stretch.through.clone()),
        }
    }

    /// Leaves everything up to a row behind, which is in the stretch.
    pub fn leave(&mut self, row: &impl Placed) {
        if let Rest::Within(stretch) = &mut self.rest {
            stretch.after = row.key();
        }
    }

    async fn end_of_stretch(
        &self,
        session: &Session,
        after: &RowKey,
    ) -> Result<RowKey, StoreError> {
        let statement = format!(
            "SELECT stored_at, stream, seq FROM dlr.{}
             WHERE stored_at >= $1 AND stored_at < $4 AND (stored_at, stream, seq) > ($1, $2, $3)
             ORDER BY stored_at, stream, seq OFFSET $5 LIMIT 1",
            self.table.name()
        );
        let params: [&(dyn ToSql + Sync); 5] = [
            &after.stored_at,
            &&*after.stream,
            &after.sequence.cast_signed(),
            &self.until,
            &(STRETCH - 1),
        ];
        let row = session.client.query_opt(&statement, &params).await?;
        Ok(row.map_or_else(|| before(self.until), |row| row_key(&row, 0)))
    }
}

/// Where a row has `stored_at`, `stream` and `seq` from this column on.
pub(super) fn row_key(row: &Row, column: usize) -> RowKey {
    let stream: &str = row.get(column + 1);
    let sequence: i64 = row.get(column + 2);
    RowKey {
        stored_at: row.get(column),
        stream: stream.into(),
        sequence: sequence.cast_unsigned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct At(u64);

    impl Placed for At {
        fn key(&self) -> RowKey {
            key(self.0)
        }
    }

    fn key(sequence: u64) -> RowKey {
        RowKey {
            stored_at: Timestamp::UNIX_EPOCH,
            stream: "S".into(),
            sequence,
        }
    }

    fn within(through: RowKey) -> Walk {
        let after = key(0);
        Walk {
            rest: Rest::Within(Stretch { after, through }),
            ..Walk::new(Table::Receipts, Timestamp::UNIX_EPOCH, Timestamp::MAX)
        }
    }

    #[test]
    fn a_full_page_leaves_the_rest_of_the_stretch() {
        let mut walk = within(key(10_000));
        let page: Vec<At> = (1..=500).map(At).collect();
        walk.advance(&page);
        assert!(matches!(&walk.rest, Rest::Within(rest) if rest.after == key(500)));
        walk.advance(&page[..1]);
        assert!(matches!(&walk.rest, Rest::Behind(at) if *at == key(10_000)));
    }

    #[test]
    fn the_last_stretch_is_the_end() {
        let mut walk = within(before(Timestamp::MAX));
        walk.advance(&[At(7)]);
        assert!(matches!(walk.rest, Rest::Nothing));
    }
}
