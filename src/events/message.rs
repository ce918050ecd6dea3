//! `sms.dlr.billing.v1` and `sms.dlr.webhook.v1`: a message's status changed.

use super::{Encoder, Event, EventKind, Json, is_billed};
use crate::receipt::decision::Decision;
use crate::receipt::ids::message_event_id;
use crate::receipt::status::Status;

/// What both events say ends where a bill ends; a webhook goes on.
pub(super) fn changed(encoder: &mut Encoder, decision: &Decision<'_>, out: &mut Vec<Event>) {
    let id = |kind| {
        let message = decision.message.id;
        message_event_id(kind, message, decision.operator_message_id, decision.status)
    };
    let mut told = None;
    if is_billed(decision.status) {
        let id = id(EventKind::Billing);
        let mut json = encoder.begin("sms.dlr.billing.v1", id);
        let from = json.0.len();
        both(&mut json, decision);
        let to = json.0.len();
        json.raw("}}");
        let event = encoder.event(EventKind::Billing, id);
        told = Some(event.body.slice(from..to));
        out.push(event);
    }
    let id = id(EventKind::Webhook);
    let mut json = encoder.begin("sms.dlr.webhook.v1", id);
    match told {
        Some(told) => json.0.extend_from_slice(&told),
        None => both(&mut json, decision),
    }
    // Of the message as a whole: null for one in one part, and where groups are not looked at. A
    // bill is for one segment.
    json.raw(r#","groupStatus":"#)
        .optional(decision.group_status, Json::text)
        .raw("}}");
    out.push(encoder.event(EventKind::Webhook, id));
}

/// From behind the type to behind `processedAt`.
fn both(json: &mut Json<'_>, decision: &Decision<'_>) {
    let message = &decision.message;
    json.raw(r#","subject":"#)
        .uuid(message.account_id)
        .raw(r#","time":"#);
    let from = json.0.len();
    json.time(decision.processed_at);
    let written = from..json.0.len();
    json.raw(r#","datacontenttype":"application/json","data":{"receiptId":"#)
        .uuid(decision.receipt_id.0)
        .raw(r#","messageId":"#)
        .uuid(message.id)
        .raw(r#","accountId":"#)
        .uuid(message.account_id)
        .raw(r#","carrierId":"#)
        .text(decision.carrier_id)
        .raw(r#","segment":"#)
        .optional(message.segment, Json::number)
        .raw(r#","segments":"#)
        .optional(message.segments, Json::number)
        .raw(r#","groupId":"#)
        .optional(message.group_id, Json::uuid)
        .raw(r#","clientRef":"#)
        .optional(message.client_ref, Json::text)
        .raw(r#","mccmnc":"#)
        .optional(message.mccmnc, Json::text)
        .raw(r#","price":"#)
        .optional(message.price, Json::text)
        .raw(r#","currency":"#)
        .optional(message.currency, Json::text);
    status(json, decision);
    json.raw(r#","submittedAt":"#)
        .optional(decision.submitted_at, Json::time)
        .raw(r#","doneAt":"#)
        .optional(decision.done_at, Json::time)
        .raw(r#","receivedAt":"#)
        .time(decision.received_at)
        .raw(r#","processedAt":"#)
        .again(written);
}

fn status(json: &mut Json<'_>, decision: &Decision<'_>) {
    let was_final = is_billed(decision.previous_status);
    let status = Status::from_stored(decision.status);
    let is_final = status.is_some_and(Status::is_final);
    let rank = status.map_or(0, Status::rank);
    json.raw(r#","previousStatus":"#)
        .text(decision.previous_status)
        .raw(r#","status":"#)
        .text(decision.status)
        .raw(r#","stat":"#)
        .optional(decision.stat, Json::text)
        .raw(r#","err":"#)
        .optional(decision.err, Json::text)
        .raw(r#","final":"#)
        .flag(is_final)
        .raw(r#","firstFinal":"#)
        .flag(is_final && !was_final)
        .raw(r#","correction":"#)
        .flag(was_final)
        .raw(r#","late":"#)
        .flag(decision.late)
        .raw(r#","sequence":"#)
        .number(rank.into());
}
