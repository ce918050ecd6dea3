//! Publishes events and waits until their streams have them.
//!
//! Every lane has a reply inbox of its own and one subscription for all confirmations. The client
//! library's publish would cost a future, a timer and some ten allocations an event, and keeps an
//! entry for every confirmation that never comes.

mod confirmation;
mod packing;
mod replies;
mod round;

use std::time::Duration;

use async_nats::client::PublishErrorKind;
use async_nats::header::{HeaderName, NATS_MESSAGE_ID};
use async_nats::{Client, HeaderMap, Message, Subject, Subscriber};
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

pub(crate) use self::packing::Packing;
use self::packing::{Parcel, parcels};
use self::replies::Replies;
use self::round::Round;
use crate::config::Config;
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
#[derive(Debug, Clone, thiserror::Error)]
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

/// What became of one message: events of one kind.
pub(crate) struct Heard {
    pub(crate) kind: EventKind,
    pub(crate) events: u64,
    pub(crate) result: Result<(), PublishFault>,
}

/// What a publisher may do at most.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// Messages.
    pub(crate) in_flight_max: usize,
    pub(crate) timeout: Duration,
    pub(crate) packing: Packing,
}

impl Limits {
    pub(crate) fn of(config: &Config) -> Self {
        Self {
            in_flight_max: config.pipeline.publish_in_flight_max,
            timeout: config.pipeline.publish_timeout,
            packing: Packing::of(config.events.pack),
        }
    }
}

/// Longest pause between two attempts while something is wrong.
const PAUSE_MAX: Duration = Duration::from_secs(2);
const PAUSE_MIN: Duration = Duration::from_millis(50);

/// One lane's way out, or the sweeper's, or a replay's.
pub(crate) struct Publisher {
    client: Client,
    outputs: Outputs,
    limits: Limits,
    content_type: HeaderMap,
    replies: Replies,
    confirmations: Subscriber,
}

impl Publisher {
    pub(crate) async fn open(
        client: Client,
        outputs: Outputs,
        limits: Limits,
    ) -> Result<Self, async_nats::SubscribeError> {
        let replies = Replies::of(&client.new_inbox());
        let confirmations = client.subscribe(replies.all()).await?;
        let mut content_type = HeaderMap::new();
        let name = HeaderName::from_static("Content-Type");
        content_type.insert(name, limits.packing.content_type());
        Ok(Self {
            client,
            outputs,
            limits,
            content_type,
            replies,
            confirmations,
        })
    }

    /// Publishes `events` and returns when every one is confirmed, however long that takes.
    /// `report` hears of each confirmation and each fault.
    ///
    /// What was made one message stays one, with its id, for as long as this lasts.
    pub(crate) async fn confirm(
        &mut self,
        events: &[Event],
        mut report: impl FnMut(Heard),
    ) -> Result<(), Closed> {
        let parcels = parcels(events, self.limits.packing, self.client.max_payload());
        let mut round = Round::of(parcels);
        let mut pause = PAUSE_MIN;
        while !round.is_over() {
            if round.is_spent() {
                sleep(pause).await;
                pause = (pause * 2).min(PAUSE_MAX);
                round.again();
            }
            self.send(&mut round, &mut report).await?;
            self.listen(&mut round, &mut report).await?;
        }
        Ok(())
    }

    /// Publishes what may be published now.
    async fn send(
        &mut self,
        round: &mut Round<'_>,
        report: &mut impl FnMut(Heard),
    ) -> Result<(), Closed> {
        while round.under_way() < self.limits.in_flight_max
            && let Some((at, reply)) = round.next(&mut self.replies)
        {
            let parcel = round.parcel(at);
            let subject = &self.outputs.of(parcel.kind()).subject;
            let published = self.client.publish_with_reply_and_headers(
                subject.clone(),
                reply,
                headers(&self.content_type, parcel.id()),
                parcel.body(),
            );
            match published.await {
                Ok(()) => round.sent(at),
                Err(error) if error.kind() == PublishErrorKind::MaxPayloadExceeded => {
                    report(parcel.heard(Err(PublishFault::TooLarge(subject.clone()))));
                    round.too_large(at);
                }
                Err(_) => return Err(Closed),
            }
        }
        Ok(())
    }

    /// Waits for a confirmation, if any is due, and takes those that have come with it: a timer for
    /// each wait and not for each of them.
    async fn listen(
        &mut self,
        round: &mut Round<'_>,
        report: &mut impl FnMut(Heard),
    ) -> Result<(), Closed> {
        if round.under_way() == 0 {
            return Ok(());
        }
        let waited = self.limits.timeout;
        let Ok(mut message) = timeout(waited, self.confirmations.next()).await else {
            // Silence rarely concerns one event alone, and what comes late will be a stray.
            for at in round.give_up() {
                let parcel = round.parcel(at);
                let stream = self.outputs.of(parcel.kind()).stream.clone();
                report(parcel.heard(Err(PublishFault::Silent { stream, waited })));
            }
            return Ok(());
        };
        loop {
            self.take(&message.ok_or(Closed)?, round, report);
            match self.confirmations.next().now_or_never() {
                Some(next) => message = next,
                None => return Ok(()),
            }
        }
    }

    fn take(&self, message: &Message, round: &mut Round<'_>, report: &mut impl FnMut(Heard)) {
        let Some(number) = self.replies.number(&message.subject) else {
            return;
        };
        // `None` is about an attempt that was given up.
        let Some(kind) = round.awaited(number) else {
            return;
        };
        match confirmation::check(message, self.outputs.of(kind)) {
            Ok(sequence) => {
                for at in round.confirmed(number, sequence) {
                    report(round.parcel(at).heard(Ok(())));
                }
            }
            Err(fault) => {
                for at in round.refused(number) {
                    report(round.parcel(at).heard(Err(fault.clone())));
                }
            }
        }
    }
}

fn headers(content_type: &HeaderMap, id: Uuid) -> HeaderMap {
    let mut text = Uuid::encode_buffer();
    let id: &str = id.hyphenated().encode_lower(&mut text);
    let mut headers = content_type.clone();
    headers.insert(NATS_MESSAGE_ID, id);
    headers
}

impl Parcel<'_> {
    fn heard(&self, result: Result<(), PublishFault>) -> Heard {
        Heard {
            kind: self.kind(),
            events: self.events(),
            result,
        }
    }
}
