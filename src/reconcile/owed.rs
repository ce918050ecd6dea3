//! What an envelope's rows say: which end it has, whether they contradict one another, and which
//! events they call for.

use jiff::Timestamp;

use super::named::{About, Claim, Due, Name, Word};
use crate::events;
use crate::receipt::ids::{EventKind, ReceiptId, message_event_id, unmatched_event_id};
use crate::store::books::{Entry, ReceiptRow};
use crate::store::story;

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

/// Which rows there are under one key.
pub(super) struct Shape<'a> {
    /// Whether it was decided after parking; `None` when it was not decided.
    late: Option<bool>,
    /// Whether it was redriven; `None` when it was not parked.
    redriven: Option<bool>,
    rejected: bool,
    resolution: Option<&'a str>,
    replayed: bool,
}

impl<'a> Shape<'a> {
    pub(super) fn of(entry: &'a Entry) -> Self {
        Self {
            late: entry.receipt.as_ref().map(|row| row.late),
            redriven: entry.parked.as_ref().map(|row| row.redriven),
            rejected: entry.rejected,
            resolution: entry.resolution.as_ref().map(|row| &*row.resolution),
            replayed: !entry.replays.is_empty(),
        }
    }

    pub(super) fn of_all(rows: &'a story::Rows) -> Self {
        Self {
            late: rows.receipt.as_ref().map(|row| row.late),
            redriven: rows.parked.as_ref().map(|row| row.reason == "redriven"),
            rejected: rows.rejected.is_some(),
            resolution: rows.resolution.as_ref().map(|row| &*row.resolution),
            replayed: !rows.replays.is_empty(),
        }
    }

    /// Whether what follows a disposition fits it: a late decision and a resolution are of a parked
    /// receipt, `matched` is of a late decision, and only what was decided is decided anew.
    pub(super) fn is_consistent(&self) -> bool {
        let late = self.late == Some(true);
        let parked_fits = self.redriven.is_some() || (!late && self.resolution.is_none());
        // A late decision without its resolution is under way.
        let matched = self.resolution.map(|word| word == "matched");
        let resolution_fits = matched.is_none_or(|matched| matched == late);
        let replays_fit = self.late.is_some() || !self.replayed;
        let redriven_fits = self.rejected || self.redriven != Some(true);
        parked_fits && resolution_fits && replays_fit && redriven_fits
    }
}

/// The events that the rows call for. `settled`: the envelope's disposition has its events out; until
/// then it is delivered again. For what is decided behind the disposition nothing but the sweeper
/// stands in: what was decided before `overdue` has its events out, or somebody has to see to it.
pub(super) fn claims(entry: &Entry, settled: bool, overdue: Timestamp) -> Vec<Claim> {
    let mut claims = Vec::new();
    let mut claim = |name: Option<Name>, id, about, out: bool, at: Timestamp| {
        let Some(name) = name else { return };
        let due = if out { Due::Yes } else { Due::NotYet };
        claims.push(Claim {
            name,
            id,
            about,
            sequence: entry.sequence,
            due,
            decided_at: at.as_microsecond(),
        });
    };
    if let Some(receipt) = &entry.receipt {
        // A late decision is out when its resolution is there; until then the sweeper repeats it.
        let out = if receipt.late {
            entry.resolution.is_some() || receipt.processed_at < overdue
        } else {
            settled
        };
        let first = receipt
            .applied
            .then_some((&receipt.status, out, receipt.processed_at));
        let replays = entry.replays.iter();
        let replays = replays.map(|row| {
            let out = row.confirmed || row.replayed_at < overdue;
            (&row.status, out, row.replayed_at)
        });
        for (status, out, at) in first.into_iter().chain(replays) {
            for kind in kinds(status) {
                claim(
                    name(receipt, kind, status),
                    id(receipt, kind, status),
                    About::Message(receipt.message_id),
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
            let about = About::ParkedAt(parked.parked_at.as_microsecond());
            claim(name, Some(id), about, out, at);
        };
        let resolution = entry.resolution.as_ref();
        // What was redriven is announced by whoever redrives it, and then perhaps by the sweeper.
        let announced = if parked.redriven {
            resolution.is_some() || parked.parked_at < overdue
        } else {
            resolution.is_some() || settled
        };
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
    pub(super) fn of(self, kind: EventKind) -> Timestamp {
        match kind {
            EventKind::Billing => self.billing,
            EventKind::Webhook => self.webhook,
            EventKind::Unmatched => self.unmatched,
        }
    }
}

#[cfg(test)]
mod tests;
