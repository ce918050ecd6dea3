//! PostgreSQL: connections, migrations, and every SQL statement of the processor.
//!
//! A stage never writes SQL, and nothing in this room decides what a receipt means. The tables are
//! append-only for the role the pipeline signs in as, so what ends later is a further row.
//!
//! A lane's work goes through one [`Session`]: a connection of its own with its statements
//! prepared once. A pool would only add waiting: a lane is never idle while it has work and never
//! uses two connections.

/// One column of `rows`, as a parameter of `unnest`.
macro_rules! column {
    ($rows:expr, |$row:ident| $value:expr) => {
        &$rows.iter().map(|$row| $value).collect::<Vec<_>>() as &(dyn ToSql + Sync)
    };
}

pub mod books;
pub mod connect;
mod copy;
pub mod decided;
pub mod failure;
pub mod grants;
pub mod key_checks;
pub mod locate;
pub mod messages;
pub mod migrations;
pub mod parked;
pub mod partitions;
pub mod profiles;
pub mod receipts;
pub mod rejected;
pub mod replays;
mod session;
pub mod siblings;
pub mod story;
pub mod studies;
pub mod sweep;
mod values;
pub mod walk;

use tokio_postgres::error::{DbError, SqlState};

pub use self::session::Session;
use crate::seal::SealError;

/// Why a transaction came to nothing. Each variant asks for another answer of the caller.
///
/// No text of it quotes a value: PostgreSQL puts row values into `detail`, and for data errors
/// into the message itself.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// PostgreSQL will not take a value (SQLSTATE classes 22, 23, 44, 54 and P0): one row of the batch is
    /// poison, the others are not.
    #[error("PostgreSQL refuses a value (SQLSTATE {0})")]
    Refused(String),
    /// A receipt of the batch is stored already, or may be: it was delivered before.
    #[error("a receipt of the batch may be stored already")]
    AlreadyStored,
    /// A message's status changed between the decision and the update, or another replica's
    /// transaction stood in the way (class 40): the decision is to be taken afresh.
    #[error("a message changes under the batch, or cannot be changed")]
    Moved,
    /// An outage, a lock, a missing grant or partition: nothing that the batch could help.
    #[error("{0}")]
    Unavailable(String),
}

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(refusal) => Self::from_refusal(refusal),
            None => Self::Unavailable(format!("the connection to PostgreSQL failed: {error}")),
        }
    }
}

impl From<SealError> for StoreError {
    /// The random generator failed: nothing the batch could help.
    fn from(error: SealError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl StoreError {
    fn from_refusal(error: &DbError) -> Self {
        let code = error.code();
        // The one error of these classes that no row is to blame for; it has no constraint's name.
        if *code == SqlState::CHECK_VIOLATION && error.constraint().is_none() {
            return Self::Unavailable(
                "a partition is missing (SQLSTATE 23514): run `dlr migrate up`".to_owned(),
            );
        }
        if *code == SqlState::UNIQUE_VIOLATION && error.schema() == Some("dlr") {
            return Self::AlreadyStored;
        }
        match code.code().get(..2) {
            Some("40") => Self::Moved,
            // 44 is a view's check option, P0 an error that a trigger raises.
            Some("22" | "23" | "44" | "54" | "P0") => Self::Refused(code.code().to_owned()),
            // The server's own words in classes that are about the server, never about a row.
            Some("08" | "25" | "42" | "53" | "55" | "57" | "58") => {
                Self::Unavailable(format!("{} (SQLSTATE {})", error.message(), code.code()))
            }
            _ => Self::Unavailable(format!("SQLSTATE {}", code.code())),
        }
    }
}
