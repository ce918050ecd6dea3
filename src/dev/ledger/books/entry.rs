//! What was written about one receipt.

use crate::dev::scenario::{Disposition, Fate};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::dev::ledger) enum Resolution {
    Matched,
    Discarded,
    Lapsed,
}

impl Resolution {
    pub(in crate::dev::ledger) fn of(word: &str) -> Option<Self> {
        match word {
            "matched" => Some(Self::Matched),
            "discarded" => Some(Self::Discarded),
            "lapsed" => Some(Self::Lapsed),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Entry {
    disposition: Option<Disposition>,
    /// Decided after parking.
    late: Option<Disposition>,
    resolution: Option<Resolution>,
    twice: bool,
    /// Rejected, then read anew and parked.
    redriven: bool,
}

impl Entry {
    pub(super) fn dispose(&mut self, disposition: Disposition) {
        self.twice |= self.disposition.replace(disposition).is_some();
    }

    pub(super) fn decide_late(&mut self, disposition: Disposition) {
        self.twice |= self.late.replace(disposition).is_some();
    }

    pub(super) fn resolve(&mut self, resolution: Resolution) {
        self.twice |= self.resolution.replace(resolution).is_some();
    }

    pub(super) fn redrive(&mut self) {
        self.twice |= self.redriven;
        self.redriven = true;
    }

    pub(super) fn disposition(self) -> Option<Disposition> {
        self.disposition
    }

    /// Two rows of a kind that may have one.
    pub(super) fn has_two(self) -> bool {
        self.twice
    }

    /// Nothing while it has no end, or one that contradicts itself or that no simulation means: a
    /// horizon is days away, and nobody discards.
    pub(super) fn fate(self) -> Option<Fate> {
        if self.redriven && self.disposition? == Disposition::Rejected {
            return Some(Fate::Rejected);
        }
        match (self.disposition?, self.late, self.resolution) {
            (Disposition::Applied, None, None) => Some(Fate::Applied),
            (Disposition::Recorded, None, None) => Some(Fate::Recorded),
            (Disposition::Rejected, None, None) => Some(Fate::Rejected),
            (Disposition::Parked, None, None) => Some(Fate::Parked),
            (Disposition::Parked, Some(_), Some(Resolution::Matched)) => Some(Fate::Matched),
            _ => None,
        }
    }
}

#[cfg(test)]
impl Entry {
    pub(super) fn end(&mut self, fate: Fate) {
        match fate {
            Fate::Applied => self.dispose(Disposition::Applied),
            Fate::Recorded => self.dispose(Disposition::Recorded),
            Fate::Rejected => self.dispose(Disposition::Rejected),
            Fate::Parked => self.dispose(Disposition::Parked),
            Fate::Matched => {
                self.dispose(Disposition::Parked);
                self.decide_late(Disposition::Applied);
                self.resolve(Resolution::Matched);
            }
        }
    }
}
