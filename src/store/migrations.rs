//! The schema's history, and moving along it.
//!
//! sqlx's migrator would bring a second driver with its own TLS, and refinery knows no way down.
//! What is needed is little: numbered pairs of files, each run in a transaction of its own that
//! also writes the ledger, one migrator at a time.

mod ledger;
#[cfg(test)]
mod tests;

use aws_lc_rs::digest::{SHA256, digest};
use thiserror::Error;
use tokio_postgres::{Client, Transaction};

use super::failure::describe;

/// The schema this binary was written for.
pub const SCHEMA_VERSION: i32 = 9;

/// A binary also works on the next schema, so that the database can be migrated first and the
/// processes replaced one by one: a migration only adds what the one before can ignore.
pub fn is_supported(version: i32) -> bool {
    (SCHEMA_VERSION..=SCHEMA_VERSION + 1).contains(&version)
}

struct Migration {
    name: &'static str,
    up: &'static str,
    down: &'static str,
}

macro_rules! pairs {
    ($($name:literal),* $(,)?) => {
        [$(Migration {
            name: $name,
            up: include_str!(concat!("../../migrations/", $name, ".up.sql")),
            down: include_str!(concat!("../../migrations/", $name, ".down.sql")),
        }),*]
    };
}

const MIGRATIONS: [Migration; SCHEMA_VERSION as usize] = pairs![
    "0001_roles",
    "0002_receipts",
    "0003_parked",
    "0004_rejected",
    "0005_carrier_profiles_and_keys",
    "0006_partitions",
    "0007_grants",
    "0008_second_chances",
    "0009_profile_rights",
];

impl Migration {
    /// Of the way up alone: a way down that nobody has gone yet may still be mended.
    fn checksum(&self) -> Vec<u8> {
        digest(&SHA256, self.up.as_bytes()).as_ref().to_vec()
    }
}

#[derive(Debug, Error)]
pub enum MigrationError {
    #[error(
        "migration {name} was edited after it was applied; put the file back and add a new one"
    )]
    Edited { name: &'static str },
    #[error(
        "migration {missing} is not applied, but later ones are; the ledger dlr_conf.migrations was tampered with"
    )]
    Gap { missing: i32 },
    #[error(
        "the database is at schema {version}, this binary knows {SCHEMA_VERSION}; use the newer binary"
    )]
    Newer { version: i32 },
    #[error("there is no schema {0}; this binary knows 0 to {SCHEMA_VERSION}")]
    NoSuchVersion(i32),
    #[error("the database is at schema {from}, which is not {direction} {to}")]
    WrongDirection {
        from: usize,
        to: i32,
        direction: &'static str,
    },
    #[error("migration {name}: {why}")]
    Failed { name: &'static str, why: String },
    #[error("{}", describe(.0))]
    Database(tokio_postgres::Error),
}

impl From<tokio_postgres::Error> for MigrationError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(error)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Applied,
    Pending,
    /// Applied, and the file is not what it was then.
    Edited,
    /// Applied by a newer binary.
    Unknown,
}

#[derive(Debug)]
pub struct Status {
    pub version: i32,
    pub name: String,
    pub state: State,
    pub applied_at: Option<String>,
}

/// The schema the database is at; 0 is none. Needs no right but that to read the ledger.
pub async fn version(client: &Client) -> Result<i32, tokio_postgres::Error> {
    Ok(ledger::read(client)
        .await?
        .last()
        .map_or(0, |last| last.version))
}

pub async fn status(client: &Client) -> Result<Vec<Status>, MigrationError> {
    let applied = ledger::read(client).await?;
    let unknown = applied
        .iter()
        .filter(|row| known(row.version).is_none())
        .map(|row| Status {
            version: row.version,
            name: row.name.clone(),
            state: State::Unknown,
            applied_at: Some(row.at.clone()),
        });
    let listed = numbered().map(|(version, migration)| {
        let row = applied.iter().find(|row| row.version == version);
        Status {
            version,
            name: migration.name.to_owned(),
            state: match row {
                None => State::Pending,
                Some(row) if row.checksum == migration.checksum() => State::Applied,
                Some(_) => State::Edited,
            },
            applied_at: row.map(|row| row.at.clone()),
        }
    });
    Ok(listed.chain(unknown).collect())
}

/// Applies what is missing, up to and including `to`; returns what it applied.
pub async fn up(client: &mut Client, to: i32) -> Result<Vec<&'static str>, MigrationError> {
    lock(client).await?;
    let outcome = climb(client, to).await;
    let unlocked = unlock(client).await;
    let done = outcome?;
    unlocked?;
    Ok(done)
}

/// Undoes what is above `to`; returns what it undid. 0 leaves nothing but the roles.
pub async fn down(client: &mut Client, to: i32) -> Result<Vec<&'static str>, MigrationError> {
    lock(client).await?;
    let outcome = descend(client, to).await;
    let unlocked = unlock(client).await;
    let done = outcome?;
    unlocked?;
    Ok(done)
}

async fn climb(client: &mut Client, to: i32) -> Result<Vec<&'static str>, MigrationError> {
    let from = ledger::consistent(&ledger::read(client).await?)?;
    let to = target(to, |to| from <= to, "below", from)?;
    if from == 0 && to > 0 {
        client.batch_execute(ledger::MAKE).await?;
    }
    let mut done = Vec::new();
    for (version, migration) in numbered().skip(from).take(to - from) {
        let transaction = client.transaction().await?;
        run(&transaction, migration.name, migration.up).await?;
        transaction
            .execute(
                "INSERT INTO dlr_conf.migrations (version, name, checksum) VALUES ($1, $2, $3)",
                &[&version, &migration.name, &migration.checksum()],
            )
            .await?;
        transaction.commit().await?;
        done.push(migration.name);
    }
    Ok(done)
}

async fn descend(client: &mut Client, to: i32) -> Result<Vec<&'static str>, MigrationError> {
    let from = ledger::consistent(&ledger::read(client).await?)?;
    let to = target(to, |to| to <= from, "above", from)?;
    let mut done = Vec::new();
    for (version, migration) in numbered()
        .take(from)
        .skip(to)
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
    {
        let transaction = client.transaction().await?;
        run(&transaction, migration.name, migration.down).await?;
        transaction
            .execute(
                "DELETE FROM dlr_conf.migrations WHERE version = $1",
                &[&version],
            )
            .await?;
        if version == 1 {
            transaction.batch_execute(ledger::DROP).await?;
        }
        transaction.commit().await?;
        done.push(migration.name);
    }
    Ok(done)
}

/// Runs one file. Waiting long for a lock would make every later statement wait behind us.
async fn run(
    transaction: &Transaction<'_>,
    name: &'static str,
    sql: &str,
) -> Result<(), MigrationError> {
    let failed = |error| MigrationError::Failed {
        name,
        why: describe(&error),
    };
    transaction
        .batch_execute("SET LOCAL lock_timeout = '10s'")
        .await?;
    transaction.batch_execute(sql).await.map_err(failed)?;
    transaction.batch_execute("RESET ROLE").await?;
    Ok(())
}

/// One migrator at a time in a database; the lock ends with the session at the latest. A session
/// of the pipeline's settings would time out.
async fn lock(client: &Client) -> Result<(), tokio_postgres::Error> {
    client
        .batch_execute(
            "SET statement_timeout = 0; SET lock_timeout = 0; SET search_path = pg_catalog;
             SET idle_in_transaction_session_timeout = 0; SET client_min_messages = warning;
             SELECT pg_advisory_lock(hashtextextended('dlr.migrations', 0))",
        )
        .await
}

async fn unlock(client: &Client) -> Result<(), tokio_postgres::Error> {
    client
        .batch_execute("SELECT pg_advisory_unlock(hashtextextended('dlr.migrations', 0))")
        .await
}

fn target(
    to: i32,
    allowed: impl Fn(usize) -> bool,
    direction: &'static str,
    from: usize,
) -> Result<usize, MigrationError> {
    let target = usize::try_from(to)
        .ok()
        .filter(|to| *to <= MIGRATIONS.len());
    let target = target.ok_or(MigrationError::NoSuchVersion(to))?;
    if allowed(target) {
        Ok(target)
    } else {
        Err(MigrationError::WrongDirection {
            from,
            to,
            direction,
        })
    }
}

fn numbered() -> impl Iterator<Item = (i32, &'static Migration)> {
    (1..).zip(&MIGRATIONS)
}

fn known(version: i32) -> Option<&'static Migration> {
    numbered()
        .find(|(number, _)| *number == version)
        .map(|(_, migration)| migration)
}
