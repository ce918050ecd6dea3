//! The ledger: which migrations are applied, and with which content.

use tokio_postgres::{Client, Error};

use super::{MigrationError, known};

pub(super) struct Applied {
    pub(super) version: i32,
    pub(super) name: String,
    pub(super) checksum: Vec<u8>,
    pub(super) at: String,
}

/// The ledger comes before the first migration and goes after the last way down. It stands in
/// `dlr_conf`, because the pipeline's role may insert into every table of `dlr`.
pub(super) const MAKE: &str = "
    CREATE SCHEMA IF NOT EXISTS dlr_conf;
    CREATE TABLE IF NOT EXISTS dlr_conf.migrations (
        version integer PRIMARY KEY,
        name text COLLATE \"C\" NOT NULL,
        checksum bytea NOT NULL CHECK (octet_length(checksum) = 32),
        applied_at timestamptz NOT NULL DEFAULT now()
    );
    COMMENT ON TABLE dlr_conf.migrations IS 'Which migrations are applied; written by dlr migrate';
    COMMENT ON COLUMN dlr_conf.migrations.version IS 'Number of the file';
    COMMENT ON COLUMN dlr_conf.migrations.name IS 'Name of the file';
    COMMENT ON COLUMN dlr_conf.migrations.checksum IS 'SHA-256 of the .up.sql';
    COMMENT ON COLUMN dlr_conf.migrations.applied_at IS 'When';
";
pub(super) const DROP: &str = "DROP TABLE dlr_conf.migrations; DROP SCHEMA dlr_conf;";

pub(super) async fn read(client: &Client) -> Result<Vec<Applied>, Error> {
    let exists: bool = client
        .query_one("SELECT to_regclass('dlr_conf.migrations') IS NOT NULL", &[])
        .await?
        .get(0);
    if !exists {
        return Ok(Vec::new());
    }
    let rows = client
        .query(
            "SELECT version, name, checksum,
                    to_char(applied_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')
             FROM dlr_conf.migrations ORDER BY version",
            &[],
        )
        .await?;
    Ok(rows
        .iter()
        .map(|row| Applied {
            version: row.get(0),
            name: row.get(1),
            checksum: row.get(2),
            at: row.get(3),
        })
        .collect())
}

/// How many migrations are applied, when they are the first ones of ours and as we know them.
pub(super) fn consistent(applied: &[Applied]) -> Result<usize, MigrationError> {
    for (row, version) in applied.iter().zip(1..) {
        if row.version != version {
            return Err(MigrationError::Gap { missing: version });
        }
        let migration = known(version).ok_or(MigrationError::Newer {
            version: applied.last().map_or(version, |last| last.version),
        })?;
        if row.checksum != migration.checksum() {
            return Err(MigrationError::Edited {
                name: migration.name,
            });
        }
    }
    Ok(applied.len())
}
