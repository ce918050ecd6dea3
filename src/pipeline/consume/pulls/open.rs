//! What is asked for and has not come, counted.

use std::collections::VecDeque;
use std::time::Instant;

/// Oldest first. An envelope does not say which pull it answers, and the server serves those that are
/// open in turns; it counts for the oldest. So it is never taken for younger than it is: as many as
/// the older ones asked for can have been sent before a pull was made, and no more.
#[derive(Default)]
pub(super) struct Open {
    pulls: VecDeque<Pull>,
    /// The sum of what is left of them.
    awaited: usize,
}

struct Pull {
    asked: Instant,
    left: usize,
}

impl Open {
    /// Envelopes that are still to come.
    pub(super) fn awaited(&self) -> usize {
        self.awaited
    }

    /// A pull for `count` envelopes is made.
    pub(super) fn ask(&mut self, asked: Instant, count: usize) {
        self.pulls.push_back(Pull { asked, left: count });
        self.awaited += count;
    }

    /// An envelope has come. Returns when it was asked for; `None` if none was.
    pub(super) fn answer(&mut self) -> Option<Instant> {
        let asked = self.pulls.front()?.asked;
        self.end(1);
        Some(asked)
    }

    /// As many envelopes will not come. Returns how many of them were awaited.
    pub(super) fn end(&mut self, count: usize) -> usize {
        let answered = count.min(self.awaited);
        self.awaited -= answered;
        let mut count = answered;
        while count > 0
            && let Some(oldest) = self.pulls.front_mut()
        {
            let part = count.min(oldest.left);
            count -= part;
            oldest.left -= part;
            if oldest.left == 0 {
                self.pulls.pop_front();
            }
        }
        answered
    }

    /// When the oldest pull was made.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.pulls.front().map(|pull| pull.asked)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn open(pulls: &[(u32, usize)]) -> (Instant, Open) {
        let start = Instant::now();
        let mut open = Open::default();
        for &(at, count) in pulls {
            open.ask(start + SECOND * at, count);
        }
        (start, open)
    }

    #[test]
    fn an_envelope_counts_for_the_oldest_pull() {
        let (start, mut open) = open(&[(0, 2), (1, 1)]);
        assert_eq!(open.awaited(), 3);
        for (asked, awaited) in [(0, 2), (0, 1), (1, 0)] {
            assert_eq!(open.answer(), Some(start + SECOND * asked));
            assert_eq!(open.awaited(), awaited);
        }
        assert_eq!(open.answer(), None);
    }

    #[test]
    fn one_word_may_end_a_pull_and_part_of_the_next() {
        let (start, mut open) = open(&[(0, 5), (1, 5)]);
        assert_eq!(open.end(7), 7);
        assert_eq!(open.awaited(), 3);
        assert_eq!(open.answer(), Some(start + SECOND));
    }

    #[test]
    fn no_more_is_ended_than_was_asked_for() {
        let (_, mut open) = open(&[(0, 5)]);
        assert_eq!(open.end(9), 5);
        assert_eq!(open.end(1), 0);
        assert_eq!(open.awaited(), 0);
    }

    #[test]
    fn the_oldest_pull_is_the_first_that_lacks_an_answer() {
        let (start, mut open) = open(&[(0, 2), (1, 1)]);
        assert_eq!(open.oldest(), Some(start));
        open.end(2);
        assert_eq!(open.oldest(), Some(start + SECOND));
        open.end(1);
        assert_eq!(open.oldest(), None);
    }
}
