//! Makes the streams and consumers, or says how they differ.
//!
//! Everything is compared before anything is changed. What the server has beyond the contract's
//! settings (description, placement, metadata) stays as it is.

use async_nats::jetstream::{
    self, Context, ErrorCode,
    consumer::{self, IntoConsumerConfig as _},
    context::RequestError,
    response::Response,
    stream,
};
use serde::Serialize;

use super::{
    bind::is_not_found,
    difference::{self, Difference},
    layout::{Durable, Layout},
};

/// One stream or consumer, and how the server's differs from the contract's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    pub kind: Kind,
    pub name: String,
    #[serde(flatten)]
    pub state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Stream,
    Consumer,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", content = "differences", rename_all = "snake_case")]
pub enum State {
    AsWanted,
    Missing,
    Differs(Vec<Difference>),
}

/// Whether a stream may be made to forget sooner than it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retention {
    Keep,
    MayLower,
}

#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    #[error(
        "{} would lose messages that it keeps today ({}); nothing was changed. \
         If that is meant: `dlr provision --lower-retention`",
        .stream,
        .differences.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    )]
    LowersRetention {
        stream: String,
        differences: Vec<Difference>,
    },
    #[error("no answer about {name}; may this certificate's user use the JetStream API?")]
    Request { name: String, source: RequestError },
    #[error(
        "JetStream has no room to {verb} {name}: lower streams.inbound_max_bytes and \
         streams.output_max_bytes, in bytes"
    )]
    NoRoom {
        verb: &'static str,
        name: String,
        source: jetstream::Error,
    },
    #[error("JetStream refuses to {verb} {name}")]
    Refused {
        verb: &'static str,
        name: String,
        source: jetstream::Error,
    },
}

/// One wanted stream beside what the server has of it.
struct ComparedStream {
    item: Item,
    /// What it is to become.
    target: stream::Config,
    /// The differences that would make it forget sooner.
    lowers: Vec<Difference>,
}

struct ComparedConsumer<'a> {
    item: Item,
    target: &'a Durable,
}

/// Compares and changes nothing.
pub async fn check(context: &Context, layout: &Layout) -> Result<Vec<Item>, ProvisionError> {
    let (streams, consumers) = compare(context, layout).await?;
    Ok(items(streams, consumers))
}

/// Makes what is missing and mends what differs; returns what it found before.
pub async fn provision(
    context: &Context,
    layout: &Layout,
    retention: Retention,
) -> Result<Vec<Item>, ProvisionError> {
    let (streams, consumers) = compare(context, layout).await?;
    if retention == Retention::Keep {
        streams.iter().try_for_each(refuse_lower_retention)?;
    }
    for ComparedStream { item, target, .. } in &streams {
        let verb = match item.state {
            State::AsWanted => continue,
            State::Missing => "create",
            State::Differs(_) => "update",
        };
        let subject = format!("STREAM.{}.{}", verb.to_uppercase(), item.name);
        let _: stream::Info = ask(context, verb, &item.name, subject, target).await?;
    }
    for ComparedConsumer { item, target } in &consumers {
        let (verb, action) = match item.state {
            State::AsWanted => continue,
            State::Missing => ("create", "create"),
            State::Differs(_) => ("update", "update"),
        };
        let subject = format!("CONSUMER.CREATE.{}.{}", target.stream, target.name);
        let body = serde_json::json!({
            "stream_name": target.stream,
            "config": target.config.clone().into_consumer_config(),
            "action": action,
        });
        let _: consumer::Info = ask(context, verb, &item.name, subject, &body).await?;
    }
    Ok(items(streams, consumers))
}

type Compared<'a> = (Vec<ComparedStream>, Vec<ComparedConsumer<'a>>);

async fn compare<'a>(
    context: &Context,
    layout: &'a Layout,
) -> Result<Compared<'a>, ProvisionError> {
    let mut streams = Vec::new();
    for wanted in &layout.streams {
        let found: Option<stream::Info> = find(
            context,
            &wanted.name,
            format!("STREAM.INFO.{}", wanted.name),
        )
        .await?;
        let state = state(found.as_ref(), |found| {
            difference::stream_differences(wanted, &found.config)
        });
        let item = Item {
            kind: Kind::Stream,
            name: wanted.name.clone(),
            state,
        };
        let (target, lowers) = match found {
            Some(found) => {
                let lowers = difference::lowered_limits(wanted, &found.config);
                (keeping_the_operators(wanted, found.config), lowers)
            }
            None => (wanted.clone(), Vec::new()),
        };
        streams.push(ComparedStream {
            item,
            target,
            lowers,
        });
    }

    let mut consumers = Vec::new();
    for wanted in &layout.consumers {
        let name = format!("{}/{}", wanted.stream, wanted.name);
        let subject = format!("CONSUMER.INFO.{}.{}", wanted.stream, wanted.name);
        let found: Option<consumer::Info> = find(context, &name, subject).await?;
        let config = wanted.config.clone().into_consumer_config();
        let state = state(found.as_ref(), |found| {
            difference::consumer_differences(&config, &found.config)
        });
        let item = Item {
            kind: Kind::Consumer,
            name,
            state,
        };
        consumers.push(ComparedConsumer {
            item,
            target: wanted,
        });
    }
    Ok((streams, consumers))
}

fn state<T>(found: Option<&T>, differences: impl FnOnce(&T) -> Vec<Difference>) -> State {
    match found.map(differences) {
        None => State::Missing,
        Some(differences) if differences.is_empty() => State::AsWanted,
        Some(differences) => State::Differs(differences),
    }
}

fn keeping_the_operators(wanted: &stream::Config, found: stream::Config) -> stream::Config {
    stream::Config {
        description: found.description,
        metadata: found.metadata,
        placement: found.placement,
        compression: found.compression,
        allow_direct: found.allow_direct,
        consumer_limits: found.consumer_limits,
        first_sequence: found.first_sequence,
        persist_mode: found.persist_mode,
        ..wanted.clone()
    }
}

/// A stream that is made smaller or shorter-lived drops messages at once, and for good.
fn refuse_lower_retention(stream: &ComparedStream) -> Result<(), ProvisionError> {
    if stream.lowers.is_empty() {
        return Ok(());
    }
    Err(ProvisionError::LowersRetention {
        stream: stream.item.name.clone(),
        differences: stream.lowers.clone(),
    })
}

fn items(streams: Vec<ComparedStream>, consumers: Vec<ComparedConsumer<'_>>) -> Vec<Item> {
    let streams = streams.into_iter().map(|it| it.item);
    streams
        .chain(consumers.into_iter().map(|it| it.item))
        .collect()
}

async fn find<T: serde::de::DeserializeOwned>(
    context: &Context,
    name: &str,
    subject: String,
) -> Result<Option<T>, ProvisionError> {
    match ask(context, "describe", name, subject, &serde_json::json!({})).await {
        Ok(info) => Ok(Some(info)),
        Err(ProvisionError::Refused { source, .. }) if is_not_found(&source) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn ask<T: serde::de::DeserializeOwned>(
    context: &Context,
    verb: &'static str,
    name: &str,
    subject: String,
    body: &impl Serialize,
) -> Result<T, ProvisionError> {
    let name = name.to_owned();
    match context.request(subject, body).await {
        Ok(Response::Ok(info)) => Ok(info),
        Ok(Response::Err { error: source })
            if source.error_code() == ErrorCode::STORAGE_RESOURCES_EXCEEDED =>
        {
            Err(ProvisionError::NoRoom { verb, name, source })
        }
        Ok(Response::Err { error: source }) => Err(ProvisionError::Refused { verb, name, source }),
        Err(source) => Err(ProvisionError::Request { name, source }),
    }
}
