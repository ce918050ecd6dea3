//! `dlr_conf.carrier_profiles`: revisions of how carriers write, as documents. Which of them count
//! is decided by whoever reads them.

use jiff::Timestamp;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error, Row};

use super::failure::describe_query;

/// Bytes of the longest document that is read; since schema 8 also of the longest that is stored.
pub const DOCUMENT_MAX: usize = 64 * 1024;

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    pub carrier: String,
    pub number: i32,
    pub created_at: Timestamp,
    pub created_by: String,
    /// JSON; `None` when it is longer than [`DOCUMENT_MAX`].
    pub document: Option<String>,
}

/// The stored size is asked first: making the text of a document that nothing limited could take
/// longer than a statement may, and even compressed as far as can be it is some megabytes then.
///
/// Whoever could write the time could write one that no reader can hold, such as `infinity`.
macro_rules! columns {
    () => {
        "p.carrier_id, p.revision,
         greatest(timestamptz 'epoch', least(timestamptz '9999-01-01 00:00:00Z', p.created_at)),
         p.created_by,
         CASE WHEN pg_column_size(p.profile) > 65536 OR octet_length(p.profile::text) > 65536
              THEN NULL ELSE p.profile::text END"
    };
}

impl From<&Row> for Revision {
    fn from(row: &Row) -> Self {
        Self {
            carrier: row.get(0),
            number: row.get(1),
            created_at: row.get(2),
            created_by: row.get(3),
            document: row.get(4),
        }
    }
}

/// What the whole table holds, in two numbers. Rows are only ever added, so while it is the same
/// there is nothing new. Times would not do: a transaction that began earlier may commit later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    revisions: i64,
    /// For a table that was restored, or tampered with.
    sum: i64,
}

/// Reads the index alone, so that it can be asked often.
pub async fn mark(client: &Client) -> Result<Mark, Error> {
    let statement =
        "SELECT count(*), coalesce(sum(revision), 0)::int8 FROM dlr_conf.carrier_profiles";
    let row = client.query_one(statement, &[]).await?;
    Ok(Mark {
        revisions: row.get(0),
        sum: row.get(1),
    })
}

/// The highest revision of each carrier.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Heads {
    pub carriers: Vec<(String, i32)>,
    /// How many carriers more there are than were asked for.
    pub omitted: usize,
}

/// Of at most `limit` carriers, those who came first: one who comes later displaces nobody.
pub async fn heads(client: &Client, limit: usize) -> Result<Heads, Error> {
    let rows = client
        .query(
            "SELECT carrier_id, max(revision), count(*) OVER ()
             FROM dlr_conf.carrier_profiles
             GROUP BY carrier_id ORDER BY min(created_at), carrier_id LIMIT $1",
            &[&i64::try_from(limit).unwrap_or(i64::MAX)],
        )
        .await?;
    let all = rows.first().map_or(0, |row| row.get::<_, i64>(2));
    Ok(Heads {
        omitted: usize::try_from(all).unwrap_or_default() - rows.len(),
        carriers: rows.iter().map(|row| (row.get(0), row.get(1))).collect(),
    })
}

/// How many carriers have a revision.
pub async fn carriers(client: &Client) -> Result<usize, Error> {
    let statement = "SELECT count(DISTINCT carrier_id) FROM dlr_conf.carrier_profiles";
    let count: i64 = client.query_one(statement, &[]).await?.get(0);
    Ok(usize::try_from(count).unwrap_or_default())
}

/// These revisions; fewer if some are not there.
pub async fn read(client: &Client, wanted: &[(String, i32)]) -> Result<Vec<Revision>, Error> {
    let carriers: Vec<&str> = wanted.iter().map(|(carrier, _)| carrier.as_str()).collect();
    let numbers: Vec<i32> = wanted.iter().map(|(_, number)| *number).collect();
    let statement = concat!(
        "SELECT ",
        columns!(),
        " FROM unnest($1::text[], $2::int4[]) AS wanted (carrier_id, revision)
         JOIN dlr_conf.carrier_profiles AS p USING (carrier_id, revision)"
    );
    let rows = client.query(statement, &[&carriers, &numbers]).await?;
    Ok(rows.iter().map(Revision::from).collect())
}

/// A carrier's revisions from `highest` down, at most `limit`.
pub async fn down_from(
    client: &Client,
    carrier: &str,
    highest: i32,
    limit: i64,
) -> Result<Vec<Revision>, Error> {
    let statement = concat!(
        "SELECT ",
        columns!(),
        " FROM dlr_conf.carrier_profiles AS p
         WHERE carrier_id = $1 AND revision <= $2 ORDER BY revision DESC LIMIT $3"
    );
    let rows = client
        .query(statement, &[&carrier, &highest, &limit])
        .await?;
    Ok(rows.iter().map(Revision::from).collect())
}

/// Why a revision was not written.
#[derive(Debug, thiserror::Error)]
pub enum InsertError {
    #[error("revision {0} is there already: somebody else wrote it meanwhile")]
    Taken(i32),
    #[error("this role may not write carrier profiles")]
    NotAllowed,
    #[error("{0}")]
    Database(String),
}

/// Adds a revision; returns when it was written, which is when its transaction began.
pub async fn insert(
    client: &Client,
    carrier: &str,
    number: i32,
    document: &str,
) -> Result<Timestamp, InsertError> {
    // The key alone would let a writer who jumps ahead bury this one below his own.
    let inserted = client
        .query_opt(
            "INSERT INTO dlr_conf.carrier_profiles (carrier_id, revision, profile)
             SELECT $1, $2, $3::text::jsonb
             WHERE NOT EXISTS (
                 SELECT FROM dlr_conf.carrier_profiles WHERE carrier_id = $1 AND revision >= $2
             )
             RETURNING created_at",
            &[&carrier, &number, &document],
        )
        .await;
    match inserted {
        Ok(Some(row)) => Ok(row.get(0)),
        Ok(None) => Err(InsertError::Taken(number)),
        Err(error) => Err(match error.code() {
            Some(&SqlState::UNIQUE_VIOLATION) => InsertError::Taken(number),
            Some(&SqlState::INSUFFICIENT_PRIVILEGE) => InsertError::NotAllowed,
            _ => InsertError::Database(describe_query(&error)),
        }),
    }
}
