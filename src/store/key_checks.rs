//! Which keys this database has seen, so that a wrong key ring is noticed before it seals a row.

use tokio_postgres::{Client, Error};

use crate::seal::KeyCheck;

/// Checks of a purpose that this version does not know are left out.
pub async fn read(client: &Client) -> Result<Vec<KeyCheck>, Error> {
    let rows = client
        .query(
            "SELECT purpose, kid, value FROM dlr.key_checks ORDER BY purpose, kid",
            &[],
        )
        .await?;
    let check = |row: &tokio_postgres::Row| {
        let kid: i64 = row.get(1);
        let value: &[u8] = row.get(2);
        KeyCheck::from_stored(row.get(0), kid.try_into().ok()?, value.try_into().ok()?)
    };
    Ok(rows.iter().filter_map(check).collect())
}

/// Adds what is not there. Another process may have added another value for the same key at the
/// same moment, so read and confirm again afterwards.
pub async fn insert_new(client: &Client, checks: &[KeyCheck]) -> Result<(), Error> {
    for check in checks {
        client
            .execute(
                "INSERT INTO dlr.key_checks (purpose, kid, value) VALUES ($1, $2, $3)
                 ON CONFLICT DO NOTHING",
                &[
                    &check.purpose,
                    &i64::from(check.kid),
                    &check.value.as_slice(),
                ],
            )
            .await?;
    }
    Ok(())
}
