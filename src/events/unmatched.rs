//! `sms.dlr.unmatched.v1`: a receipt was parked, or a parked one resolved.

use jiff::Timestamp;

use super::{Encoder, Event, EventKind, Json};
use crate::receipt::decision::Parked;
use crate::receipt::ids::unmatched_event_id;

pub(super) fn parked(encoder: &mut Encoder, parked: &Parked<'_>) -> Event {
    notice(encoder, parked, None, parked.parked_at)
}

pub(super) fn resolved(
    encoder: &mut Encoder,
    parked: &Parked<'_>,
    resolution: &str,
    at: Timestamp,
) -> Event {
    notice(encoder, parked, Some(resolution), at)
}

/// Its resolution is null while the receipt is open.
fn notice(
    encoder: &mut Encoder,
    parked: &Parked<'_>,
    resolution: Option<&str>,
    at: Timestamp,
) -> Event {
    let id = unmatched_event_id(parked.receipt_id, resolution.unwrap_or("parked"));
    encoder
        .begin("sms.dlr.unmatched.v1", id)
        .raw(r#","time":"#)
        .time(at)
        .raw(r#","datacontenttype":"application/json","data":{"receiptId":"#)
        .uuid(parked.receipt_id.0)
        .raw(r#","carrierId":"#)
        .text(parked.carrier_id)
        .raw(r#","operatorMessageId":"#)
        .optional(parked.operator_message_id, Json::text)
        .raw(r#","stat":"#)
        .optional(parked.stat, Json::text)
        .raw(r#","reason":"#)
        .text(parked.reason)
        .raw(r#","parkedAt":"#)
        .time(parked.parked_at)
        .raw(r#","resolution":"#)
        .optional(resolution, Json::text)
        .raw("}}");
    encoder.event(EventKind::Unmatched, id)
}
