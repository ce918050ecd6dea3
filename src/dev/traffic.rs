//! Simulated carriers: an open loop that publishes on time, whatever the processor does, and keeps
//! every receipt until the stream has confirmed it (CONTRACT §2).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_nats::jetstream::{self, context::PublishAckFuture};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::messages::{Announce, Due, Extent};
use super::scenario::{DIRECT, Door, Planned, Scenario, Schedule};

/// Receipts published and not yet confirmed; at the bound the publisher waits and falls behind.
const WINDOW: usize = 4_096;
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(5);
/// With the time-outs above some minutes of a broker that does not answer.
const ATTEMPTS: u32 = 30;
const PAUSE_BEFORE_REPEAT: Duration = Duration::from_millis(200);
/// How often the table filler hears how far the stories are told.
const TELL_EVERY: u64 = 256;

/// The carriers' connections and subjects.
pub struct Carriers {
    gateway: jetstream::Context,
    direct: jetstream::Context,
    stream: String,
    subject: String,
    direct_subject: String,
}

/// One receipt that the stream has confirmed.
#[derive(Debug, Clone, Copy)]
pub struct Receipt {
    pub sequence: u64,
    pub story: u64,
    pub step: u8,
}

/// Everything that was handed in.
#[derive(Debug, Default)]
pub struct Published {
    pub confirmed: Vec<Receipt>,
    /// Given up without a confirmation; whether the stream holds them is unknown.
    pub unconfirmed: Vec<(u64, u8)>,
    /// Published again for want of a confirmation: the stream may hold both.
    pub repeated: u64,
}

/// The publisher's own counts, for the view.
#[derive(Debug, Default)]
pub struct Progress {
    published: AtomicU64,
    confirmed: AtomicU64,
    behind_ms: AtomicU64,
}

impl Progress {
    pub fn published(&self) -> u64 {
        self.published.load(Ordering::Relaxed)
    }

    pub fn confirmed(&self) -> u64 {
        self.confirmed.load(Ordering::Relaxed)
    }

    /// How late the newest receipt was handed in, against the plan.
    pub fn behind(&self) -> Duration {
        Duration::from_millis(self.behind_ms.load(Ordering::Relaxed))
    }
}

enum Outcome {
    Confirmed { receipt: Receipt, repeated: u64 },
    GivenUp { story: u64, step: u8, repeated: u64 },
}

type Confirmation = BoxFuture<'static, Outcome>;

impl Carriers {
    /// `gateway` and `direct` log in to the accounts of the trusted gateway and of the carrier.
    pub fn new(
        gateway: async_nats::Client,
        direct: async_nats::Client,
        stream: &str,
        subject: &str,
    ) -> Self {
        let context = |client| {
            jetstream::ContextBuilder::new()
                .ack_timeout(CONFIRM_TIMEOUT)
                // Above our own window, which is the one that paces.
                .max_ack_inflight(2 * WINDOW)
                .build(client)
        };
        Self {
            gateway: context(gateway),
            direct: context(direct),
            stream: stream.to_owned(),
            subject: subject.to_owned(),
            direct_subject: format!("{subject}.{}", DIRECT.name),
        }
    }

    /// Publishes on schedule until `stop`, then waits for what is not confirmed yet.
    pub async fn run(
        &self,
        scenario: &Scenario,
        extent: &Extent,
        announce: Announce,
        progress: &Progress,
        stop: &CancellationToken,
    ) -> Published {
        let mut published = Published::default();
        let mut waiting: FuturesUnordered<Confirmation> = FuturesUnordered::new();
        let mut filled = extent.filled.subscribe();
        if wait_until_filled(&mut filled, 0, stop).await.is_err() {
            return published;
        }
        let start = Instant::now();
        for planned in Schedule::new(scenario.clone()) {
            let due = start + planned.at;
            loop {
                tokio::select! {
                    biased;
                    () = stop.cancelled() => return self.finish(waiting, published, progress).await,
                    Some(outcome) = waiting.next() => published.note(&outcome, progress),
                    () = sleep_until(due), if waiting.len() < WINDOW => break,
                }
            }
            let story = planned.story.number;
            if planned.step == 0 {
                if story.is_multiple_of(TELL_EVERY) {
                    extent.told.send_replace(story + TELL_EVERY);
                }
                if wait_until_filled(&mut filled, story, stop).await.is_err() {
                    break;
                }
            }
            let late = u64::try_from(due.elapsed().as_millis()).unwrap_or(u64::MAX);
            progress.behind_ms.store(late, Ordering::Relaxed);
            let kind = planned.story.kind;
            waiting.push(self.publish(planned).await);
            progress.published.fetch_add(1, Ordering::Relaxed);
            if let Some(way) = announce.way(kind) {
                let due = Due {
                    story,
                    published_at: Instant::now(),
                };
                // Fails only when the table filler has failed, which ends the run by itself.
                let _gone = way.send(due).await.is_err();
            }
        }
        self.finish(waiting, published, progress).await
    }

    async fn finish(
        &self,
        mut waiting: FuturesUnordered<Confirmation>,
        mut published: Published,
        progress: &Progress,
    ) -> Published {
        while let Some(outcome) = waiting.next().await {
            published.note(&outcome, progress);
        }
        published
    }

    /// Hands one receipt in, in the order of the calls; the result waits for its confirmation.
    async fn publish(&self, planned: Planned) -> Confirmation {
        let (context, subject) = match planned.story.carrier.door {
            Door::Gateway => (self.gateway.clone(), self.subject.clone()),
            Door::Carrier => (self.direct.clone(), self.direct_subject.clone()),
        };
        let payload = planned.story.payload(planned.step);
        let first = context.publish(subject.clone(), payload.clone()).await;
        let stream = self.stream.clone();
        let (story, step) = (planned.story.number, planned.step);
        Box::pin(async move {
            let mut repeated = 0;
            let mut attempt = first;
            loop {
                if let Some(sequence) = confirmation(attempt, &stream).await {
                    let receipt = Receipt {
                        sequence,
                        story,
                        step,
                    };
                    return Outcome::Confirmed { receipt, repeated };
                }
                if repeated == u64::from(ATTEMPTS) {
                    return Outcome::GivenUp {
                        story,
                        step,
                        repeated,
                    };
                }
                repeated += 1;
                sleep(PAUSE_BEFORE_REPEAT).await;
                attempt = context
                    .publish(subject.clone(), Bytes::clone(&payload))
                    .await;
            }
        })
    }
}

impl Published {
    fn note(&mut self, outcome: &Outcome, progress: &Progress) {
        match outcome {
            Outcome::Confirmed { receipt, repeated } => {
                self.confirmed.push(*receipt);
                self.repeated += repeated;
                progress.confirmed.fetch_add(1, Ordering::Relaxed);
            }
            Outcome::GivenUp {
                story,
                step,
                repeated,
            } => {
                self.unconfirmed.push((*story, *step));
                self.repeated += repeated;
            }
        }
    }
}

/// The sequence, if it was the right stream that confirmed.
async fn confirmation(
    attempt: Result<PublishAckFuture, jetstream::context::PublishError>,
    stream: &str,
) -> Option<u64> {
    let ack = attempt.ok()?.await.ok()?;
    (ack.stream == stream).then_some(ack.sequence)
}

/// An error means: stopped meanwhile, or no table filler any more.
async fn wait_until_filled(
    filled: &mut tokio::sync::watch::Receiver<u64>,
    story: u64,
    stop: &CancellationToken,
) -> Result<(), ()> {
    tokio::select! {
        biased;
        () = stop.cancelled() => Err(()),
        filled = filled.wait_for(|filled| *filled > story) => filled.map(drop).map_err(drop),
    }
}
