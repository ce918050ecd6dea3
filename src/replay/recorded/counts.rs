//! How many receipts of a replay ended how.

use std::collections::BTreeMap;

use serde::Serialize;

use super::decide::Decided;
use crate::receipt::decision::Verdict;

/// What became, or would become, of the recorded receipts.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    pub found: u64,
    /// Their words are known to nobody yet.
    pub still_unknown: u64,
    /// Replayed earlier, and taken to stand for the same then.
    pub replayed_before: u64,
    /// Their messages are older than the horizon, or gone.
    pub beyond_horizon: u64,
    /// They raise their messages.
    pub applied: u64,
    /// They change nothing, by reason.
    pub recorded: BTreeMap<&'static str, u64>,
    /// PostgreSQL will not have their messages changed.
    pub refused: u64,
}

impl Counts {
    /// Receipts that get a row.
    pub fn decided(&self) -> u64 {
        self.applied + self.recorded.values().sum::<u64>()
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.found += other.found;
        self.still_unknown += other.still_unknown;
        self.replayed_before += other.replayed_before;
        self.beyond_horizon += other.beyond_horizon;
        self.applied += other.applied;
        self.refused += other.refused;
        for (reason, count) in &other.recorded {
            *self.recorded.entry(reason).or_default() += count;
        }
    }

    pub(super) fn count(&mut self, decided: &Decided<'_>) {
        self.beyond_horizon += decided.without_message;
        self.replayed_before += decided.in_vain_again;
        for anew in &decided.anew {
            match anew.verdict {
                Verdict::Applied => self.applied += 1,
                Verdict::Recorded(because) => {
                    *self.recorded.entry(because.as_str()).or_default() += 1;
                }
            }
        }
    }
}
