//! Whether the books balance, seen from outside: every settled envelope has one disposition, every
//! decision its events, every event its receipt.
//!
//! The witnesses are the tables, read as `dlr_reader`, and the streams, seen by the account that may
//! look and nothing else. It runs beside a processor at work: what is checked are the envelopes up to
//! the consumer's ack floor, taken first, so that all that is owed for them is there before anything
//! is read; what comes in meanwhile is let pass, or looked up.
//!
//! Memory is bounded whatever the length of the books: sequences are kept as runs ([`sequences`]), and
//! both sides' events are compared part by part, from temporary files ([`spill`]).

mod books;
mod compare;
mod named;
mod owed;
mod report;
mod scope;
mod sequences;
mod spill;
mod told;
mod unclaimed;

use std::io;

use jiff::Timestamp;
use tokio_postgres::Client;

use self::compare::compare;
use self::owed::HeldSince;
pub use self::report::{Dispositions, Events, Gap, Gaps, Parked, Report, Sample, Tally, Verdict};
use self::scope::{Scope, held_since};
pub use self::sequences::TooManyGaps;
use self::spill::Spill;
use self::told::{Output, Read};
use crate::broker::fetch::{FetchError, Witness};
use crate::config::Config;
use crate::events::Source;
use crate::receipt::ids::EventKind;

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
    let outputs = [
        (EventKind::Billing, &streams.billing),
        (EventKind::Webhook, &streams.webhook),
        (EventKind::Unmatched, &streams.unmatched),
    ];
    let mut held = Vec::new();
    for (_, stream) in outputs {
        held.push(held_since(witness, stream).await?);
    }
    let [billing, webhook, unmatched] = held[..] else {
        unreachable!("three streams");
    };
    let held_since = HeldSince {
        billing,
        webhook,
        unmatched,
    };
    let mut report = scope.report();
    let mut spill = Spill::new(scope.length().saturating_mul(2))?;
    let open = books::read(&scope, held_since, client, &mut spill, &mut report).await?;
    open.close(&scope, client, witness, &mut report).await?;
    let source = Source::of_deployment(&config.deployment.name);
    for (kind, stream) in outputs {
        let output = Output {
            stream,
            kind,
            source: source.as_str(),
            // Only now: it holds the events of all that was read from the tables.
            extent: witness.extent(stream).await?,
            witness,
        };
        let tally = report.events.of(kind);
        stream.clone_into(&mut tally.stream);
        tally.messages = output
            .read(scope.from, |read| {
                match read {
                    Read::Event(told) => spill.tell(&told)?,
                    Read::Foreign => tally.foreign += 1,
                    Read::Unreadable(sequence) => tally.unexpected.add(sequence),
                }
                Ok(())
            })
            .await?;
    }
    for part in spill.parts() {
        let unclaimed = compare(part?, &mut report.events);
        unclaimed::look_up(&unclaimed, client, &mut report.events).await?;
    }
    report.judge();
    Ok(report)
}
