//! How far ahead there are partitions to write to.

use jiff::civil::Date;
use tokio_postgres::{Client, Error};

/// The first day, from `today` on, that some growing table has no partition for. There is no
/// default partition, so a receipt of that day could not be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coverage {
    pub first_missing: Date,
    pub days_ahead: i32,
}

/// Looks a year ahead at most: a partition made by hand beyond that tells nothing.
pub async fn coverage(client: &Client, today: Date) -> Result<Coverage, Error> {
    let days_ahead: i32 = client
        .query_one(
            "SELECT coalesce(min(ahead), 366)
             FROM generate_series(0, 365) AS ahead
             CROSS JOIN (VALUES
                 ('delivery_receipts', '_YYYYMMDD'),
                 ('orphaned_receipts', '_YYYYMM'),
                 ('orphan_resolutions', '_YYYYMM'),
                 ('rejected_receipts', '_YYYYMM'),
                 ('replayed_receipts', '_YYYYMM'),
                 ('replay_confirmations', '_YYYYMM')
             ) AS growing (parent, suffix)
             WHERE NOT EXISTS (
                 SELECT FROM pg_inherits
                 JOIN pg_class AS child ON child.oid = inhrelid
                 WHERE inhparent = to_regclass('dlr.' || parent)
                   AND relname = parent || to_char($1::text::date + ahead, suffix)
                   AND NOT inhdetachpending
             )",
            &[&today.to_string()],
        )
        .await?
        .get(0);
    Ok(Coverage {
        first_missing: today.saturating_add(jiff::Span::new().days(days_ahead)),
        days_ahead,
    })
}
