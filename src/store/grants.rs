//! Whether this role may do the pipeline's work, asked before the work depends on it.

use tokio_postgres::{Client, Error};

/// Plans, without running them, a read and a write of the messages and an insert of each kind:
/// PostgreSQL checks privileges then. The error names the table (SQLSTATE 42501).
pub async fn check(client: &Client) -> Result<(), Error> {
    client
        .batch_execute(
            "EXPLAIN UPDATE orch.sms_messages
                SET status = status, dlr_status = dlr_status, dlr_received_at = NULL,
                    processed_at = NULL
                WHERE id IS NULL AND operator_message_id IS NULL AND carrier_id IS NULL
                  AND account_id IS NULL AND created_at IS NULL AND segment IS NULL
                  AND segments IS NULL AND group_id IS NULL AND client_ref IS NULL
                  AND mccmnc IS NULL AND price IS NULL AND currency IS NULL;
             EXPLAIN INSERT INTO dlr.delivery_receipts SELECT * FROM dlr.delivery_receipts;
             EXPLAIN INSERT INTO dlr.orphaned_receipts SELECT * FROM dlr.orphaned_receipts;
             EXPLAIN INSERT INTO dlr.orphan_resolutions SELECT * FROM dlr.orphan_resolutions;
             EXPLAIN INSERT INTO dlr.rejected_receipts SELECT * FROM dlr.rejected_receipts;",
        )
        .await
}

/// Whether a commit survives a crash of the server. An envelope is acknowledged on the strength of
/// it, so `synchronous_commit = off`, which a database or a role may have been given, will not do.
pub async fn is_durable(client: &Client) -> Result<bool, Error> {
    let row = client
        .query_one("SELECT current_setting('synchronous_commit') <> 'off'", &[])
        .await?;
    Ok(row.get(0))
}
