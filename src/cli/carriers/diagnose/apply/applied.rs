//! What came of a proposal, and how long to wait for more.

use std::time::Duration;

use serde::Serialize;

use crate::diagnosis::Diagnosis;

/// How often the open receipts are counted.
const COUNTED_EVERY: Duration = Duration::from_secs(1);
/// How long nothing may happen any more, once something has.
const QUIET: Duration = Duration::from_secs(15);

/// Of the receipts that were studied. What was parked since is in none of the counts.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli::carriers::diagnose) struct Applied {
    revision: i32,
    open_before: u64,
    /// Have ended since.
    resolved: u64,
    pub(super) open: u64,
    /// At least so many were expected to end.
    pub(super) expected: u64,
    /// The proposal was tried on some of them only, so more than that may end.
    #[serde(skip)]
    is_estimate: bool,
}

impl Applied {
    pub(super) fn new(revision: i32, diagnosis: &Diagnosis) -> Self {
        let open = diagnosis.parked.open;
        let (expected, is_estimate) = expected(diagnosis);
        Self {
            revision,
            open_before: open,
            resolved: 0,
            open,
            expected,
            is_estimate,
        }
    }

    pub(in crate::cli::carriers::diagnose) fn is_complete(&self) -> bool {
        self.resolved >= self.expected
    }

    /// There is nothing more to wait for.
    pub(super) fn is_over(&self) -> bool {
        self.open == 0 || (self.is_complete() && !self.is_estimate)
    }

    /// Whether anything has changed.
    pub(super) fn count(&mut self, open: u64) -> bool {
        let before = std::mem::replace(&mut self.open, open);
        self.resolved = self.open_before.saturating_sub(open);
        open != before
    }

    pub(super) fn tally(&self) -> String {
        let Self { resolved, open, .. } = self;
        format!("{resolved} have ended, {open} are still open")
    }
}

/// Those that the dry run matched; if it tried some only, as many of all as that allows to say for
/// certain: three standard deviations less than their share. And whether it did.
fn expected(diagnosis: &Diagnosis) -> (u64, bool) {
    let parked = &diagnosis.parked;
    let dry_run = diagnosis.reading.as_ref();
    let Some(ran) = dry_run.and_then(|reading| reading.dry_run.as_ref()) else {
        return (0, false);
    };
    let gained = ran.gained as u64;
    if ran.complete {
        return (gained, false);
    }
    let of = |part: usize, whole: usize, all: u64| {
        let scaled = u128::from(all) * part as u128 / (whole as u128).max(1);
        u64::try_from(scaled).unwrap_or(u64::MAX)
    };
    let seen = parked.studied + parked.unreadable;
    let readable = of(parked.studied, seen, parked.open);
    let share = of(ran.gained, ran.counts.studied, readable);
    let deviation = readable / (2 * (ran.counts.studied as u64).isqrt()).max(1);
    (share.saturating_sub(3 * deviation).max(gained), true)
}

/// How long is waited.
pub(super) struct Watch {
    pub(super) at_most: Duration,
    /// When a count last was another one, since the beginning.
    pub(super) changed: Duration,
}

impl Watch {
    /// The pause after a count that took so long and came in at `now`, since the beginning; `None`
    /// when nothing more is waited for.
    pub(super) fn pause(
        &self,
        applied: &Applied,
        took: Duration,
        now: Duration,
    ) -> Option<Duration> {
        let is_quiet = applied.resolved > 0 && now.saturating_sub(self.changed) > QUIET;
        if applied.is_over() || is_quiet || now >= self.at_most {
            return None;
        }
        // Counting is cheap, but not where a million of them are open, and while they are swept.
        let pause = COUNTED_EVERY.max(took * 4);
        Some(pause.min(self.at_most.saturating_sub(now)))
    }
}

#[cfg(test)]
mod tests;
