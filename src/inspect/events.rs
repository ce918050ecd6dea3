//! The events of an envelope, by their ids.

use serde::Serialize;
use uuid::Uuid;

use crate::config::Streams;
use crate::events::{self, EventKind};
use crate::receipt::ids::{ReceiptId, message_event_id, unmatched_event_id};
use crate::store::story::Rows;

/// An event that a decision about the envelope gave rise to.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventOf {
    pub subject: String,
    /// `None` when it is made from an id that is sealed.
    pub id: Option<Uuid>,
    pub because: String,
}

/// The events that the rows of an envelope gave rise to.
pub(super) fn of(rows: &Rows, streams: &Streams) -> Vec<EventOf> {
    let mut found = Vec::new();
    if let Some(parked) = &rows.parked {
        let ends = rows.resolution.as_ref().map(|row| row.resolution.as_str());
        for what in ["parked"].into_iter().chain(ends) {
            found.push(EventOf {
                subject: streams.unmatched_subject.clone(),
                id: Some(unmatched_event_id(ReceiptId(parked.receipt_id), what)),
                because: what.to_owned(),
            });
        }
    }
    let Some(receipt) = &rows.receipt else {
        return found;
    };
    let first = [(&receipt.disposition, &receipt.status, String::new())];
    let replays = rows.replays.iter().map(|row| {
        let by = format!(", replay {}", row.replay);
        (&row.disposition, &row.status, by)
    });
    for (_, status, by) in first
        .into_iter()
        .chain(replays)
        .filter(|(disposition, ..)| *disposition == "applied")
    {
        let billing =
            events::is_billed(status).then_some((EventKind::Billing, &streams.billing_subject));
        let webhook = (EventKind::Webhook, &streams.webhook_subject);
        for (kind, subject) in billing.into_iter().chain([webhook]) {
            let operator_message_id = receipt.operator_message_id.as_deref();
            found.push(EventOf {
                subject: subject.clone(),
                id: operator_message_id
                    .map(|id| message_event_id(kind, receipt.message_id, id, status)),
                because: format!("{status}{by}"),
            });
        }
    }
    found
}
