//! Looks into streams message by message, as whoever checks the books may: the processor's own account
//! cannot.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::context::{RequestError, RequestErrorKind};
use async_nats::jetstream::response::Response;
use async_nats::jetstream::{self, ErrorCode, consumer, stream};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::config::Nats;
use crate::receipt::ids::Identity;

/// A message as the stream keeps it. Its headers are left aside: nothing asks for them, and whoever
/// published them may have made them unreadable.
#[derive(Debug)]
pub struct Fetched {
    pub identity: Identity,
    pub subject: String,
    pub payload: Bytes,
}

/// The sequences that a stream holds, and since when there is one; `last` is below `first` when it
/// is empty.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    pub created: Timestamp,
    pub first: u64,
    pub last: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("there is no stream {0}")]
    NoStream(String),
    #[error("there is no consumer for {0}")]
    NoConsumer(String),
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
    #[error("JetStream refuses to show it: {0}")]
    Refused(jetstream::Error),
    #[error("cannot ask JetStream")]
    Request(#[source] RequestError),
    #[error("the answer about message {0} cannot be read")]
    Unreadable(u64),
}

/// How often one request is made: a cluster without a leader takes seconds to elect one.
const ATTEMPTS: usize = 3;
const PAUSE: Duration = Duration::from_secs(2);

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

/// The streams, as an account sees them that may look.
pub struct Witness<'a> {
    context: jetstream::Context,
    api_prefix: &'a str,
    /// Whether any request was answered, so that silence is not about our certificate.
    answered: AtomicBool,
}

impl<'a> Witness<'a> {
    /// `client` is connected as `nats` says.
    pub fn new(client: Client, nats: &'a Nats) -> Self {
        Self {
            context: super::jetstream(client, nats),
            api_prefix: &nats.api_prefix,
            answered: AtomicBool::new(false),
        }
    }
}

impl Witness<'_> {
    /// The message of `stream` with this sequence; `None` when the stream no longer has it, or not
    /// yet.
    pub async fn fetch(&self, stream: &str, sequence: u64) -> Result<Option<Fetched>, FetchError> {
        self.request(stream, sequence, &json!({ "seq": sequence }))
            .await
    }

    /// The first message of `stream` from this sequence on; `None` when there is none.
    pub async fn fetch_from(
        &self,
        stream: &str,
        sequence: u64,
    ) -> Result<Option<Fetched>, FetchError> {
        let asked = json!({ "seq": sequence, "next_by_subj": ">" });
        self.request(stream, sequence, &asked).await
    }

    /// What the stream holds at present.
    pub async fn extent(&self, stream: &str) -> Result<Extent, FetchError> {
        let subject = format!("STREAM.INFO.{stream}");
        let info: stream::Info = self.answer(stream, subject, &json!({})).await?;
        let created = info.created.unix_timestamp_nanos();
        Ok(Extent {
            created: Timestamp::from_nanosecond(created).unwrap_or(Timestamp::UNIX_EPOCH),
            // An empty stream has never begun.
            first: info.state.first_sequence.max(1),
            last: info.state.last_sequence,
        })
    }

    /// Up to which sequence, without a gap, a consumer's envelopes are settled.
    pub async fn settled_through(&self, stream: &str, consumer: &str) -> Result<u64, FetchError> {
        let subject = format!("CONSUMER.INFO.{stream}.{consumer}");
        let info: consumer::Info = self.answer(stream, subject, &json!({})).await?;
        Ok(info.ack_floor.stream_sequence)
    }

    async fn request(
        &self,
        stream: &str,
        sequence: u64,
        asked: &Value,
    ) -> Result<Option<Fetched>, FetchError> {
        let subject = format!("STREAM.MSG.GET.{stream}");
        let answer: Answer = match self.answer(stream, subject, asked).await {
            Err(FetchError::Refused(error))
                if error.error_code() == ErrorCode::NO_MESSAGE_FOUND =>
            {
                return Ok(None);
            }
            answer => answer?,
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

    async fn answer<T: DeserializeOwned>(
        &self,
        stream: &str,
        subject: String,
        asked: &Value,
    ) -> Result<T, FetchError> {
        for _ in 1..ATTEMPTS {
            match self.ask(stream, subject.clone(), asked).await {
                Err(error) if self.may_pass(&error) => sleep(PAUSE).await,
                answer => return answer,
            }
        }
        self.ask(stream, subject, asked).await
    }

    fn may_pass(&self, error: &FetchError) -> bool {
        const UNAVAILABLE: usize = 503;
        match error {
            FetchError::NoAnswer { .. } => self.answered.load(Ordering::Relaxed),
            FetchError::Refused(error) => error.code() == UNAVAILABLE,
            _ => false,
        }
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        stream: &str,
        subject: String,
        asked: &Value,
    ) -> Result<T, FetchError> {
        let answer = self.context.request(subject.clone(), asked).await;
        self.answered.fetch_or(answer.is_ok(), Ordering::Relaxed);
        match answer {
            Ok(Response::Ok(answer)) => Ok(answer),
            Ok(Response::Err { error }) => Err(match error.error_code() {
                ErrorCode::STREAM_NOT_FOUND => FetchError::NoStream(stream.to_owned()),
                ErrorCode::CONSUMER_NOT_FOUND => FetchError::NoConsumer(subject),
                _ => FetchError::Refused(error),
            }),
            Err(error) => {
                let subject = format!("{}.{subject}", self.api_prefix);
                Err(match error.kind() {
                    RequestErrorKind::NoResponders => FetchError::NotImported { subject },
                    RequestErrorKind::TimedOut => FetchError::NoAnswer { subject },
                    _ => FetchError::Request(error),
                })
            }
        }
    }
}
