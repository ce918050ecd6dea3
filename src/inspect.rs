//! One envelope's whole story: what the stream and the tables know of it, without personal data.
//!
//! Each witness may be out of reach or not for our eyes; then the story says so and goes on without.

mod events;
mod reading;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tokio_postgres::Client;
use uuid::Uuid;

pub use self::events::EventOf;
pub use self::reading::{Reading, Shown};
use crate::broker::fetch::{Fetched, Witness};
use crate::config::Streams;
use crate::pipeline::decode;
use crate::receipt::ids::RowKey;
use crate::receipt::profile::Profiles;
use crate::store::story::{
    self, ParkedRow, Present, ReceiptRow, RejectedRow, ReplayRow, ResolutionRow, Rows,
};
use crate::store::{failure, locate};
use crate::sweep::Looks;

/// Which envelope.
#[derive(Debug, Clone, Copy)]
pub struct Question {
    pub sequence: u64,
    /// About when it was stored, where the stream no longer knows.
    pub stored_at: Option<Timestamp>,
    /// How far back the tables are searched where nobody knows.
    pub search: SignedDuration,
    pub now: Timestamp,
    /// After which a receipt lapses whose carrier's profile names no horizon.
    pub horizon: Duration,
}

/// What could be learnt. What is missing because nobody could be asked stands in `unseen`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Story {
    pub stream: String,
    pub sequence: u64,
    pub stored_at: Option<Timestamp>,
    pub receipt_id: Option<Uuid>,
    /// `None` when the stream does not have it, or could not be asked.
    pub in_stream: Option<InStream>,
    /// CONTRACT §1: `applied`, `recorded`, `parked` or `rejected`; `None` for none so far.
    pub disposition: Option<String>,
    pub receipt: Option<ReceiptRow>,
    pub rejected: Option<RejectedRow>,
    pub parked: Option<ParkedRow>,
    /// Of the sweeper, while it is open.
    pub looks: Option<Looks>,
    pub resolution: Option<ResolutionRow>,
    pub replays: Vec<ReplayRow>,
    /// The message as it is now.
    pub message: Option<Present>,
    pub events: Vec<EventOf>,
    /// What could not be asked, and why.
    pub unseen: Vec<String>,
}

/// The envelope as the stream keeps it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InStream {
    pub subject: String,
    pub length: usize,
    /// How it would be read by now.
    pub reading: Reading,
}

impl Story {
    /// Whether anybody knows of the envelope.
    pub fn is_known(&self) -> bool {
        self.in_stream.is_some() || self.disposition.is_some()
    }
}

/// Asks the stream, then the tables.
///
/// The witness may be missing; why stands in `unseen` already, and so does why `profiles` are not
/// those in force.
pub async fn tell(
    question: &Question,
    streams: &Streams,
    witness: Option<&Witness<'_>>,
    client: &Client,
    profiles: &Profiles,
    mut unseen: Vec<String>,
) -> Result<Story, tokio_postgres::Error> {
    let fetched = match witness {
        None => None,
        Some(witness) => match witness.fetch(&streams.inbound, question.sequence).await {
            Ok(fetched) => fetched,
            Err(error) => {
                unseen.push(format!("the stream: {error}"));
                None
            }
        },
    };
    let key = match &fetched {
        Some(envelope) => Some(envelope.identity.row_key()),
        None => find(client, question, &streams.inbound).await?,
    };
    let mut rows = match &key {
        Some(key) => story::read(client, key).await?,
        None => Rows::default(),
    };
    // What an operator wrote, and nobody checked.
    if let Some(ResolutionRow {
        note: Some(note), ..
    }) = &mut rows.resolution
    {
        *note = reading::without_number(note).to_owned();
    }
    let message = match &rows.receipt {
        Some(receipt) => seen(
            "the message",
            story::present(client, receipt.message_id).await,
            &mut unseen,
        )?
        .flatten(),
        None => None,
    };
    let identity = fetched.as_ref().map(|it| it.identity.receipt_id().0);
    Ok(Story {
        stream: streams.inbound.clone(),
        sequence: question.sequence,
        stored_at: key.map(|key| key.stored_at),
        receipt_id: identity.or_else(|| receipt_id(&rows)),
        in_stream: fetched.map(|envelope| in_stream(envelope, streams, profiles)),
        disposition: disposition(&rows),
        events: events::of(&rows, streams),
        looks: looks(question, &rows, profiles),
        receipt: rows.receipt,
        rejected: rows.rejected,
        parked: rows.parked,
        resolution: rows.resolution,
        replays: rows.replays,
        message,
        unseen,
    })
}

async fn find(
    client: &Client,
    question: &Question,
    stream: &str,
) -> Result<Option<RowKey>, tokio_postgres::Error> {
    let Question {
        sequence,
        stored_at,
        search,
        now,
        ..
    } = *question;
    if let Some(at) = stored_at {
        return locate::about(client, stream, sequence, at).await;
    }
    let from = now.checked_sub(search).unwrap_or(Timestamp::UNIX_EPOCH);
    locate::between(client, stream, sequence, from, now).await
}

/// An answer, or `None` and a remark when the role may not have one.
pub fn seen<T>(
    what: &str,
    answer: Result<T, tokio_postgres::Error>,
    unseen: &mut Vec<String>,
) -> Result<Option<T>, tokio_postgres::Error> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if story::is_denied(&error) => {
            unseen.push(format!("{what}: {}", failure::describe(&error)));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn in_stream(envelope: Fetched, streams: &Streams, profiles: &Profiles) -> InStream {
    let length = envelope.payload.len();
    let inbound = &streams.inbound_subject;
    let read = decode::read(envelope.payload, &envelope.subject, inbound, profiles);
    InStream {
        length,
        reading: Reading::of(read.as_ref()),
        subject: reading::without_number(&envelope.subject).to_owned(),
    }
}

fn looks(question: &Question, rows: &Rows, profiles: &Profiles) -> Option<Looks> {
    let parked = rows.parked.as_ref().filter(|_| rows.resolution.is_none())?;
    let horizon = profiles.of(&parked.carrier_id).horizon;
    let horizon = horizon.unwrap_or(question.horizon);
    Some(Looks::at(question.now, parked.parked_at, horizon))
}

fn receipt_id(rows: &Rows) -> Option<Uuid> {
    let receipt = rows.receipt.as_ref().map(|row| row.receipt_id);
    let parked = || rows.parked.as_ref().map(|row| row.receipt_id);
    let rejected = || rows.rejected.as_ref().map(|row| row.receipt_id);
    receipt.or_else(parked).or_else(rejected)
}

/// The first end is the disposition: see `pipeline::matching`.
fn disposition(rows: &Rows) -> Option<String> {
    if rows.rejected.is_some() {
        return Some("rejected".to_owned());
    }
    if rows.parked.is_some() {
        return Some("parked".to_owned());
    }
    rows.receipt.as_ref().map(|row| row.disposition.clone())
}
