//! What an envelope's rows say: which end it has, whether they contradict one another, and which
//! events they call for.

use jiff::Timestamp;

use super::named::{Claim, Due, Name, Word};
use crate::events;
use crate::receipt::ids::{EventKind, ReceiptId, message_event_id, unmatched_event_id};
use crate::store::books::{Entry, ReceiptRow};

/// The one recorded end of an envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Disposition {
    Applied,
    Recorded,
    Parked,
    Rejected,
}

/// How an entry ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    Once(Disposition),
    /// More than one disposition.
    Several,
    /// Rows that only follow a disposition, without one.
    None,
}

pub(super) fn end(entry: &Entry) -> End {
    let at_once = entry.receipt.as_ref().filter(|receipt| !receipt.late);
    let parked = entry.parked.as_ref().filter(|parked| !parked.redriven);
    let ends = [
        at_once.map(|receipt| {
            if receipt.applied {
                Disposition::Applied
            } else {
                Disposition::Recorded
            }
        }),
        parked.map(|_| Disposition::Parked),
        entry.rejected.then_some(Disposition::Rejected),
    ];
    let mut ends = ends.into_iter().flatten();
    match (ends.next(), ends.next()) {
        (Some(end), None) => End::Once(end),
        (Some(_), Some(_)) => End::Several,
        (None, _) => End::None,
    }
}

/// Whether what follows a disposition fits it: a late decision and a resolution are of a parked
/// receipt, `matched` is of a late decision, and only what was decided is decided anew.
pub(super) fn is_consistent(entry: &Entry) -> bool {
    let late = entry.receipt.as_ref().is_some_and(|receipt| receipt.late);
    let resolution = entry.resolution.as_ref();
    let matched = resolution.map(|row| row.resolution == "matched");
    let redriven = entry.parked.as_ref().is_some_and(|parked| parked.redriven);
    let parked_fits = entry.parked.is_some() || (!late && matched.is_none());
    // A late decision without its resolution is under way.
    let resolution_fits = matched.is_none_or(|matched| matched == late);
    let replays_fit = entry.receipt.is_some() || entry.replays.is_empty();
    parked_fits && resolution_fits && replays_fit && (entry.rejected || !redriven)
}

/// The events that the rows call for. `settled`: the envelope's disposition has its events out.
pub(super) fn claims(entry: &Entry, settled: bool, held_since: HeldSince) -> Vec<Claim> {
    let mut claims = Vec::new();
    let mut claim = |name: Option<Name>, id, out: bool, at: Timestamp| {
        let Some(name) = name else { return };
        let due = if !out {
            Due::NotYet
        } else if at < held_since.of(name.kind) {
            Due::NoLonger
        } else {
            Due::Yes
        };
        claims.push(Claim {
            name,
            id,
            sequence: entry.sequence,
            due,
        });
    };
    if let Some(receipt) = &entry.receipt {
        // A late decision is out when its resolution is there; until then the sweeper repeats it.
        let out = if receipt.late {
            entry.resolution.is_some()
        } else {
            settled
        };
        let first = receipt
            .applied
            .then_some((&receipt.status, out, receipt.processed_at));
        let replays = entry.replays.iter();
        let replays = replays.map(|row| (&row.status, row.confirmed, row.replayed_at));
        for (status, out, at) in first.into_iter().chain(replays) {
            for kind in kinds(status) {
                claim(
                    name(receipt, kind, status),
                    id(receipt, kind, status),
                    out,
                    at,
                );
            }
        }
    }
    if let Some(parked) = &entry.parked {
        let mut notice = |word: &str, out, at| {
            let name = Word::of(word).map(|word| Name {
                receipt: parked.receipt_id,
                kind: EventKind::Unmatched,
                word,
            });
            let id = unmatched_event_id(ReceiptId(parked.receipt_id), word);
            claim(name, Some(id), out, at);
        };
        let resolution = entry.resolution.as_ref();
        // What was redriven is announced by whoever redrives it, and then perhaps by the sweeper.
        let announced = resolution.is_some() || (settled && !parked.redriven);
        notice("parked", announced, parked.parked_at);
        if let Some(row) = resolution {
            notice(&row.resolution, true, row.resolved_at);
        }
    }
    claims
}

fn kinds(status: &str) -> impl Iterator<Item = EventKind> {
    let billing = events::is_billed(status).then_some(EventKind::Billing);
    [EventKind::Webhook].into_iter().chain(billing)
}

fn name(receipt: &ReceiptRow, kind: EventKind, status: &str) -> Option<Name> {
    Some(Name {
        receipt: receipt.receipt_id,
        kind,
        word: Word::of(status)?,
    })
}

fn id(receipt: &ReceiptRow, kind: EventKind, status: &str) -> Option<uuid::Uuid> {
    let operator_message_id = receipt.operator_message_id.as_deref()?;
    Some(message_event_id(
        kind,
        receipt.message_id,
        operator_message_id,
        status,
    ))
}

/// Since when each output stream holds all that was published.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeldSince {
    pub(super) billing: Timestamp,
    pub(super) webhook: Timestamp,
    pub(super) unmatched: Timestamp,
}

impl HeldSince {
    fn of(self, kind: EventKind) -> Timestamp {
        match kind {
            EventKind::Billing => self.billing,
            EventKind::Webhook => self.webhook,
            EventKind::Unmatched => self.unmatched,
        }
    }
}
