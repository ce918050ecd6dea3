//! Whether the books balance, seen from outside: every settled envelope has one disposition, every
//! decision its events, every event its receipt.
//!
//! The witnesses are the tables, read as `dlr_reader`, and the streams, seen by the account that may
//! look and nothing else. It runs beside a processor at work: what is checked are the envelopes up to
//! the consumer's ack floor, taken first, so that all that is owed for them is there before anything
//! is read; what comes in meanwhile is let pass, or looked up.
//!
//! Memory does not grow with the books (up to fifty million events): sequences are kept as runs
//! ([`sequences`]), and both sides' events are compared part by part, from temporary files ([`spill`]).

mod books;
mod compare;
mod named;
mod owed;
mod report;
mod reused;
mod scope;
mod sequences;
mod spill;
mod told;
mod unclaimed;

use std::io;

use jiff::{SignedDuration, Timestamp};
use tokio_postgres::Client;

use self::compare::{compare, find_applied_twice};
use self::owed::HeldSince;
pub use self::report::{Dispositions, Events, Gap, Gaps, Parked, Report, Sample, Tally, Verdict};
use self::scope::{Scope, held_since};
pub use self::sequences::TooManyGaps;
use self::spill::Spill;
use self::told::{Output, Read};
use crate::broker::fetch::{FetchError, Witness};
use crate::clock::Clock;
use crate::config::Config;
use crate::events::Source;
use crate::receipt::ids::EventKind;

/// For so long a decision after parking, or anew, may be without its events: the sweeper takes up every
/// hour what is left over.
const OVERDUE: SignedDuration = SignedDuration::from_hours(2);
/// Requests on their way at once: whoever checks the books has no consumer, and asks for one message
/// at a time.
const OVERLAP: usize = 128;
/// Servers of a cluster, and processors, may disagree by so much about the time.
const CLOCKS_APART: SignedDuration = SignedDuration::from_secs(10);

#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    #[error("{}", crate::store::failure::describe_query(.0))]
    Database(#[from] tokio_postgres::Error),
    #[error(transparent)]
    Stream(#[from] FetchError),
    #[error("temporary file: {0}")]
    Spill(#[from] io::Error),
    #[error(transparent)]
    Gaps(#[from] TooManyGaps),
}

/// Checks the envelopes that were stored since then; by default those that the stream still has.
pub async fn reconcile(
    config: &Config,
    since: Option<Timestamp>,
    client: &Client,
    witness: &Witness<'_>,
) -> Result<Report, ReconcileError> {
    let streams = &config.streams;
    let scope = Scope::measure(streams, since, client, witness).await?;
    let mut report = scope.report();
    let outputs = [
        (EventKind::Billing, &streams.billing),
        (EventKind::Webhook, &streams.webhook),
        (EventKind::Unmatched, &streams.unmatched),
    ];
    for (kind, stream) in outputs {
        report.events.of(kind).stream.clone_from(stream);
    }
    if scope.length() == 0 {
        report.judge();
        return Ok(report);
    }
    let mut spill = Spill::new(scope.messages().saturating_mul(3))?;
    let overdue = Clock.now().checked_sub(OVERDUE);
    let overdue = overdue.unwrap_or(Timestamp::UNIX_EPOCH);
    let open = books::read(&scope, overdue, client, &mut spill, &mut report).await?;
    open.close(&scope, client, witness, &mut report).await?;
    let source = Source::of_deployment(&config.deployment.name);
    let mut readings = Vec::new();
    for (kind, stream) in outputs {
        readings.push(Output {
            stream,
            kind,
            source: source.as_str(),
            // Only now: it holds the events of all that was read from the tables. And of all three
            // before the first is read, which may take long.
            extent: witness.extent(stream).await?,
            witness,
        });
    }
    let from = scope.from.checked_sub(CLOCKS_APART).unwrap_or(scope.from);
    for output in &readings {
        let tally = report.events.of(output.kind);
        tally.messages = output
            .read(from, |read| {
                match read {
                    Read::Event(told) => spill.tell(&told)?,
                    Read::Foreign => tally.foreign += 1,
                    Read::Unreadable(sequence) => tally.unexpected.add(sequence),
                }
                Ok(())
            })
            .await?;
    }
    // Behind the reading: what has aged out meanwhile is not missed.
    let held_since = HeldSince {
        billing: held_since(witness, &streams.billing).await?,
        webhook: held_since(witness, &streams.webhook).await?,
        unmatched: held_since(witness, &streams.unmatched).await?,
    };
    for part in spill.parts() {
        let part = part?;
        find_applied_twice(&part.claims, &mut report.applied_twice);
        let unclaimed = compare(part, held_since, &mut report.events);
        unclaimed::look_up(&unclaimed, client, &mut report.events).await?;
    }
    report.judge();
    Ok(report)
}
