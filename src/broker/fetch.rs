//! Fetches one message of a stream by its sequence, as whoever checks the books may: the processor's
//! own account cannot.

use async_nats::jetstream::context::{RequestError, RequestErrorKind};
use async_nats::jetstream::response::Response;
use async_nats::jetstream::{self, ErrorCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;

use crate::receipt::ids::Identity;

/// A message as the stream keeps it. Its headers are left aside: nothing asks for them, and whoever
/// published them may have made them unreadable.
#[derive(Debug)]
pub struct Fetched {
    pub identity: Identity,
    pub subject: String,
    pub payload: Bytes,
}

#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("there is no stream {0}")]
    NoStream(String),
    #[error(
        "nobody answers {subject}; nats.cert_file must be that of the account that checks the books \
         (RECONCILE in deploy/nats/accounts.conf)"
    )]
    NotImported { subject: String },
    #[error(
        "no answer to {subject} in time: the server is slow, or refuses the request to our \
         certificate; it is for that of the account that checks the books (RECONCILE in \
         deploy/nats/accounts.conf)"
    )]
    NoAnswer { subject: String },
    #[error("JetStream refuses to show a message: {0}")]
    Refused(jetstream::Error),
    #[error("cannot ask for a message")]
    Request(#[source] RequestError),
    #[error("the answer about message {0} cannot be read")]
    Unreadable(u64),
}

#[derive(Deserialize)]
struct Answer {
    message: Stored,
}

#[derive(Deserialize)]
struct Stored {
    subject: String,
    seq: u64,
    /// Missing when it is empty.
    #[serde(default)]
    data: String,
    time: Timestamp,
}

/// The message of `stream` with this sequence; `None` when the stream no longer has it, or not yet.
pub async fn fetch(
    context: &jetstream::Context,
    api_prefix: &str,
    stream: &str,
    sequence: u64,
) -> Result<Option<Fetched>, FetchError> {
    let subject = format!("STREAM.MSG.GET.{stream}");
    let asked = serde_json::json!({ "seq": sequence });
    let answer: Answer = match context.request(subject.clone(), &asked).await {
        Ok(Response::Ok(answer)) => answer,
        Ok(Response::Err { error }) => {
            return match error.error_code() {
                ErrorCode::NO_MESSAGE_FOUND => Ok(None),
                ErrorCode::STREAM_NOT_FOUND => Err(FetchError::NoStream(stream.to_owned())),
                _ => Err(FetchError::Refused(error)),
            };
        }
        Err(error) => {
            let subject = format!("{api_prefix}.{subject}");
            return Err(match error.kind() {
                RequestErrorKind::NoResponders => FetchError::NotImported { subject },
                RequestErrorKind::TimedOut => FetchError::NoAnswer { subject },
                _ => FetchError::Request(error),
            });
        }
    };
    let Stored {
        subject,
        seq,
        data,
        time,
    } = answer.message;
    let unreadable = || FetchError::Unreadable(sequence);
    let payload = STANDARD.decode(data).map_err(|_base64| unreadable())?;
    let stored_ns = i64::try_from(time.as_nanosecond()).map_err(|_range| unreadable())?;
    Ok(Some(Fetched {
        identity: Identity {
            stream: stream.into(),
            sequence: seq,
            stored_ns,
        },
        subject,
        payload: payload.into(),
    }))
}
