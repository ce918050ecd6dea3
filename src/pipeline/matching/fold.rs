//! The decisions of a batch: each receipt meets the status that the ones before it left.

use std::collections::HashMap;

use jiff::Timestamp;
use uuid::Uuid;

use crate::receipt::Receipt;
use crate::receipt::decision::{Decision, Verdict, judge};
use crate::receipt::ids::Identity;
use crate::receipt::privacy::Parted;
use crate::receipt::status::{MessageState, Status};
use crate::store::messages::{Candidate, Raise};

/// A receipt and the envelope it came in, by a first delivery or out of the parked ones.
#[derive(Clone, Copy)]
pub(crate) struct Case<'a> {
    pub(crate) identity: &'a Identity,
    pub(crate) receipt: &'a Receipt,
    /// Matched only after parking.
    pub(crate) late: bool,
}

pub(crate) struct Matched<'a> {
    pub(crate) case: Case<'a>,
    pub(crate) parted: Parted<'a>,
    pub(crate) decision: Decision<'a>,
}

/// The messages of a batch, as the receipts so far leave them.
#[derive(Default)]
pub(crate) struct Fold<'a>(HashMap<Uuid, Running<'a>>);

/// A message in the course of a batch.
struct Running<'a> {
    /// As the database has it.
    stored: &'a str,
    /// As the receipts so far left it.
    status: &'a str,
    /// The last receipt that raised it, if any did.
    raise: Option<(Status, &'a Receipt, Timestamp)>,
}

impl<'a> Fold<'a> {
    /// Decides on a receipt. Those of one message come in stream order.
    pub(crate) fn decide(
        &mut self,
        case: Case<'a>,
        candidate: &'a Candidate,
        now: Timestamp,
    ) -> Matched<'a> {
        let Case {
            identity, receipt, ..
        } = case;
        let message = candidate.message();
        let running = self.0.entry(message.id).or_insert_with(|| Running {
            stored: candidate.status(),
            status: candidate.status(),
            raise: None,
        });
        let previous_status = running.status;
        let received_at = receipt.received_at.unwrap_or_else(|| identity.stored_at());
        let verdict = judge(Status::from_stored(previous_status), receipt.status());
        if let (Verdict::Applied, Some(status)) = (verdict, receipt.status()) {
            running.status = status.as_str();
            running.raise = Some((status, receipt, received_at));
        }
        let parted = Parted::of(receipt);
        let state_word = match receipt.stat() {
            None => receipt.message_state().and_then(MessageState::word),
            Some(_) => None,
        };
        let decision = Decision {
            receipt_id: identity.receipt_id(),
            verdict,
            message,
            carrier_id: receipt.carrier(),
            operator_message_id: receipt.operator_message_id(),
            previous_status,
            status: running.status,
            group_status: None,
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
        }
    }

    /// One update a message, from the status in the database to the last one.
    pub(crate) fn raises(&self) -> Vec<Raise<'a>> {
        let raised = |(&id, running): (&Uuid, &Running<'a>)| {
            let (status, receipt, received_at) = running.raise?;
            Some(Raise {
                id,
                previous: running.stored,
                status: status.as_str(),
                word: receipt.status_word().into_owned(),
                received_at,
            })
        };
        self.0.iter().filter_map(raised).collect()
    }
}
