//! What PostgreSQL said, in words that may be shown.

use std::error::Error as _;

use tokio_postgres::Error;

/// The whole of an error, without its `DETAIL`: that quotes row values, and the driver's own
/// `Display` of the cause prints it. Even the message may quote a value given to a statement, so
/// this is for set-up work (connecting, migrating); the pipeline logs SQLSTATE and constraint only.
pub fn describe(error: &Error) -> String {
    if let Some(db) = error.as_db_error() {
        let hint = db.hint().map(|hint| format!(" ({hint})"));
        return format!(
            "{} (SQLSTATE {}){}",
            db.message(),
            db.code().code(),
            hint.unwrap_or_default()
        );
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}

/// The same about a connection under way. Without an answer of PostgreSQL's there are only the
/// driver's words, which do not say to whom the connection was.
pub fn describe_query(error: &Error) -> String {
    match error.as_db_error() {
        Some(_) => describe(error),
        None => format!("the connection to PostgreSQL failed: {}", describe(error)),
    }
}
