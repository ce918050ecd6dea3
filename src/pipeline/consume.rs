//! Pulls envelopes from the durable consumer, as many as there is room for and never more.
//!
//! The pull protocol is spoken directly: the client library's stream asks for the next batch
//! whenever half of the last one is used up, held or not, so its buffer would age while PostgreSQL
//! is away. Here the server is asked only for what can be held, and what is held is kept alive.

mod pulls;

use std::convert::Infallible;
use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::connection::State;
use async_nats::{Client, Message, StatusCode, Subject};
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::mpsc;
use tokio::task::yield_now;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

pub(super) use self::pulls::Way;
use self::pulls::{LOST_AFTER, Pulls};
use super::decode::decode;
use super::envelope::{Envelope, Holdings, Item};
use super::lane_of;
use super::settle::IN_PROGRESS;
use crate::broker::ack::Ack;
use crate::carriers::Carriers;
use crate::lifecycle::Member;
use crate::receipt::ids::Identity;
use crate::telemetry::metrics::Metrics;

/// After a refusal, and between two looks for pulls that are lost.
const PAUSE: Duration = Duration::from_millis(500);

const ANSWERS_NO_PULL: &str = "it answers no pull";

/// The consumer this process is bound to.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) stream: Arc<str>,
    pub(super) consumer: String,
    pub(super) inbound_subject: Arc<str>,
    /// `<API prefix>.CONSUMER.MSG.NEXT.<stream>.<consumer>`
    pub(super) next_subject: Subject,
    pub(super) way: Way,
}

/// Takes envelopes in, decodes them and hands each to its lane.
pub(super) struct Intake {
    pub(super) client: Client,
    pub(super) carriers: Arc<Carriers>,
    pub(super) target: Target,
    pub(super) holdings: Arc<Holdings>,
    pub(super) lanes: Vec<mpsc::Sender<Item>>,
    /// Most envelopes asked for and not come yet.
    pub(super) pull_max: usize,
    pub(super) metrics: Arc<Metrics>,
    pub(super) health: Member,
}

/// The client has given the connection up for good; only a new one helps.
#[derive(Debug, thiserror::Error)]
#[error("the connection for receipts is closed")]
pub(super) struct Closed;

impl Intake {
    /// Pulls until `stop`, then takes what is still to come.
    pub(super) async fn run(self, stop: CancellationToken) -> Result<(), Closed> {
        loop {
            let pulls = Pulls::subscribe(&self.client).await;
            let mut pulls = pulls.map_err(|_subscribe| Closed)?;
            self.pull(&mut pulls, &stop).await?;
            if stop.is_cancelled() {
                return self.finish(pulls).await;
            }
            // An answer that comes so late must not count for a younger pull: it would pass for a fresh
            // one. What is on its way to the old inbox comes again after `ack_wait`.
            self.holdings.give_back(pulls.awaited());
        }
    }

    /// Pulls until `stop` or until the server has been silent for too long.
    async fn pull(&self, pulls: &mut Pulls, stop: &CancellationToken) -> Result<(), Closed> {
        let half = self.pull_size();
        let mut watch = interval(PAUSE);
        watch.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // The library keeps what is published while it has no connection: pulls that nobody waits
            // for any more would take envelopes when it has one again.
            let wants_more = pulls.awaited() <= half && self.is_connected();
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                message = pulls.replies.next() => {
                    if !self.take_all(message.ok_or(Closed)?, pulls).await? {
                        sleep(PAUSE).await;
                    }
                }
                room = self.holdings.reserve(narrow(half)), if wants_more => {
                    room.map_err(|_never_closed| Closed)?;
                    if pulls.awaited() == 0 {
                        pulls.heard = Instant::now();
                    }
                    let Target { next_subject, way, .. } = &self.target;
                    let asked = pulls.ask(&self.client, next_subject, *way, half);
                    asked.await.map_err(|_publish| Closed)?;
                }
                _ = watch.tick() => {
                    if pulls.has_lost() {
                        // Some are lost with every connection.
                        if pulls.heard.elapsed() > LOST_AFTER {
                            self.report(pulls, Err("the server does not answer pulls"));
                        }
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Whether what is published now can reach the server now.
    fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// How many envelopes are asked for at a time.
    fn pull_size(&self) -> usize {
        (self.pull_max / 2).max(1)
    }

    /// Asks for nothing more, but takes what was asked for: an open pull cannot be taken back, and
    /// an envelope that is sent to an inbox where nobody reads comes again only after `ack_wait`.
    async fn finish(&self, mut pulls: Pulls) -> Result<(), Closed> {
        let answers = async {
            while pulls.awaited() > 0 {
                let message = pulls.replies.next().await.ok_or(Closed)?;
                self.take(message, &mut pulls).await;
            }
            Ok(())
        };
        timeout(LOST_AFTER, answers).await.unwrap_or(Ok(()))
    }

    /// Takes a message and everything that waits behind it. False when the server refuses to
    /// serve, so that it is not asked in a hot loop.
    async fn take_all(&self, message: Message, pulls: &mut Pulls) -> Result<bool, Closed> {
        pulls.heard = Instant::now();
        let mut served = self.take(message, pulls).await;
        while let Some(message) = pulls.replies.next().now_or_never() {
            served &= self.take(message.ok_or(Closed)?, pulls).await;
        }
        Ok(served)
    }

    /// Takes the answer to a pull: an envelope, or word that there is none. What answers no pull
    /// takes no room and gives none back, so that nobody can widen the bound by writing to us.
    async fn take(&self, message: Message, pulls: &mut Pulls) -> bool {
        let Some(status) = message.status else {
            if let Some(envelope) = self.envelope(message, pulls) {
                self.report(pulls, Ok(()));
                self.hand_over(envelope).await;
            }
            return true;
        };
        if pulls.awaited() == 0 {
            self.ignore(ANSWERS_NO_PULL);
            return true;
        }
        let missing = pulls.ended(&message, self.target.way, self.pull_size());
        self.holdings.give_back(missing);
        let fault = match status {
            StatusCode::TIMEOUT | StatusCode::NOT_FOUND => None,
            StatusCode::NO_RESPONDERS => {
                Some("nobody answers pulls: is the consumer provisioned?".to_owned())
            }
            _ => {
                let description = message.description.as_deref().unwrap_or("no reason given");
                Some(format!("the server refuses pulls: {description}"))
            }
        };
        self.report(pulls, fault.as_deref().map_or(Ok(()), Err));
        fault.is_none()
    }

    fn report(&self, pulls: &mut Pulls, result: Result<(), &str>) {
        if !(pulls.healthy && result.is_ok()) {
            pulls.healthy = result.is_ok();
            self.health.set(result.map_err(str::to_owned));
        }
    }

    async fn hand_over(&self, envelope: Envelope) {
        let started = Instant::now();
        let profiles = self.carriers.current();
        let item = decode(envelope, &self.target.inbound_subject, &profiles);
        self.metrics.stage_seconds.decode.record(started.elapsed());
        let lane = &self.lanes[lane_of(&item, self.lanes.len())];
        if lane.send(item).await.is_err() {
            tracing::debug!("a lane is closed; an envelope is left to be delivered again");
        }
    }

    fn ignore(&self, because: impl Display) {
        self.metrics.foreign_envelopes.increment(1);
        tracing::warn!(%because, "ignored a message that is none of our consumer's");
    }

    /// An envelope of our consumer; anything else has no business here and is not answered.
    fn envelope(&self, message: Message, pulls: &mut Pulls) -> Option<Envelope> {
        let reply = message.reply.unwrap_or_else(|| Subject::from_static(""));
        let ack = match Ack::parse(&reply, &self.target.stream, &self.target.consumer) {
            Ok(ack) => ack,
            Err(error) => {
                self.ignore(error);
                return None;
            }
        };
        let Some(taken) = pulls.answered() else {
            self.ignore(ANSWERS_NO_PULL);
            return None;
        };
        if ack.deliveries > 1 {
            self.metrics.redeliveries.increment(1);
        }
        let identity = Identity {
            stream: Arc::clone(&self.target.stream),
            sequence: ack.stream_seq,
            stored_ns: ack.stored_ns,
        };
        let deliveries = ack.deliveries;
        Some(Envelope {
            identity,
            payload: message.payload,
            subject: message.subject,
            deliveries,
            taken,
            hold: self.holdings.hold(reply, taken),
        })
    }
}

fn narrow(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Tells the server of envelopes that take long (PostgreSQL slow or away), so that an outage does
/// not become a storm of redeliveries to ourselves.
pub(super) async fn keep_alive(
    client: Client,
    holdings: Arc<Holdings>,
    ack_wait: Duration,
    stop: CancellationToken,
) -> Result<(), Infallible> {
    // What the client has no room for at one of these is told at the next; a dozen are left before the
    // server delivers it again.
    let mut ticks = interval(ack_wait / 30);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let tell = |reply| {
        let told = client.publish(reply, IN_PROGRESS).now_or_never();
        told.is_some_and(|told| told.is_ok())
    };
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let mut place = 0;
        while let Some(next) = holdings.tell_overdue(place, ack_wait / 2, tell) {
            place = next;
            yield_now().await;
        }
    }
    Ok(())
}
