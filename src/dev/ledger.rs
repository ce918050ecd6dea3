//! Reconciliation from outside: what the carriers got confirmed, what the stream holds, what the
//! tables say and what the event streams carry must be one and the same story.
//!
//! Nothing here asks the processor or uses its types: confirmations, SQL as `dlr_reader`, the streams
//! as the reconcile user, and the scenario are the witnesses.

mod books;
mod events;
mod handled;
mod report;
mod truth;

use async_nats::jetstream;
use tokio_postgres::Client;

use self::books::Books;
pub use self::events::EventCount;
pub use self::handled::Handled;
use self::truth::Truth;
pub use self::truth::{Fates, Statuses};
use super::scenario::{Disposition, Scenario};
use super::traffic::Published;
use crate::config::Streams;

#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error("reading the tables for the ledger: {0}")]
    Database(#[from] tokio_postgres::Error),
    #[error("reading stream {stream} for the ledger: {reason}")]
    Stream { stream: String, reason: String },
    #[error("the tables hold a disposition or resolution that the contract does not know: {0}")]
    UnknownDisposition(String),
}

/// How many, and the first few to look at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sample {
    pub count: u64,
    pub first: Vec<u64>,
}

impl Sample {
    const MAX: usize = 10;

    pub fn add(&mut self, example: u64) {
        self.count += 1;
        if self.first.len() < Self::MAX {
            self.first.push(example);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl FromIterator<u64> for Sample {
    fn from_iter<I: IntoIterator<Item = u64>>(examples: I) -> Self {
        let mut sample = Self::default();
        examples.into_iter().for_each(|example| sample.add(example));
        sample
    }
}

/// How those ended whose disposition is parked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Parked {
    pub matched: u64,
    pub open: u64,
}

/// What was found. Sequences are those of the inbound stream.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Receipts whose publisher has a confirmation.
    pub confirmed: u64,
    pub repeated: u64,
    pub unconfirmed: u64,
    /// Receipts in the inbound stream.
    pub stored: u64,
    /// Confirmed receipts that the inbound stream does not hold.
    pub vanished: Sample,
    /// Two confirmations for one sequence.
    pub confirmed_twice: Sample,
    /// In the order of [`Disposition::ALL`].
    pub dispositions: [u64; 4],
    pub without_disposition: Sample,
    pub with_two: Sample,
    pub parked: Parked,
    /// A late decision without its resolution, the other way round, or one of the two about a
    /// receipt that was never parked.
    pub half_resolved: Sample,
    /// Rows about sequences that the stream never had.
    pub strange_rows: Sample,
    pub fates: Fates,
    pub events: Vec<EventCount>,
    pub statuses: Statuses,
    pub handled: Handled,
}

impl Ledger {
    /// Whether every receipt is accounted for, exactly once, with the events and the final status
    /// it is due. An event stored twice under one id is within the contract.
    pub fn is_balanced(&self) -> bool {
        let nothing_amiss = [
            &self.vanished,
            &self.confirmed_twice,
            &self.without_disposition,
            &self.with_two,
            &self.half_resolved,
            &self.strange_rows,
            &self.fates.wrong,
            &self.statuses.wrong,
        ];
        self.unconfirmed == 0
            && self.consumed() == self.stored
            && nothing_amiss.into_iter().all(Sample::is_empty)
            && self.events.iter().all(EventCount::is_complete)
            && self.handled.is_complete()
    }

    pub fn consumed(&self) -> u64 {
        self.dispositions.iter().sum()
    }

    pub fn count(&self, disposition: Disposition) -> u64 {
        self.dispositions[disposition as usize]
    }
}

/// Reads everything and compares. `database` is a connection as `dlr_reader`, `streams` one as the
/// reconcile user; the processor must have drained. `repaired` says whether somebody has written a
/// profile for the carrier of the planted notation fault.
pub async fn reconcile(
    database: &Client,
    streams: &jetstream::Context,
    names: &Streams,
    scenario: &Scenario,
    published: &Published,
    repaired: bool,
) -> Result<Ledger, LedgerError> {
    let inbound = events::extent(streams, &names.inbound).await?;
    let books = Books::read(database, &names.inbound, inbound.clone()).await?;
    let mut ledger = Ledger {
        confirmed: published.confirmed.len() as u64,
        repeated: published.repeated,
        unconfirmed: published.unconfirmed.len() as u64,
        stored: inbound.end - inbound.start,
        ..Ledger::default()
    };
    books.count_into(&mut ledger);
    confirmations_into(&mut ledger, inbound, published);
    let truth = Truth::compare(database, &books, scenario, published, repaired).await?;
    (ledger.fates, ledger.statuses) = (truth.fates, truth.statuses);
    ledger.handled = truth.handled;
    let owed = books.into_events_owed();
    for (stream, owed) in [
        (&names.webhook, owed.webhook),
        (&names.billing, owed.billing),
        (&names.unmatched, owed.unmatched),
    ] {
        ledger
            .events
            .push(EventCount::compare(streams, stream, owed).await?);
    }
    Ok(ledger)
}

/// Parked receipts that are not resolved. `database` is a connection as `dlr_reader`.
pub async fn open(database: &Client) -> Result<u64, LedgerError> {
    const OPEN: &str = "SELECT count(*) FROM dlr.orphaned_receipts AS parked WHERE NOT EXISTS (\
         SELECT FROM dlr.orphan_resolutions AS resolved WHERE resolved.stored_at = parked.stored_at \
         AND resolved.stream = parked.stream AND resolved.seq = parked.seq)";
    let count: i64 = database.query_one(OPEN, &[]).await?.try_get(0)?;
    Ok(u64::try_from(count).unwrap_or(0))
}

fn confirmations_into(ledger: &mut Ledger, inbound: std::ops::Range<u64>, published: &Published) {
    let mut sequences: Vec<u64> = published
        .confirmed
        .iter()
        .map(|receipt| receipt.sequence)
        .collect();
    sequences.sort_unstable();
    ledger.confirmed_twice = sequences
        .windows(2)
        .filter(|pair| pair[0] == pair[1])
        .map(|pair| pair[0])
        .collect();
    ledger.vanished = sequences
        .into_iter()
        .filter(|seq| !inbound.contains(seq))
        .collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn balanced() -> Ledger {
        Ledger {
            confirmed: 3,
            stored: 3,
            dispositions: [1, 0, 1, 1],
            ..Ledger::default()
        }
    }

    #[test]
    fn a_ledger_balances_only_without_a_single_gap() {
        assert!(balanced().is_balanced());
        let mut one_missing = balanced();
        one_missing.without_disposition.add(2);
        let unconfirmed = Ledger {
            unconfirmed: 1,
            ..balanced()
        };
        let too_few = Ledger {
            stored: 4,
            ..balanced()
        };
        let missing_event = EventCount {
            missing: [7].into_iter().collect(),
            ..EventCount::default()
        };
        let event = Ledger {
            events: vec![missing_event],
            ..balanced()
        };
        for ledger in [one_missing, unconfirmed, too_few, event] {
            assert!(!ledger.is_balanced(), "{ledger:?}");
        }
    }

    #[test]
    fn a_confirmation_is_held_against_the_stream() {
        let receipt = |sequence| crate::dev::traffic::Receipt {
            sequence,
            story: 0,
            step: 0,
        };
        let published = Published {
            confirmed: [3, 1, 3, 9].map(receipt).to_vec(),
            ..Published::default()
        };
        let mut ledger = balanced();
        confirmations_into(&mut ledger, 1..4, &published);
        assert_eq!(ledger.confirmed_twice.first, [3]);
        assert_eq!(ledger.vanished.first, [9]);
    }

    #[test]
    fn a_sample_counts_all_and_keeps_the_first_ten() {
        let sample: Sample = (0..25).collect();
        assert_eq!((sample.count, sample.first.len()), (25, 10));
    }
}
