//! What the processor tells the world (CONTRACT §5): CloudEvents, each a pure function of a stored
//! decision, so that a redelivery repeats it byte for byte.

mod message;
mod unmatched;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::receipt::decision::{Decision, Parked, Verdict};
pub use crate::receipt::ids::EventKind;
use crate::receipt::status::Status;

/// One event, ready to publish; `id` is also its `Nats-Msg-Id`.
#[derive(Debug, Clone)]
pub struct Event {
    pub kind: EventKind,
    pub id: Uuid,
    pub body: Bytes,
}

/// `source` of every event: `/dlr/<deployment>`, never a host name.
#[derive(Debug, Clone)]
pub struct Source(String);

impl Source {
    pub fn of_deployment(name: &str) -> Self {
        Self(format!("/dlr/{name}"))
    }
}

/// The events of a matched receipt: none unless it was applied.
pub fn of_decision(source: &Source, decision: &Decision<'_>, out: &mut Vec<Event>) {
    if decision.verdict != Verdict::Applied {
        return;
    }
    if is_billed(decision.status) {
        out.push(message::billing(source, decision));
    }
    out.push(message::webhook(source, decision));
}

/// Whether a message that reaches `status` is billed; every applied receipt is told to the webhook.
pub fn is_billed(status: &str) -> bool {
    Status::from_stored(status).is_some_and(Status::is_final)
}

/// The notice that a receipt was parked.
pub fn of_parked(source: &Source, parked: &Parked<'_>) -> Event {
    unmatched::parked(source, parked)
}

/// The notice that a parked receipt has ended, with what is stored of that.
pub fn of_resolution(
    source: &Source,
    parked: &Parked<'_>,
    resolution: &str,
    at: Timestamp,
) -> Event {
    unmatched::resolved(source, parked, resolution, at)
}

/// CloudEvents 1.0, structured mode.
#[derive(Serialize)]
struct Envelope<'a, D> {
    specversion: &'static str,
    id: Uuid,
    source: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<Uuid>,
    time: Timestamp,
    datacontenttype: &'static str,
    data: D,
}

impl<'a, D: Serialize> Envelope<'a, D> {
    fn new(source: &'a Source, kind: &'static str, id: Uuid, time: Timestamp, data: D) -> Self {
        Self {
            specversion: "1.0",
            id,
            source: &source.0,
            kind,
            subject: None,
            time,
            datacontenttype: "application/json",
            data,
        }
    }

    fn into_event(self, kind: EventKind) -> Event {
        let body = serde_json::to_vec(&self).expect("strings and numbers serialize into memory");
        Event {
            kind,
            id: self.id,
            body: body.into(),
        }
    }
}

#[cfg(test)]
mod tests;
