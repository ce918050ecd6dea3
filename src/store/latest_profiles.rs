//! Stands in until the profiles' own reader is here.

use tokio_postgres::{Client, Error};

pub async fn read(client: &Client) -> Result<Vec<(String, i32, String)>, Error> {
    let rows = client
        .query(
            "SELECT DISTINCT ON (carrier_id) carrier_id, revision, profile::text
             FROM dlr_conf.carrier_profiles ORDER BY carrier_id, revision DESC",
            &[],
        )
        .await?;
    Ok(rows
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2)))
        .collect())
}
