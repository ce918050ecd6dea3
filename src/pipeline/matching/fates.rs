//! What becomes of each envelope of a batch.

use jiff::Timestamp;

use super::Rules;
use super::candidates::Candidates;
use super::fold::{Case, Fold, Matched};
use crate::pipeline::early::EarlyBudget;
use crate::pipeline::envelope::Item;
use crate::receipt::decision::{Parked, Unmatched};
use crate::receipt::privacy::Parted;
use crate::receipt::{Receipt, Rejection};
use crate::store::messages::Found;

/// What becomes of one envelope.
#[expect(
    clippy::large_enum_variant,
    reason = "one at a time, and most are of the large one: boxed, each would be an allocation"
)]
pub(super) enum Fate<'a> {
    Matched(Matched<'a>),
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

/// Decides on an item; they come in stream order.
pub(super) fn fate<'a>(
    item: &'a Item,
    candidates: &'a Candidates<'a>,
    fold: &mut Fold<'a>,
    rules: &Rules,
    early: &mut EarlyBudget,
    now: Timestamp,
) -> Fate<'a> {
    let receipt = match &item.reading {
        Ok(receipt) => receipt,
        Err(rejection) => {
            let rejection = *rejection;
            return Fate::Rejected { item, rejection };
        }
    };
    match find(item, receipt, candidates, rules) {
        Ok(found) => {
            let case = Case {
                key: item.envelope.identity.row_key(),
                receipt_id: item.envelope.identity.receipt_id(),
                receipt,
                late: false,
            };
            Fate::Matched(fold.decide(case, found, now))
        }
        Err(Unmatched::NoMessage) if may_wait(item, rules) && early.take() => Fate::Early,
        Err(because) => park(item, receipt, because, now),
    }
}

fn find<'a>(
    item: &Item,
    receipt: &Receipt,
    candidates: &'a Candidates<'a>,
    rules: &Rules,
) -> Result<Found<'a>, Unmatched> {
    if item.poison {
        return Err(Unmatched::StoreRefused);
    }
    if item.envelope.deliveries > u64::from(rules.deliveries_max) {
        return Err(Unmatched::RedeliveredTooOften);
    }
    candidates.matching(receipt, item.envelope.identity.stored_at())
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
