//! A receipt's way, stage by stage, in the order of the alphabet:
//!
//! | stage | takes | gives | the only stage that |
//! |---|---|---|---|
//! | [`consume`] | JetStream pulls | envelopes | touches the subscription |
//! | [`decode`] | an envelope | a receipt or a rejection | sees unvalidated input |
//! | [`gather`] | receipts | batches | waits for receipts |
//! | [`matching`] | a batch | committed outcomes | updates messages |
//! | [`park`] | an unmatched receipt | a sealed row | seals payloads |
//! | [`publish`] | events | confirmations | publishes |
//! | [`settle`] | an outcome | ack, delay or termination | acknowledges |
//!
//! `hash(carrier, operator message id)` chooses one of a few lanes, so receipts of one message go
//! one way in order. Everything is bounded by the room of [`envelope::Holdings`]: without room
//! there is no pull, and the backlog stays in JetStream.

mod consume;
pub mod count;
pub(crate) mod decode;
mod early;
pub mod envelope;
mod gather;
mod lane;
pub mod matching;
pub mod park;
pub(crate) mod publish;
mod settle;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use async_nats::{Client, Subject, SubscribeError};
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

use self::consume::{Intake, Target, Way, keep_alive};
use self::early::EarlyBudget;
use self::envelope::{Holdings, Item};
use self::gather::Queue;
use self::lane::{Delivery, Lane};
use self::matching::candidates::Reach;
pub use self::matching::groups::GroupSwitch;
use self::matching::{Matching, Rules};
use self::publish::Publisher;
pub use self::publish::{Output, Outputs};
use crate::broker::Binding;
use crate::carriers::Carriers;
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::events::Source;
use crate::lifecycle::{Member, SharedPart, Tasks};
use crate::seal::KeyRing;
use crate::store::connect::Connector;
use crate::store::{Session, StoreError};
use crate::telemetry::metrics::Metrics;

/// What the pipeline stands on, all of it working when it is built.
pub struct Foundation {
    /// Envelopes in and settlements out.
    pub intake: Client,
    /// Events out. A connection of its own: confirmations in flight starve deliveries.
    pub publish: Client,
    pub binding: Binding,
    pub connector: Arc<Connector>,
    pub ring: Arc<KeyRing>,
    pub carriers: Arc<Carriers>,
    pub groups: Arc<GroupSwitch>,
    pub metrics: Arc<Metrics>,
    /// PostgreSQL, on which each lane reports as a member from 1 on.
    pub database: SharedPart,
    /// The consumer, on which the intake reports.
    pub consumer: Member,
    /// The output streams, on which each lane reports as a member from 1 on.
    pub outgoing: SharedPart,
}

/// What all lanes share.
struct Shared {
    ack_wait: Duration,
    connector: Arc<Connector>,
    metrics: Arc<Metrics>,
    tasks: Tasks,
    clock: Clock,
    /// Fires when the last lane has let go: from then on there is nothing to keep alive.
    _finished: DropGuard,
}

impl Shared {
    async fn open_session(&self) -> Result<Session, StoreError> {
        let connected = self.connector.connect_on(&self.tasks).await;
        let client = connected.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Session::open(client).await
    }
}

/// Starts every stage on `tasks`. The soft stop ends the intake; the lanes end when they have
/// finished what they hold. Returns what is held, for the gauges.
pub async fn start(
    config: &Config,
    foundation: Foundation,
    tasks: &Tasks,
) -> Result<Arc<Holdings>, SubscribeError> {
    let limits = &config.pipeline;
    let holdings = Holdings::new(limits.in_flight_max);
    let Foundation {
        intake,
        publish,
        binding,
        connector,
        ring,
        carriers,
        groups,
        metrics,
        database,
        consumer,
        outgoing,
    } = foundation;
    let finished = CancellationToken::new();
    let shared = Arc::new(Shared {
        ack_wait: binding.ack_wait,
        connector,
        metrics: Arc::clone(&metrics),
        tasks: tasks.clone(),
        clock: Clock,
        _finished: finished.clone().drop_guard(),
    });
    let mut lanes = Vec::with_capacity(limits.lanes);
    for number in 1..=limits.lanes {
        // Room for all that may be held: the intake never waits for a lane.
        let (queue_in, queue) = mpsc::channel(limits.in_flight_max);
        let (out, committed) = mpsc::channel(1);
        let early = EarlyBudget::new(
            limits.early_waiting_max / limits.lanes,
            limits.early_delay,
            Arc::clone(&holdings),
        );
        let matching = Matching::new(rules(config, binding.ack_wait, &groups), &ring, early);
        let lane = Lane {
            database: database.member(number),
            shared: Arc::clone(&shared),
            queue: Queue::new(queue, limits),
            matching,
            out,
            session: None,
            connected: metrics.postgres_connected[number - 1].clone(),
        };
        let publisher = Publisher::open(
            publish.clone(),
            outputs(&config.streams),
            publish::Limits::of(config),
        )
        .await?;
        let delivery = Delivery {
            shared: Arc::clone(&shared),
            committed,
            publisher,
            intake: intake.clone(),
            holdings: Arc::clone(&holdings),
            health: outgoing.member(number),
        };
        tasks.spawn("lane", lane.run());
        tasks.spawn("delivery", delivery.run());
        lanes.push(queue_in);
    }
    let alive = keep_alive(
        intake.clone(),
        Arc::clone(&holdings),
        binding.ack_wait,
        finished,
    );
    tasks.spawn("keep-alive", alive);
    let intake = Intake {
        target: Target {
            stream: binding.stream.as_str().into(),
            inbound_subject: config.streams.inbound_subject.as_str().into(),
            next_subject: Subject::from(format!(
                "{}.CONSUMER.MSG.NEXT.{}.{}",
                config.nats.api_prefix, binding.stream, binding.consumer
            )),
            way: Way::of(&config.nats.api_prefix),
            consumer: binding.consumer,
        },
        client: intake,
        carriers,
        holdings: Arc::clone(&holdings),
        lanes,
        pull_max: limits.pull_max,
        metrics,
        health: consumer,
    };
    tasks.spawn("intake", intake.run(tasks.soft().clone()));
    Ok(holdings)
}

fn rules(config: &Config, ack_wait: Duration, groups: &Arc<GroupSwitch>) -> Rules {
    Rules {
        inbound_subject: config.streams.inbound_subject.as_str().into(),
        ack_wait,
        reach: Reach::of(&config.pipeline),
        early_delay: config.pipeline.early_delay,
        early_redeliveries: config.pipeline.early_redeliveries,
        deliveries_max: config.pipeline.deliveries_max,
        groups: Arc::clone(groups),
        source: Source::of_deployment(&config.deployment.name),
        clock: Clock,
    }
}

pub(crate) fn outputs(streams: &config::Streams) -> Outputs {
    let output = |subject: &str, stream: &str| Output {
        subject: subject.into(),
        stream: stream.to_owned(),
    };
    Outputs {
        billing: output(&streams.billing_subject, &streams.billing),
        webhook: output(&streams.webhook_subject, &streams.webhook),
        unmatched: output(&streams.unmatched_subject, &streams.unmatched),
    }
}

/// The lane of an item. Receipts of one message have one match key and so one lane; a rejected
/// payload may go anywhere.
fn lane_of(item: &Item, lanes: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    match &item.reading {
        Ok(receipt) => (receipt.carrier(), receipt.operator_message_id()).hash(&mut hasher),
        Err(_) => item.envelope.identity.sequence.hash(&mut hasher),
    }
    usize::try_from(hasher.finish() % lanes as u64).expect("a remainder of a usize")
}

#[cfg(test)]
mod tests;
