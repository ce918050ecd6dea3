//! The consumers' side: every event of a stream, taken by the consumer that is meant for it.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use async_nats::jetstream::consumer::pull;
use futures_util::StreamExt as _;
use hdrhistogram::Histogram;
use serde::Deserialize;
use tokio::time::timeout;
use uuid::Uuid;

use crate::messages::status;
use crate::progress::Bar;

/// Longest time that is told from longer ones, in microseconds.
pub(crate) const LATENCY_MAX: u64 = 600_000_000;
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// What is asked for at once: nats-server drops a client that has 64 MiB before it, and what was
/// on the way comes again only after `ack_wait`.
const PULL_MESSAGES: usize = 2_000;
const PULL_BYTES: usize = 8 << 20;

/// What the events of one stream say.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Messages read; fewer than events if they come packed.
    pub(crate) messages: u64,
    pub(crate) events: u64,
    /// Messages of which there is an event.
    pub(crate) numbers: HashSet<u64>,
    /// Events about a message that has one already, or under an id that is there already.
    pub(crate) double: u64,
    /// Events that cannot be read, or tell another status than the message's.
    pub(crate) wrong: u64,
    ids: HashSet<Uuid>,
}

#[derive(Deserialize)]
struct Event<'a> {
    id: Uuid,
    #[serde(borrow)]
    data: Data<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    client_ref: &'a str,
    status: &'a str,
}

impl Tally {
    /// Takes what one message holds; gives the numbers of the messages in it to `heard`.
    fn take(&mut self, payload: &[u8], mut heard: impl FnMut(u64)) {
        self.messages += 1;
        if payload.first() == Some(&b'[') {
            match serde_json::from_slice::<Vec<Event<'_>>>(payload) {
                Ok(events) => events.iter().for_each(|it| self.note(it, &mut heard)),
                Err(_) => self.wrong += 1,
            }
        } else {
            match serde_json::from_slice::<Event<'_>>(payload) {
                Ok(event) => self.note(&event, &mut heard),
                Err(_) => self.wrong += 1,
            }
        }
    }

    fn note(&mut self, event: &Event<'_>, heard: &mut impl FnMut(u64)) {
        self.events += 1;
        let Ok(number) = event.data.client_ref.parse() else {
            self.wrong += 1;
            return;
        };
        if event.data.status != status(number) {
            self.wrong += 1;
        }
        let new_id = self.ids.insert(event.id);
        if self.numbers.insert(number) && new_id {
            heard(number);
        } else {
            self.double += 1;
        }
    }
}

/// A stream and its consumer.
pub(crate) struct Reader {
    messages: pull::Stream,
}

impl Reader {
    /// `context` is of whoever may use the consumer.
    pub(crate) async fn open(
        context: &async_nats::jetstream::Context,
        stream: &str,
        consumer: &str,
    ) -> anyhow::Result<Self> {
        let consumer: async_nats::jetstream::consumer::PullConsumer = context
            .get_consumer_from_stream(consumer, stream)
            .await
            .with_context(|| format!("no consumer on {stream}"))?;
        let messages = consumer
            .stream()
            .max_messages_per_batch(PULL_MESSAGES)
            .max_bytes_per_batch(PULL_BYTES);
        Ok(Self {
            messages: messages.messages().await?,
        })
    }

    async fn next(&mut self, tally: &mut Tally, heard: impl FnMut(u64)) -> anyhow::Result<()> {
        let message = timeout(SILENCE_MAX, self.messages.next()).await;
        let message = message.context("the stream is silent")?;
        let message = message.context("the stream has ended")??;
        tally.take(&message.payload, heard);
        message
            .ack()
            .await
            .map_err(|error| anyhow::anyhow!("cannot acknowledge an event: {error}"))
    }

    /// Reads so many messages of the stream.
    pub(crate) async fn read(&mut self, tally: &mut Tally, messages: u64) -> anyhow::Result<()> {
        let mut bar = Bar::new("ledger", messages);
        while tally.messages < messages {
            self.next(tally, |_| {}).await?;
            bar.at(tally.messages);
        }
        Ok(())
    }

    /// Reads until there is an event of each of these messages, and takes the time from when each
    /// was due to its arrival, in microseconds.
    pub(crate) async fn watch(
        &mut self,
        tally: &mut Tally,
        due: &HashMap<u64, Instant>,
    ) -> anyhow::Result<Histogram<u64>> {
        let mut latency = Histogram::<u64>::new_with_max(LATENCY_MAX, 3)?;
        let mut bar = Bar::new("events", due.len() as u64);
        while latency.len() < due.len() as u64 {
            self.next(tally, |number| {
                if let Some(due) = due.get(&number) {
                    let took = due.elapsed().as_micros();
                    latency.saturating_record(u64::try_from(took).unwrap_or(u64::MAX).max(1));
                }
            })
            .await?;
            bar.at(latency.len());
        }
        Ok(latency)
    }
}
