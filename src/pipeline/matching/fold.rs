//! The decisions of a batch: each receipt meets the status that the ones before it left.

use std::borrow::Cow;
use std::collections::HashMap;

use jiff::Timestamp;
use uuid::Uuid;

use super::groups::Groups;
use crate::receipt::Receipt;
use crate::receipt::decision::{Decision, Verdict, judge};
use crate::receipt::group::GroupStatus;
use crate::receipt::ids::{ReceiptId, RowKey};
use crate::receipt::privacy::Parted;
use crate::receipt::status::{MessageState, Status};
use crate::store::messages::{Found, Numeric, Raise, RowPlace};

/// A receipt and whose it is, out of an envelope or out of a parked row.
pub struct Case<'a> {
    pub key: RowKey,
    /// Given, not computed: a row does not know the nanoseconds that it is made from.
    pub receipt_id: ReceiptId,
    pub receipt: &'a Receipt,
    /// Matched only after parking.
    pub late: bool,
}

pub struct Matched<'a> {
    pub case: Case<'a>,
    pub parted: Parted<'a>,
    pub decision: Decision<'a>,
    /// The message's, as it stands in its row.
    pub exact_price: Option<Numeric<'a>>,
}

/// The messages of a batch, as the receipts so far leave them.
pub struct Fold<'a> {
    groups: &'a Groups,
    messages: HashMap<Uuid, Running<'a>>,
}

/// A message in the course of a batch.
struct Running<'a> {
    place: Option<RowPlace>,
    /// As the database has it.
    stored: &'a str,
    /// As the receipts so far left it.
    status: &'a str,
    /// What the last receipt that raised it says, if any did.
    raise: Option<(Status, Cow<'a, str>, Timestamp)>,
}

impl<'a> Fold<'a> {
    /// For so many receipts at most.
    pub fn new(groups: &'a Groups, receipts: usize) -> Self {
        Self {
            groups,
            messages: HashMap::with_capacity(receipts),
        }
    }

    /// Decides on a receipt. Those of one message come in stream order.
    pub fn decide(&mut self, case: Case<'a>, found: Found<'a>, now: Timestamp) -> Matched<'a> {
        let receipt = case.receipt;
        let message = found.message;
        let siblings = self.groups.of(&message).unwrap_or_default();
        let running = self.messages.entry(message.id).or_insert_with(|| {
            // What was read behind the lock is what the update will meet.
            let locked = siblings.iter().find(|sibling| sibling.id == message.id);
            let stored = locked.map_or(found.status, |sibling| &sibling.status);
            Running {
                place: found.place,
                stored,
                status: stored,
                raise: None,
            }
        });
        let previous_status = running.status;
        let received_at = receipt.received_at.unwrap_or(case.key.stored_at);
        let parted = Parted::of(receipt);
        let verdict = judge(Status::from_stored(previous_status), receipt.status());
        if let (Verdict::Applied, Some(status)) = (verdict, receipt.status()) {
            running.status = status.as_str();
            running.raise = Some((status, parted.status_word.clone(), received_at));
        }
        let status = running.status;
        let messages = &self.messages;
        let running = |id| messages.get(&id).map(|running| running.status);
        let expected = receipt.profile().segments;
        let group_status = self.groups.status(&message, expected, running);
        let state_word = match receipt.stat() {
            None => receipt.message_state().and_then(MessageState::word),
            Some(_) => None,
        };
        let decision = Decision {
            receipt_id: case.receipt_id,
            verdict,
            message,
            carrier_id: receipt.carrier(),
            operator_message_id: receipt.operator_message_id(),
            previous_status,
            status,
            group_status: group_status.map(GroupStatus::as_str),
            stat: parted.stat.or(state_word),
            err: parted.err,
            submitted_at: receipt.submitted_at,
            done_at: receipt.done_at,
            received_at,
            processed_at: now,
            late: case.late,
        };
        Matched {
            case,
            parted,
            decision,
            exact_price: found.price,
        }
    }

    /// One update a message, from the status in the database to the last one.
    pub fn raises(self) -> Vec<Raise<'a>> {
        let raised = |(id, running): (Uuid, Running<'a>)| {
            let (status, word, received_at) = running.raise?;
            Some(Raise {
                id,
                place: running.place,
                previous: running.stored,
                status: status.as_str(),
                word,
                received_at,
            })
        };
        self.messages.into_iter().filter_map(raised).collect()
    }
}

#[cfg(test)]
mod tests;
