//! Finds the processor's own consumer and makes sure that it is the one the contract describes.
//!
//! Bound, never made: whoever may create a consumer may name any subject of the account as the one
//! its messages go to, so the processor's certificate does not permit it.

use std::time::Duration;

use async_nats::{
    Client,
    jetstream::{
        self, ErrorCode,
        consumer::{self, IntoConsumerConfig as _},
        context::{RequestError, RequestErrorKind},
        response::Response,
    },
};

use super::{
    difference::{self, Difference},
    layout,
};
use crate::config;

/// What the reader of the consumer must know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    pub stream: String,
    pub consumer: String,
    pub ack_wait: Duration,
    pub max_ack_pending: u64,
    /// How many messages wait to be delivered.
    pub pending: u64,
    /// How many are delivered and not yet acknowledged.
    pub ack_pending: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum BindError {
    #[error(
        "stream {stream} has no consumer {consumer}, or is not there itself; \
         `dlr provision` makes both"
    )]
    Missing { stream: String, consumer: String },
    #[error(
        "consumer {consumer} of stream {stream} is not as it has to be:{}\n\
         `dlr provision` mends it",
        listed(.differences)
    )]
    Differs {
        stream: String,
        consumer: String,
        differences: Vec<Difference>,
    },
    #[error(
        "nobody answers {subject}; the account of our certificate must import it \
         (deploy/nats/accounts.conf)"
    )]
    NotImported { subject: String },
    #[error(
        "no answer to {subject} in time: the server is slow, or refuses the request, \
         which it says in an event of its own"
    )]
    NoAnswer { subject: String },
    #[error("JetStream refuses to describe the consumer: {0}")]
    Refused(jetstream::Error),
    #[error("cannot ask for the consumer")]
    Request(#[source] RequestError),
}

impl BindError {
    /// Whether an operator has to act, so that asking again soon is in vain.
    pub fn is_misconfiguration(&self) -> bool {
        matches!(
            self,
            Self::Missing { .. } | Self::Differs { .. } | Self::NotImported { .. }
        )
    }
}

fn listed(differences: &[Difference]) -> String {
    let lines: Vec<String> = differences.iter().map(|it| format!("\n  {it}")).collect();
    lines.concat()
}

/// Binds to the consumer that `streams` names.
pub async fn bind(
    client: &Client,
    nats: &config::Nats,
    streams: &config::Streams,
) -> Result<Binding, BindError> {
    let layout::Durable {
        stream,
        name: consumer,
        config,
    } = layout::durable(&streams.inbound, &streams.consumer);
    let subject = format!("CONSUMER.INFO.{stream}.{consumer}");
    let response = super::jetstream(client.clone(), nats)
        .request(subject.clone(), &serde_json::json!({}))
        .await;
    let info: consumer::Info = match response {
        Ok(Response::Ok(info)) => info,
        Ok(Response::Err { error }) if is_not_found(&error) => {
            return Err(BindError::Missing { stream, consumer });
        }
        Ok(Response::Err { error }) => return Err(BindError::Refused(error)),
        Err(error) => {
            let subject = format!("{}.{subject}", nats.api_prefix);
            return Err(match error.kind() {
                RequestErrorKind::NoResponders => BindError::NotImported { subject },
                RequestErrorKind::TimedOut => BindError::NoAnswer { subject },
                _ => BindError::Request(error),
            });
        }
    };

    let differences =
        difference::consumer_differences(&config.into_consumer_config(), &info.config);
    if !differences.is_empty() {
        return Err(BindError::Differs {
            stream,
            consumer,
            differences,
        });
    }
    Ok(Binding {
        stream,
        consumer,
        ack_wait: info.config.ack_wait,
        max_ack_pending: info.config.max_ack_pending.try_into().unwrap_or(0),
        pending: info.num_pending,
        ack_pending: info.num_ack_pending as u64,
    })
}

pub(super) fn is_not_found(error: &jetstream::Error) -> bool {
    [
        ErrorCode::STREAM_NOT_FOUND,
        ErrorCode::CONSUMER_NOT_FOUND,
        ErrorCode::CONSUMER_DOES_NOT_EXIST,
    ]
    .contains(&error.error_code())
}
