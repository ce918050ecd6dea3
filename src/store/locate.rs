//! Where the rows of an envelope are, of which only the sequence is known.

use jiff::{SignedDuration, Timestamp};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error};

use super::walk::Table;
use crate::receipt::ids::RowKey;

/// Where an envelope has its disposition.
const DISPOSITIONS: [Table; 3] = [Table::Receipts, Table::Parked, Table::Rejected];

/// Around a time that is about right.
const ABOUT: SignedDuration = SignedDuration::from_mins(1);

/// The key of the envelope with this sequence, if one was stored within a minute of `at`.
pub async fn about(
    client: &Client,
    stream: &str,
    sequence: u64,
    at: Timestamp,
) -> Result<Option<RowKey>, Error> {
    let around = (earlier(at, ABOUT), later(at, ABOUT));
    for table in DISPOSITIONS {
        let found = find_between(client, table, stream, sequence, around).await?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// The key of the envelope with this sequence, if it was stored in this time. Sequences rise with
/// the times, so that halving finds it, where reading could take hours; in a stream that was made
/// anew they rise anew, and then it may be missed.
pub async fn between(
    client: &Client,
    stream: &str,
    sequence: u64,
    from: Timestamp,
    until: Timestamp,
) -> Result<Option<RowKey>, Error> {
    for table in DISPOSITIONS {
        let (mut low, mut high) = (from, until);
        while high.duration_since(low) > ABOUT {
            let middle = later(low, high.duration_since(low) / 2);
            match first_between(client, table, stream, (middle, high)).await? {
                Some((at, there)) if there < sequence => low = at,
                Some((at, there)) if there == sequence => (low, high) = (at, at),
                _ => high = middle,
            }
        }
        // Clocks of a stream's servers may differ a little.
        let around = (earlier(low, ABOUT), later(high, ABOUT));
        let found = find_between(client, table, stream, sequence, around).await?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

fn earlier(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_sub(by).unwrap_or(at)
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(at)
}

async fn first_between(
    client: &Client,
    table: Table,
    stream: &str,
    (from, until): (Timestamp, Timestamp),
) -> Result<Option<(Timestamp, u64)>, Error> {
    let statement = format!(
        "SELECT stored_at, seq FROM dlr.{}
         WHERE stored_at >= $1 AND stored_at < $2 AND stream = $3
         ORDER BY stored_at, stream, seq LIMIT 1",
        table.name()
    );
    let row = client
        .query_opt(&statement, &[&from, &until, &stream])
        .await?;
    Ok(row.map(|row| (row.get(0), row.get::<_, i64>(1).cast_unsigned())))
}

async fn find_between(
    client: &Client,
    table: Table,
    stream: &str,
    sequence: u64,
    (from, until): (Timestamp, Timestamp),
) -> Result<Option<RowKey>, Error> {
    let statement = format!(
        "SELECT stored_at FROM dlr.{}
         WHERE stored_at BETWEEN $1 AND $2 AND stream = $3 AND seq = $4
         ORDER BY stored_at DESC LIMIT 1",
        table.name()
    );
    let params: [&(dyn ToSql + Sync); 4] = [&from, &until, &stream, &sequence.cast_signed()];
    let row = client.query_opt(&statement, &params).await?;
    Ok(row.map(|row| RowKey {
        stored_at: row.get(0),
        stream: stream.into(),
        sequence,
    }))
}
