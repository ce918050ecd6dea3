//! How many days the tables of receipts reach.

use tokio_postgres::Client;

/// So many daily partitions, today's among them, most of them in the past.
pub(crate) async fn partition(sql: &Client, days: i32) -> Result<(), tokio_postgres::Error> {
    let ahead = (days - 2).min(35);
    let back = days - 1 - ahead;
    sql.execute("SELECT dlr.ensure_partitions($1, $2)", &[&ahead, &back])
        .await?;
    let surplus = sql
        .query(
            "SELECT inhrelid::regclass::text FROM pg_inherits
             JOIN pg_class ON oid = inhrelid
             WHERE inhparent = 'dlr.delivery_receipts'::regclass
               -- As text: the planner may ask this of tables that are no partitions.
               AND right(relname, 8) NOT BETWEEN to_char(current_date - $2::int, 'YYYYMMDD')
                   AND to_char(current_date + $1::int, 'YYYYMMDD')",
            &[&ahead, &back],
        )
        .await?;
    for partition in surplus {
        let name: &str = partition.get(0);
        sql.batch_execute(&format!("DROP TABLE {name}")).await?;
    }
    Ok(())
}
