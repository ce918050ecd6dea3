//! What a person sees of a run: on a terminal a screen, elsewhere a line a second.
//!
//! Backlog and events come from NATS and the counts from the text of `/metrics`: the view sees what
//! an operator sees, not the inside of the process that it happens to share.

mod metrics;
mod screen;

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use async_nats::jetstream::{self, consumer::Consumer, consumer::pull, stream::Stream};
use serde::Deserialize;
use tokio::time::Instant;

pub use self::metrics::Scrape;
use self::screen::Screen;
use super::scenario::Disposition;
use super::traffic::Progress;
use crate::config::Streams;

const EVENTS_SHOWN: usize = 5;

/// One look at everything.
#[derive(Debug, Default, Clone)]
pub struct Snapshot {
    pub elapsed: Duration,
    pub published: u64,
    /// How late the simulated carriers are against their plan.
    pub behind: Duration,
    /// Receipts a second since the last look, in the order of [`Disposition::ALL`].
    pub rates: [f64; 4],
    pub totals: [u64; 4],
    /// Of the parked ones, those that were matched since.
    pub matched_late: u64,
    /// Receipts in the stream that are not settled: waiting plus delivered.
    pub backlog: u64,
    /// Of these, delivered to the processor.
    pub in_flight: u64,
    pub p50: Option<Duration>,
    pub p99: Option<Duration>,
    pub events: Vec<String>,
}

/// Takes snapshots.
pub struct Sampler<'a> {
    progress: &'a Progress,
    metrics: Box<dyn Fn() -> String + 'a>,
    backlog: Backlog,
    webhook: Stream,
    webhook_subject: String,
    events: VecDeque<String>,
    last_event: u64,
    started: Instant,
    before: Option<(Instant, Scrape)>,
}

#[derive(Debug, thiserror::Error)]
#[error("cannot look at {what}: {reason}")]
pub struct SampleError {
    what: &'static str,
    reason: String,
}

impl SampleError {
    fn of(what: &'static str, error: &dyn std::error::Error) -> Self {
        Self {
            what,
            reason: error.to_string(),
        }
    }
}

/// What the consumer has not settled.
pub struct Backlog(Consumer<pull::Config>);

impl Backlog {
    /// `streams` is a connection as the reconcile user.
    pub async fn of(streams: &jetstream::Context, names: &Streams) -> Result<Self, SampleError> {
        let consumer = streams
            .get_consumer_from_stream(&names.consumer, &names.inbound)
            .await;
        consumer
            .map(Self)
            .map_err(|error| SampleError::of("the consumer", &error))
    }

    /// Receipts that are not settled, and how many of these are delivered.
    pub async fn now(&self) -> Result<(u64, u64), SampleError> {
        let info = self.0.get_info().await;
        let info = info.map_err(|error| SampleError::of("the consumer", &error))?;
        let delivered = info.num_ack_pending as u64;
        Ok((info.num_pending + delivered, delivered))
    }
}

impl<'a> Sampler<'a> {
    /// `streams` is a connection as the reconcile user, `metrics` gives the text of `/metrics`.
    pub async fn new(
        streams: &jetstream::Context,
        names: &Streams,
        progress: &'a Progress,
        metrics: impl Fn() -> String + 'a,
    ) -> Result<Self, SampleError> {
        let backlog = Backlog::of(streams, names).await?;
        let webhook = streams
            .get_stream(&names.webhook)
            .await
            .map_err(|error| SampleError::of("the webhook stream", &error))?;
        Ok(Self {
            progress,
            metrics: Box::new(metrics),
            backlog,
            webhook,
            webhook_subject: names.webhook_subject.clone(),
            events: VecDeque::new(),
            last_event: 0,
            started: Instant::now(),
            before: None,
        })
    }

    pub async fn sample(&mut self) -> Result<Snapshot, SampleError> {
        let (backlog, in_flight) = self.backlog.now().await?;
        self.look_at_newest_event().await;
        let now = Instant::now();
        let scrape = Scrape::parse(&(self.metrics)());
        let (then, before) = self
            .before
            .take()
            .unwrap_or_else(|| (self.started, Scrape::default()));
        let seconds = (now - then).as_secs_f64().max(0.001);
        let snapshot = Snapshot {
            elapsed: self.started.elapsed(),
            published: self.progress.published(),
            behind: self.progress.behind(),
            rates: Disposition::ALL.map(|it| scrape.gained(&before, it) / seconds),
            totals: Disposition::ALL.map(|it| scrape.total(it)),
            matched_late: scrape.matched_late(),
            backlog,
            in_flight,
            p50: scrape.latency_since(&before, 0.50),
            p99: scrape.latency_since(&before, 0.99),
            events: self.events.iter().cloned().collect(),
        };
        self.before = Some((now, scrape));
        Ok(snapshot)
    }

    /// An empty stream has none, and a view can do without: not worth an error.
    async fn look_at_newest_event(&mut self) {
        let newest = self
            .webhook
            .get_last_raw_message_by_subject(&self.webhook_subject)
            .await;
        let Ok(message) = newest else { return };
        if message.sequence == self.last_event {
            return;
        }
        self.last_event = message.sequence;
        if let Ok(event) = serde_json::from_slice::<Event>(&message.payload) {
            self.events.push_front(event.to_string());
            self.events.truncate(EVENTS_SHOWN);
        }
    }
}

#[derive(Deserialize)]
struct Event {
    data: EventData,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EventData {
    message_id: uuid::Uuid,
    carrier_id: String,
    previous_status: String,
    status: String,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let EventData {
            message_id,
            carrier_id,
            previous_status,
            status,
        } = &self.data;
        write!(
            f,
            "{carrier_id:<10} {previous_status} -> {status}   message {message_id}"
        )
    }
}

/// Where snapshots go: a screen if standard output is a terminal.
#[derive(Default)]
pub struct View(Option<Screen>);

impl View {
    pub fn has_terminal() -> bool {
        io::stdout().is_terminal()
    }

    /// Takes the terminal over until dropped; `notes` stay visible below the numbers.
    pub fn open(notes: Vec<String>) -> io::Result<Self> {
        Self::has_terminal()
            .then(|| Screen::open(notes))
            .transpose()
            .map(Self)
    }

    /// How often to look.
    pub fn period(&self) -> Duration {
        Duration::from_millis(if self.0.is_some() { 500 } else { 1_000 })
    }

    pub fn show(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        match &mut self.0 {
            Some(screen) => screen.draw(snapshot),
            None => writeln!(io::stdout(), "{snapshot}"),
        }
    }
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>6.1} s  published {:>8}",
            self.elapsed.as_secs_f64(),
            self.published
        )?;
        for (disposition, rate) in Disposition::ALL.into_iter().zip(self.rates) {
            write!(f, "  {} {rate:.0}/s", disposition.name())?;
        }
        write!(
            f,
            "  matched late {}  backlog {}  in flight {}",
            self.matched_late, self.backlog, self.in_flight
        )?;
        write!(f, "  p50 {}  p99 {}", latency(self.p50), latency(self.p99))
    }
}

fn latency(value: Option<Duration>) -> String {
    match value {
        None => "-".to_owned(),
        Some(value) if value < Duration::from_secs(1) => {
            format!("{:.1} ms", value.as_secs_f64() * 1e3)
        }
        Some(value) => format!("{:.2} s", value.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_goes_on() {
        let snapshot = Snapshot {
            elapsed: Duration::from_millis(2_500),
            published: 2_500,
            rates: [900.0, 50.0, 20.0, 20.0],
            matched_late: 3,
            backlog: 12,
            in_flight: 10,
            p50: Some(Duration::from_micros(4_200)),
            ..Snapshot::default()
        };
        assert_eq!(
            snapshot.to_string(),
            "   2.5 s  published     2500  applied 900/s  recorded 50/s  parked 20/s  rejected 20/s  \
             matched late 3  backlog 12  in flight 10  p50 4.2 ms  p99 -"
        );
    }
}
