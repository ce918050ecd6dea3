//! `sms.dlr.billing.v1` and `sms.dlr.webhook.v1`: a message's status changed.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::{Envelope, Event, EventKind, Source};
use crate::receipt::decision::Decision;
use crate::receipt::ids::message_event_id;
use crate::receipt::status::Status;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "the contract's fields")]
struct Data<'a> {
    receipt_id: Uuid,
    message_id: Uuid,
    account_id: Uuid,
    carrier_id: &'a str,
    segment: Option<i16>,
    segments: Option<i16>,
    group_id: Option<Uuid>,
    client_ref: Option<&'a str>,
    mccmnc: Option<&'a str>,
    price: Option<&'a str>,
    currency: Option<&'a str>,
    previous_status: &'a str,
    status: &'a str,
    stat: Option<&'a str>,
    err: Option<&'a str>,
    #[serde(rename = "final")]
    is_final: bool,
    first_final: bool,
    correction: bool,
    late: bool,
    sequence: u8,
    submitted_at: Option<Timestamp>,
    done_at: Option<Timestamp>,
    received_at: Timestamp,
    processed_at: Timestamp,
}

/// A webhook tells of the message as a whole too; a bill is for one segment.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WebhookData<'a> {
    #[serde(flatten)]
    message: Data<'a>,
    /// `None` for a message in one part, and where groups are not looked at.
    group_status: Option<&'a str>,
}

pub(super) fn billing(source: &Source, decision: &Decision<'_>) -> Event {
    let (kind, name) = (EventKind::Billing, "sms.dlr.billing.v1");
    event(kind, name, source, decision, data(decision))
}

pub(super) fn webhook(source: &Source, decision: &Decision<'_>) -> Event {
    let (kind, name) = (EventKind::Webhook, "sms.dlr.webhook.v1");
    let data = WebhookData {
        message: data(decision),
        group_status: decision.group_status,
    };
    event(kind, name, source, decision, data)
}

fn event<D: Serialize>(
    kind: EventKind,
    name: &'static str,
    source: &Source,
    decision: &Decision<'_>,
    data: D,
) -> Event {
    let message = &decision.message;
    let id = message_event_id(
        kind,
        message.id,
        decision.operator_message_id,
        decision.status,
    );
    let mut envelope = Envelope::new(source, name, id, decision.processed_at, data);
    envelope.subject = Some(message.account_id);
    envelope.into_event(kind)
}

fn data<'a>(decision: &Decision<'a>) -> Data<'a> {
    let message = &decision.message;
    let was_final = Status::from_stored(decision.previous_status).is_some_and(Status::is_final);
    let status = Status::from_stored(decision.status);
    let is_final = status.is_some_and(Status::is_final);
    Data {
        receipt_id: decision.receipt_id.0,
        message_id: message.id,
        account_id: message.account_id,
        carrier_id: decision.carrier_id,
        segment: message.segment,
        segments: message.segments,
        group_id: message.group_id,
        client_ref: message.client_ref,
        mccmnc: message.mccmnc,
        price: message.price,
        currency: message.currency,
        previous_status: decision.previous_status,
        status: decision.status,
        stat: decision.stat,
        err: decision.err,
        is_final,
        first_final: is_final && !was_final,
        correction: was_final,
        late: decision.late,
        sequence: status.map_or(0, Status::rank),
        submitted_at: decision.submitted_at,
        done_at: decision.done_at,
        received_at: decision.received_at,
        processed_at: decision.processed_at,
    }
}
