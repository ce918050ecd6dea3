//! How each receipt ended, against what the scenario meant.

use crate::dev::ledger::Sample;
use crate::dev::scenario::{Fate, Kind, Story};
use crate::dev::traffic::Receipt;

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Fates {
    /// A sound receipt rejected, a broken one not, an unmatched one matched, a matched one parked.
    pub wrong: Sample,
    /// Early receipts that were parked first, because there was no room for them to wait.
    pub early_parked: u64,
    /// Late receipts that were not, because they waited in the stream until their message was there.
    pub late_waited: u64,
    /// Applied where recorded was meant or the other way round: receipts of one message that came
    /// in another order, after a repeated publish or a redelivery. The final status tells whether it
    /// did harm.
    pub reordered: u64,
}

impl Fates {
    /// Whether the receipt ended well.
    pub(super) fn judge(
        &mut self,
        receipt: &Receipt,
        story: &Story,
        found: Option<Fate>,
        repaired: bool,
    ) -> bool {
        // Counted where the books are.
        let Some(found) = found else { return false };
        let meant = story.fate(receipt.step);
        match (story.kind, found) {
            (Kind::NotationFault, Fate::Parked) if !repaired => {}
            (_, found) if found == meant => {}
            (Kind::Early, Fate::Matched) => self.early_parked += 1,
            (Kind::Late, Fate::Applied) => self.late_waited += 1,
            (_, found) if is_at_once(found) && is_at_once(meant) => self.reordered += 1,
            _ => {
                self.wrong.add(receipt.sequence);
                return false;
            }
        }
        true
    }
}

/// Whether it found its message without parking.
fn is_at_once(fate: Fate) -> bool {
    matches!(fate, Fate::Applied | Fate::Recorded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dev::scenario::{Scenario, Shares};

    fn scenario() -> Scenario {
        let shares = Shares {
            duplicates: 5.0,
            early: 5.0,
            late: 5.0,
            out_of_order: 5.0,
            unknown_words: 5.0,
            notation_fault: 5.0,
            unmatched: 5.0,
            invalid: 5.0,
        };
        Scenario::new(3, "2026-11-21T12:00:00Z".parse().unwrap(), 100.0, shares).unwrap()
    }

    fn story(kind: Kind) -> Story {
        let scenario = scenario();
        let mut stories = (0..1_000).map(|number| scenario.story(number));
        stories.find(|story| story.kind == kind).unwrap()
    }

    fn judge(kind: Kind, step: u8, found: Fate, repaired: bool) -> (bool, Fates) {
        let story = story(kind);
        let receipt = Receipt {
            sequence: 1,
            story: story.number,
            step,
        };
        let mut fates = Fates::default();
        let well = fates.judge(&receipt, &story, Some(found), repaired);
        (well, fates)
    }

    #[test]
    fn an_end_that_the_scenario_did_not_mean_is_wrong() {
        for (kind, found) in [
            (Kind::Delivered, Fate::Rejected),
            (Kind::Delivered, Fate::Parked),
            (Kind::Delivered, Fate::Matched),
            (Kind::Early, Fate::Parked),
            (Kind::Late, Fate::Parked),
            (Kind::UnknownWord, Fate::Matched),
            (Kind::NotationFault, Fate::Parked),
            (Kind::NotationFault, Fate::Applied),
            (Kind::Invalid, Fate::Applied),
            (Kind::Unmatched, Fate::Applied),
            (Kind::Unmatched, Fate::Matched),
        ] {
            let (well, fates) = judge(kind, 0, found, true);
            assert!(!well, "{kind:?} {found:?}");
            assert_eq!(fates.wrong.first, [1], "{kind:?} {found:?}");
        }
        for kind in Kind::ALL {
            let meant = story(kind).fate(0);
            assert_eq!(judge(kind, 0, meant, true), (true, Fates::default()));
        }
    }

    #[test]
    fn what_depends_on_the_load_is_no_error() {
        let tolerated = [
            judge(Kind::Early, 0, Fate::Matched, true),
            judge(Kind::Late, 0, Fate::Applied, true),
            judge(Kind::OutOfOrder, 1, Fate::Applied, true),
            judge(Kind::NotationFault, 0, Fate::Parked, false),
        ];
        assert!(tolerated.iter().all(|(well, _)| *well), "{tolerated:?}");
        let counts = tolerated.map(|(_, it)| [it.early_parked, it.late_waited, it.reordered]);
        assert_eq!(counts, [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]]);
    }
}
