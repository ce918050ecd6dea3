//! Takes back what a run has changed.

use tokio_postgres::Client;

/// So many parts, each an update of its own: one that raised every row of a page would find no room
/// in it for the new versions, and would scatter the table.
const PARTS: u32 = 16;

const MESSAGES: &str = "
UPDATE orch.sms_messages AS m
SET status = 'sent', dlr_status = NULL, dlr_received_at = NULL, processed_at = NULL
FROM dlr.delivery_receipts AS r
WHERE m.id = r.message_id AND r.seq % $1::int8 = $2::int8";

/// Of the tables of receipts those partitions that hold any.
const USED: &str = "
SELECT tableoid::regclass::text FROM dlr.delivery_receipts GROUP BY 1
UNION SELECT tableoid::regclass::text FROM dlr.orphaned_receipts GROUP BY 1
UNION SELECT tableoid::regclass::text FROM dlr.rejected_receipts GROUP BY 1";

/// Every message is sent and without a receipt again. `sql` is the superuser's.
pub(super) async fn restore(sql: &Client) -> Result<(), tokio_postgres::Error> {
    for part in 0..PARTS {
        let parts = [&i64::from(PARTS) as _, &i64::from(part) as _];
        sql.execute(MESSAGES, &parts).await?;
    }
    for used in sql.query(USED, &[]).await? {
        let table: &str = used.get(0);
        sql.batch_execute(&format!("TRUNCATE {table}")).await?;
    }
    sql.batch_execute("VACUUM orch.sms_messages").await?;
    // The next run's share of updates in place is its own.
    sql.batch_execute("SELECT pg_stat_force_next_flush()")
        .await?;
    sql.batch_execute("SELECT pg_stat_reset()").await
}
