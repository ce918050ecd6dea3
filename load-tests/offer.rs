//! The carriers' side: receipts handed in, each confirmed by the stream.

pub(crate) mod profile;

use std::collections::VecDeque;
use std::future::IntoFuture as _;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use async_nats::jetstream::{self, context::PublishAckFuture};
use async_nats::{Client, Subject};
use dlr::clock::Clock;
use hdrhistogram::Histogram;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::events::LATENCY_MAX;
use crate::progress::Bar;
use crate::receipts::{Encoding, payload};

/// Receipts published and not yet confirmed.
const WINDOW: usize = 4_096;
const CONFIRM_MAX: Duration = Duration::from_secs(30);

/// A receipt that the stream has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Offered {
    /// Of its message.
    pub(crate) number: u64,
    pub(crate) sequence: u64,
}

/// The trusted gateway.
pub(crate) struct Gateway {
    context: jetstream::Context,
    subject: Subject,
    encoding: Encoding,
}

impl Gateway {
    pub(crate) fn new(client: Client, subject: &str, encoding: Encoding) -> Self {
        Self {
            context: jetstream::ContextBuilder::new()
                .ack_timeout(CONFIRM_MAX)
                // The window paces a backlog, and nothing may pace a schedule.
                .max_ack_inflight(1_000_000)
                .build(client),
            subject: subject.into(),
            encoding,
        }
    }

    async fn publish(&self, number: u64) -> anyhow::Result<PublishAckFuture> {
        let payload = payload(number, self.encoding, Clock.now());
        let published = self.context.publish(self.subject.clone(), payload).await;
        published.context("cannot publish a receipt")
    }

    /// Publishes as fast as it goes.
    pub(crate) async fn backlog(&self, numbers: &[u64]) -> anyhow::Result<Vec<Offered>> {
        let mut offered = Vec::with_capacity(numbers.len());
        let mut waiting = VecDeque::with_capacity(WINDOW);
        let mut bar = Bar::new("backlog", numbers.len() as u64);
        for &number in numbers {
            if waiting.len() == WINDOW {
                offered.extend(confirmed(waiting.pop_front()).await?);
                bar.at(offered.len() as u64);
            }
            waiting.push_back((number, self.publish(number).await?));
        }
        while !waiting.is_empty() {
            offered.extend(confirmed(waiting.pop_front()).await?);
        }
        Ok(offered)
    }

    /// Publishes each at its time after `start`, waiting for nothing; what is overdue goes at once.
    /// Returns also how late the generator itself was, in microseconds.
    pub(crate) async fn schedule(
        self,
        plan: Vec<(Duration, u64)>,
        start: Instant,
    ) -> anyhow::Result<(Vec<Offered>, Histogram<u64>)> {
        // Room for all: nothing may hold the schedule up.
        let (out, mut published) = mpsc::channel(plan.len().max(1));
        let runtime = Handle::current();
        // The connection ends with its last handle, and the last confirmations come after that of
        // the publisher.
        let connection = self.context.clone();
        // A thread of its own: the runtime's timer knows milliseconds only.
        let publisher = tokio::task::spawn_blocking(move || {
            let mut late = Histogram::<u64>::new_with_max(LATENCY_MAX, 3)?;
            for (at, number) in plan {
                let due = start + at;
                if let Some(wait) = due.checked_duration_since(Instant::now()) {
                    std::thread::sleep(wait);
                }
                let behind = due.elapsed().as_micros();
                late.saturating_record(u64::try_from(behind)?.max(1));
                let confirmation = runtime.block_on(self.publish(number))?;
                out.try_send((number, confirmation))?;
            }
            anyhow::Ok(late)
        });
        let mut offered = Vec::new();
        while let Some(waiting) = published.recv().await {
            offered.extend(confirmed(Some(waiting)).await?);
        }
        drop(connection);
        Ok((offered, publisher.await??))
    }
}

async fn confirmed(waiting: Option<(u64, PublishAckFuture)>) -> anyhow::Result<Option<Offered>> {
    let Some((number, confirmation)) = waiting else {
        return Ok(None);
    };
    let confirmation = confirmation.into_future().await;
    let sequence = confirmation
        .context("a receipt was not confirmed")?
        .sequence;
    Ok(Some(Offered { number, sequence }))
}
