//! `sms.dlr.unmatched.v1`: a receipt was parked, or a parked one resolved.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::{Envelope, Event, EventKind, Source};
use crate::receipt::decision::Parked;
use crate::receipt::ids::unmatched_event_id;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    receipt_id: Uuid,
    carrier_id: &'a str,
    operator_message_id: Option<&'a str>,
    stat: Option<&'a str>,
    reason: &'a str,
    parked_at: Timestamp,
    /// Null while the receipt is open.
    resolution: Option<&'a str>,
}

pub(super) fn parked(source: &Source, parked: &Parked<'_>) -> Event {
    notice(source, parked, None, parked.parked_at)
}

pub(super) fn resolved(
    source: &Source,
    parked: &Parked<'_>,
    resolution: &str,
    at: Timestamp,
) -> Event {
    notice(source, parked, Some(resolution), at)
}

fn notice(source: &Source, parked: &Parked<'_>, resolution: Option<&str>, at: Timestamp) -> Event {
    let id = unmatched_event_id(parked.receipt_id, resolution.unwrap_or("parked"));
    let data = Data {
        receipt_id: parked.receipt_id.0,
        carrier_id: parked.carrier_id,
        operator_message_id: parked.operator_message_id,
        stat: parked.stat,
        reason: parked.reason,
        parked_at: parked.parked_at,
        resolution,
    };
    Envelope::new(source, "sms.dlr.unmatched.v1", id, at, data).into_event(EventKind::Unmatched)
}
