//! The decisions of a batch: each receipt meets the status that the ones before it left.

use std::collections::HashMap;

use jiff::Timestamp;
use uuid::Uuid;

use super::Rules;
use crate::pipeline::early::EarlyBudget;
use crate::pipeline::envelope::Item;
use crate::receipt::decision::{Decision, Parked, Unmatched, Verdict, judge};
use crate::receipt::privacy::Parted;
use crate::receipt::status::{MessageState, Status};
use crate::receipt::{Receipt, Rejection};
use crate::store::messages::{Candidate, Raise};
use crate::store::{Session, StoreError};

/// What becomes of one envelope.
pub(super) enum Fate<'a> {
    Matched(Box<Matched<'a>>),
    Parked {
        item: &'a Item,
        parked: Parked<'a>,
        because: Unmatched,
    },
    Rejected {
        item: &'a Item,
        rejection: Rejection,
    },
    /// Its message may yet come.
    Early,
}

pub(super) struct Matched<'a> {
    pub(super) item: &'a Item,
    pub(super) receipt: &'a Receipt,
    pub(super) parted: Parted<'a>,
    pub(super) decision: Decision<'a>,
}

/// A batch decided: one fate an item, and one change a message.
pub(super) struct Judged<'a> {
    pub(super) fates: Vec<Fate<'a>>,
    raised: HashMap<Uuid, Running<'a>>,
}

/// A message in the course of a batch.
struct Running<'a> {
    /// As the database has it.
    stored: &'a str,
    /// As the receipts so far left it.
    status: &'a str,
    /// The last receipt that raised it, if any did.
    raise: Option<(Status, &'a Receipt, Timestamp)>,
}

impl<'a> Judged<'a> {
    /// One update a message, from the status in the database to the last one.
    pub(super) fn raises(&self) -> Vec<Raise<'a>> {
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
        self.raised.iter().filter_map(raised).collect()
    }
}

/// The messages that the batch's receipts may be about.
pub(super) struct Candidates<'a> {
    keys: HashMap<(&'a str, &'a str), usize>,
    found: Vec<Candidate>,
    /// For each key how many were found (at most 2) and the first of them.
    slots: Vec<(u8, usize)>,
}

impl<'a> Candidates<'a> {
    pub(super) async fn find(
        session: &Session,
        items: &[&'a Item],
        horizon: Timestamp,
    ) -> Result<Self, StoreError> {
        let mut keys = HashMap::with_capacity(items.len());
        let (mut carriers, mut ids) = (Vec::new(), Vec::new());
        let receipts = items.iter().filter(|item| !item.poison);
        for receipt in receipts.filter_map(|item| item.reading.as_ref().ok()) {
            let key = (receipt.carrier(), receipt.operator_message_id());
            keys.entry(key).or_insert_with(|| {
                carriers.push(key.0);
                ids.push(key.1);
                carriers.len() - 1
            });
        }
        let found = if carriers.is_empty() {
            Vec::new()
        } else {
            session.candidates(&carriers, &ids, horizon).await?
        };
        let mut slots = vec![(0, 0); carriers.len()];
        for (at, candidate) in found.iter().enumerate() {
            let (count, first) = &mut slots[candidate.key()];
            *count += 1;
            *first = at;
        }
        Ok(Self { keys, found, slots })
    }

    fn of(&self, receipt: &Receipt) -> Result<&Candidate, Unmatched> {
        let key = (receipt.carrier(), receipt.operator_message_id());
        let (count, first) = self.slots[self.keys[&key]];
        match count {
            0 => Err(Unmatched::NoMessage),
            1 => Ok(&self.found[first]),
            _ => Err(Unmatched::Ambiguous),
        }
    }

    /// The one message a receipt is about, if the receipt does not contradict it.
    fn matching(&self, receipt: &Receipt) -> Result<&Candidate, Unmatched> {
        let candidate = self.of(receipt)?;
        let message = candidate.message();
        let contradicts = |said: Option<Uuid>, is| said.is_some_and(|said| said != is);
        if contradicts(receipt.account_id, message.account_id) {
            return Err(Unmatched::AccountMismatch);
        }
        if contradicts(receipt.message_id, message.id) {
            return Err(Unmatched::MessageMismatch);
        }
        Ok(candidate)
    }
}

/// Decides on `items`, which are in stream order.
pub(super) fn fold<'a>(
    items: &[&'a Item],
    candidates: &'a Candidates<'a>,
    rules: &Rules,
    early: &mut EarlyBudget,
    now: Timestamp,
) -> Judged<'a> {
    let mut judged = Judged {
        fates: Vec::with_capacity(items.len()),
        raised: HashMap::new(),
    };
    for &item in items {
        let fate = match &item.reading {
            Err(rejection) => Fate::Rejected {
                item,
                rejection: *rejection,
            },
            Ok(receipt) => match find(item, receipt, candidates, rules) {
                Ok(candidate) => judged.decide(item, receipt, candidate, now),
                Err(Unmatched::NoMessage) if may_wait(item, rules) && early.take() => Fate::Early,
                Err(because) => park(item, receipt, because, now),
            },
        };
        judged.fates.push(fate);
    }
    judged
}

fn find<'a>(
    item: &Item,
    receipt: &Receipt,
    candidates: &'a Candidates<'a>,
    rules: &Rules,
) -> Result<&'a Candidate, Unmatched> {
    if item.poison {
        return Err(Unmatched::StoreRefused);
    }
    if item.envelope.deliveries > u64::from(rules.deliveries_max) {
        return Err(Unmatched::RedeliveredTooOften);
    }
    candidates.matching(receipt)
}

/// Whether a receipt may be ahead of its message; after a few deliveries it is not early but lost.
fn may_wait(item: &Item, rules: &Rules) -> bool {
    item.envelope.deliveries <= u64::from(rules.early_redeliveries)
}

fn park<'a>(item: &'a Item, receipt: &'a Receipt, because: Unmatched, now: Timestamp) -> Fate<'a> {
    let parted = Parted::of(receipt);
    let parked = Parked {
        receipt_id: item.envelope.identity.receipt_id(),
        carrier_id: receipt.carrier(),
        operator_message_id: parted.operator_message_id,
        stat: parted.stat,
        reason: because.as_str(),
        parked_at: now,
    };
    Fate::Parked {
        item,
        parked,
        because,
    }
}

impl<'a> Judged<'a> {
    fn decide(
        &mut self,
        item: &'a Item,
        receipt: &'a Receipt,
        candidate: &'a Candidate,
        now: Timestamp,
    ) -> Fate<'a> {
        let message = candidate.message();
        let running = self.raised.entry(message.id).or_insert_with(|| Running {
            stored: candidate.status(),
            status: candidate.status(),
            raise: None,
        });
        let previous_status = running.status;
        let stored_at = item.envelope.identity.stored_at();
        let received_at = receipt.received_at.unwrap_or(stored_at);
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
            receipt_id: item.envelope.identity.receipt_id(),
            verdict,
            message,
            carrier_id: receipt.carrier(),
            operator_message_id: receipt.operator_message_id(),
            previous_status,
            status: running.status,
            stat: parted.stat.or(state_word),
            err: parted.err,
            submitted_at: receipt.submitted_at,
            done_at: receipt.done_at,
            received_at,
            processed_at: now,
            late: false,
        };
        Fate::Matched(Box::new(Matched {
            item,
            receipt,
            parted,
            decision,
        }))
    }
}
