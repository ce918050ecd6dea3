//! The events that a stream holds, each a message or many in a pack.

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use serde::Deserialize;
use uuid::Uuid;

use super::named::{About, Name, Told, Word};
use super::{OVERLAP, ReconcileError};
use crate::broker::fetch::{Extent, FetchError, Fetched, Witness};
use crate::receipt::ids::EventKind;

/// An event as consumers read it.
#[derive(Deserialize)]
struct Event<'a> {
    id: Uuid,
    source: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(borrow)]
    data: Data<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    receipt_id: Uuid,
    message_id: Option<Uuid>,
    status: Option<&'a str>,
    parked_at: Option<Timestamp>,
    resolution: Option<&'a str>,
}

/// What a message of an output stream is.
pub(super) enum Read {
    Event(Told),
    /// Of another deployment, which shares the stream.
    Foreign,
    /// No event, or not one of this stream's.
    Unreadable(u64),
}

/// An output stream, and whose events are looked for in it.
pub(super) struct Output<'a> {
    pub(super) stream: &'a str,
    pub(super) kind: EventKind,
    /// `source` of our events.
    pub(super) source: &'a str,
    pub(super) witness: &'a Witness<'a>,
    pub(super) extent: Extent,
}

impl Output<'_> {
    /// Gives each event from this time on to `take`; returns how many messages they came in.
    pub(super) async fn read(
        &self,
        from: Timestamp,
        mut take: impl FnMut(Read) -> Result<(), ReconcileError>,
    ) -> Result<u64, ReconcileError> {
        let first = self.first_since(from).await?;
        let mut messages = 0;
        let mut fetched = stream::iter(first..=self.extent.last)
            .map(|sequence| self.witness.fetch(self.stream, sequence))
            .buffer_unordered(OVERLAP);
        while let Some(message) = fetched.next().await {
            // One that was removed leaves a gap; what it carried is missing then.
            let Some(message) = message? else { continue };
            messages += 1;
            self.events(&message, &mut take)?;
        }
        Ok(messages)
    }

    /// The first sequence that was stored at this time or later.
    async fn first_since(&self, from: Timestamp) -> Result<u64, FetchError> {
        let Extent { first, last, .. } = self.extent;
        first_since(self.witness, self.stream, (first, last), from).await
    }

    fn events(
        &self,
        message: &Fetched,
        take: &mut impl FnMut(Read) -> Result<(), ReconcileError>,
    ) -> Result<(), ReconcileError> {
        let (payload, sequence) = (&message.payload[..], message.identity.sequence);
        let events = if payload.first() == Some(&b'[') {
            serde_json::from_slice::<Vec<Event<'_>>>(payload)
        } else {
            serde_json::from_slice(payload).map(|event| vec![event])
        };
        match events {
            Ok(events) if !events.is_empty() => events
                .iter()
                .try_for_each(|event| take(self.one(event, sequence))),
            Ok(_) | Err(_) => take(Read::Unreadable(sequence)),
        }
    }

    fn one(&self, event: &Event<'_>, sequence: u64) -> Read {
        if event.source != self.source {
            return Read::Foreign;
        }
        let told = (event.kind == kind_word(self.kind))
            .then(|| told(self.kind, event, sequence))
            .flatten();
        told.map_or(Read::Unreadable(sequence), Read::Event)
    }
}

/// The first sequence from `range` on that was stored at this time or later; sequences rise with the
/// times.
pub(super) async fn first_since(
    witness: &Witness<'_>,
    stream: &str,
    (first, last): (u64, u64),
    from: Timestamp,
) -> Result<u64, FetchError> {
    let (mut low, mut high) = (first, last + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        match witness.fetch_from(stream, middle).await? {
            Some(message) if message.identity.stored_at() < from => {
                low = message.identity.sequence + 1;
            }
            _ => high = middle,
        }
    }
    Ok(low)
}

fn kind_word(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Billing => "sms.dlr.billing.v1",
        EventKind::Webhook => "sms.dlr.webhook.v1",
        EventKind::Unmatched => "sms.dlr.unmatched.v1",
    }
}

fn told(kind: EventKind, event: &Event<'_>, sequence: u64) -> Option<Told> {
    let data = &event.data;
    let (word, about) = match kind {
        EventKind::Unmatched => (
            data.resolution.unwrap_or("parked"),
            About::ParkedAt(data.parked_at?.as_microsecond()),
        ),
        EventKind::Billing | EventKind::Webhook => (data.status?, About::Message(data.message_id?)),
    };
    Some(Told {
        name: Name {
            receipt: data.receipt_id,
            kind,
            word: Word::of(word)?,
        },
        id: event.id,
        about,
        sequence,
    })
}
