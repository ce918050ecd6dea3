//! Publishes events and waits until their streams have them.
//!
//! Every lane has a reply inbox of its own and one subscription for all confirmations. The client
//! library's publish would cost a future, a timer and some ten allocations an event, and keeps an
//! entry for every confirmation that never comes.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use async_nats::client::PublishErrorKind;
use async_nats::{Client, HeaderMap, Message, StatusCode, Subject, Subscriber};
use futures_util::StreamExt as _;
use serde::Deserialize;
use tokio::time::{sleep, timeout};

use crate::events::{Event, EventKind};

/// Where one kind of event goes, and who must confirm it.
#[derive(Debug, Clone)]
pub struct Output {
    pub subject: Subject,
    pub stream: String,
}

/// Where the events go.
#[derive(Debug, Clone)]
pub struct Outputs {
    pub billing: Output,
    pub webhook: Output,
    pub unmatched: Output,
}

impl Outputs {
    fn of(&self, kind: EventKind) -> &Output {
        match kind {
            EventKind::Billing => &self.billing,
            EventKind::Webhook => &self.webhook,
            EventKind::Unmatched => &self.unmatched,
        }
    }
}

/// Why an event is not confirmed yet. It will be published again until it is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PublishFault {
    #[error("{stream} did not confirm within {waited:?}")]
    Silent { stream: String, waited: Duration },
    #[error("{stream} refused an event: {description}")]
    Refused { stream: String, description: String },
    #[error("{subject} was stored by {found}, not by {wanted}; see `dlr provision --check`")]
    WrongStream {
        subject: Subject,
        wanted: String,
        found: String,
    },
    #[error("no stream takes {0}; run `dlr provision`")]
    NoStream(Subject),
    #[error("the confirmation of {0} cannot be read")]
    Unreadable(String),
    #[error("an event for {0} is larger than the server takes")]
    TooLarge(Subject),
}

/// The client has given the connection up for good; only a new one helps.
#[derive(Debug, thiserror::Error)]
#[error("the connection for events is closed")]
pub(crate) struct Closed;

/// What came back, by the event it is about.
enum Heard {
    Confirmed(usize),
    /// About an attempt that was given up.
    Stray,
    Fault(usize, PublishFault),
}

/// What a publisher may do at most.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    pub(crate) in_flight_max: usize,
    pub(crate) timeout: Duration,
}

/// Longest pause between two attempts while something is wrong.
const PAUSE_MAX: Duration = Duration::from_secs(2);
const PAUSE_MIN: Duration = Duration::from_millis(50);

/// One lane's way out, or the sweeper's, or a replay's.
pub(crate) struct Publisher {
    client: Client,
    outputs: Outputs,
    limits: Limits,
    inbox: String,
    confirmations: Subscriber,
    /// Counts attempts, so that a late confirmation of an earlier one is not taken for another's.
    attempts: u64,
}

impl Publisher {
    pub(crate) async fn open(
        client: Client,
        outputs: Outputs,
        limits: Limits,
    ) -> Result<Self, async_nats::SubscribeError> {
        let inbox = client.new_inbox();
        let confirmations = client.subscribe(format!("{inbox}.*")).await?;
        Ok(Self {
            client,
            outputs,
            limits,
            inbox,
            confirmations,
            attempts: 0,
        })
    }

    /// Publishes `events` and returns when every one is confirmed, however long that takes.
    /// `report` hears of each confirmation and each fault.
    pub(crate) async fn confirm(
        &mut self,
        events: &[Event],
        mut report: impl FnMut(EventKind, Result<(), PublishFault>),
    ) -> Result<(), Closed> {
        let mut round = Round::of(events.len());
        let mut pause = PAUSE_MIN;
        while !round.is_over() {
            if round.is_spent() {
                sleep(pause).await;
                pause = (pause * 2).min(PAUSE_MAX);
                round.again();
            }
            match self.step(events, &mut round).await? {
                Heard::Confirmed(at) => report(events[at].kind, Ok(())),
                Heard::Stray => {}
                Heard::Fault(at, fault) => {
                    report(events[at].kind, Err(fault));
                    round.failed.push_back(at);
                }
            }
        }
        Ok(())
    }

    /// Publishes what may be published now and hears one confirmation.
    async fn step(&mut self, events: &[Event], round: &mut Round) -> Result<Heard, Closed> {
        while round.sent.len() < self.limits.in_flight_max
            && let Some(at) = round.waiting.pop_front()
        {
            let event = &events[at];
            self.attempts += 1;
            let reply = format!("{}.{}", self.inbox, self.attempts);
            let subject = self.outputs.of(event.kind).subject.clone();
            let published = self.client.publish_with_reply_and_headers(
                subject.clone(),
                reply,
                headers(event),
                event.body.clone(),
            );
            match published.await {
                Ok(()) => round.sent.insert(self.attempts, at),
                Err(error) if error.kind() == PublishErrorKind::MaxPayloadExceeded => {
                    return Ok(Heard::Fault(at, PublishFault::TooLarge(subject)));
                }
                Err(_) => return Err(Closed),
            };
        }
        self.listen(events, round).await
    }

    async fn listen(&mut self, events: &[Event], round: &mut Round) -> Result<Heard, Closed> {
        let waited = self.limits.timeout;
        let Ok(message) = timeout(waited, self.confirmations.next()).await else {
            // Silence rarely concerns one event alone, and what comes late will be a stray.
            let mut silent = round.sent.drain().map(|(_, at)| at);
            let Some(at) = silent.next() else {
                return Ok(Heard::Stray);
            };
            round.failed.extend(silent);
            let stream = self.outputs.of(events[at].kind).stream.clone();
            return Ok(Heard::Fault(at, PublishFault::Silent { stream, waited }));
        };
        let message = message.ok_or(Closed)?;
        let attempt = message
            .subject
            .rsplit('.')
            .next()
            .and_then(|token| token.parse().ok());
        let Some(at) = attempt.and_then(|attempt: u64| round.sent.remove(&attempt)) else {
            return Ok(Heard::Stray);
        };
        Ok(match check(&message, self.outputs.of(events[at].kind)) {
            Ok(()) => Heard::Confirmed(at),
            Err(fault) => Heard::Fault(at, fault),
        })
    }
}

/// Where each event of a batch stands, by its place in the batch.
struct Round {
    waiting: VecDeque<usize>,
    /// By attempt.
    sent: HashMap<u64, usize>,
    /// To be published again when all the others have been heard of.
    failed: VecDeque<usize>,
}

impl Round {
    fn of(events: usize) -> Self {
        Self {
            waiting: (0..events).collect(),
            sent: HashMap::new(),
            failed: VecDeque::new(),
        }
    }

    fn is_over(&self) -> bool {
        self.is_spent() && self.failed.is_empty()
    }

    fn is_spent(&self) -> bool {
        self.waiting.is_empty() && self.sent.is_empty()
    }

    fn again(&mut self) {
        std::mem::swap(&mut self.waiting, &mut self.failed);
    }
}

fn headers(event: &Event) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(async_nats::header::NATS_MESSAGE_ID, event.id.to_string());
    headers.insert("Content-Type", "application/cloudevents+json");
    headers
}

/// Whether the stream that was meant has the event. A duplicate is as good: it has it already.
fn check(message: &Message, output: &Output) -> Result<(), PublishFault> {
    #[derive(Deserialize)]
    struct Confirmation {
        stream: Option<String>,
        error: Option<Refusal>,
    }
    #[derive(Deserialize)]
    struct Refusal {
        #[serde(default)]
        description: String,
    }
    if message.status == Some(StatusCode::NO_RESPONDERS) {
        return Err(PublishFault::NoStream(output.subject.clone()));
    }
    let Ok(confirmation) = serde_json::from_slice::<Confirmation>(&message.payload) else {
        return Err(PublishFault::Unreadable(output.subject.to_string()));
    };
    if let Some(Refusal { description }) = confirmation.error {
        return Err(PublishFault::Refused {
            stream: output.stream.clone(),
            description,
        });
    }
    match confirmation.stream {
        Some(stream) if stream == output.stream => Ok(()),
        found => Err(PublishFault::WrongStream {
            subject: output.subject.clone(),
            wanted: output.stream.clone(),
            found: found.unwrap_or_else(|| "nobody".to_owned()),
        }),
    }
}
