//! Which receipt is due when: an open loop, whatever the processor does.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use super::{Scenario, Story};

/// One receipt and its intended time, counted from the start of the run.
#[derive(Debug)]
pub struct Planned {
    pub at: Duration,
    pub story: Story,
    pub step: u8,
}

/// Endless: the caller stops when its time is over. Slots are evenly spaced, one receipt each; a
/// receipt that follows an earlier one of its message takes the first slot after its delay.
#[derive(Debug)]
pub struct Schedule {
    scenario: Scenario,
    slot: u64,
    next_story: u64,
    /// (due slot, story, step) of receipts that follow another.
    following: BinaryHeap<Reverse<(u64, u64, u8)>>,
}

impl Schedule {
    pub fn new(scenario: Scenario) -> Self {
        Self {
            scenario,
            slot: 0,
            next_story: 0,
            following: BinaryHeap::new(),
        }
    }

    fn begin_story(&mut self) -> (Story, u8) {
        let story = self.scenario.story(self.next_story);
        self.next_story += 1;
        for step in 1..story.steps() {
            let slots = story.after(step).as_secs_f64() * self.scenario.rate();
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a few seconds' worth of slots"
            )]
            let due = self.slot + slots.ceil() as u64;
            self.following.push(Reverse((due, story.number, step)));
        }
        (story, 0)
    }
}

impl Iterator for Schedule {
    type Item = Planned;

    fn next(&mut self) -> Option<Planned> {
        #[expect(clippy::cast_precision_loss, reason = "below 2^52 slots for centuries")]
        let at = Duration::from_secs_f64(self.slot as f64 / self.scenario.rate());
        let due = self
            .following
            .peek()
            .is_some_and(|Reverse((due, ..))| *due <= self.slot);
        let (story, step) = match due.then(|| self.following.pop()).flatten() {
            Some(Reverse((_, number, step))) => (self.scenario.story(number), step),
            None => self.begin_story(),
        };
        self.slot += 1;
        Some(Planned { at, story, step })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::super::tests::scenario;
    use super::*;

    #[test]
    fn receipts_are_evenly_spaced_and_each_story_is_told_in_order() {
        let mut told: HashMap<u64, u8> = HashMap::new();
        for (slot, planned) in Schedule::new(scenario()).take(20_000).enumerate() {
            assert_eq!(planned.at, Duration::from_millis(slot as u64));
            let next = told.entry(planned.story.number).or_default();
            assert_eq!(planned.step, *next);
            *next += 1;
        }
    }

    #[test]
    fn a_following_receipt_waits_its_delay_and_little_more() {
        let mut began = HashMap::new();
        for planned in Schedule::new(scenario()).take(20_000) {
            let first = *began.entry(planned.story.number).or_insert(planned.at);
            let waited = planned.at.checked_sub(first).unwrap();
            let meant = planned.story.after(planned.step);
            assert!(waited >= meant, "{waited:?} {meant:?}");
            assert!(
                waited < meant + Duration::from_millis(20),
                "{waited:?} {meant:?}"
            );
        }
    }
}
