//! `sms.dlr.unmatched.v1`: a receipt was parked.

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
    let id = unmatched_event_id(parked.receipt_id, "parked");
    let data = Data {
        receipt_id: parked.receipt_id.0,
        carrier_id: parked.carrier_id,
        operator_message_id: parked.operator_message_id,
        stat: parked.stat,
        reason: parked.reason,
        parked_at: parked.parked_at,
        resolution: None,
    };
    Envelope::new(source, "sms.dlr.unmatched.v1", id, parked.parked_at, data)
        .into_event(EventKind::Unmatched)
}
