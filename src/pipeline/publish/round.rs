//! Where each message of a batch stands, by its place in the batch.

use std::collections::VecDeque;

use super::packing::Parcel;

pub(super) struct Round<'a> {
    parcels: Vec<Parcel<'a>>,
    waiting: VecDeque<usize>,
    attempts: Attempts,
    /// To be published again when all the others have been heard of.
    failed: VecDeque<usize>,
}

/// Attempts since the last pause, by their numbers, which are close behind each other.
struct Attempts {
    first: u64,
    /// What each is about, until it is heard of. `None` also for what was not sent after all.
    about: Vec<Option<usize>>,
    under_way: usize,
}

impl<'a> Round<'a> {
    pub(super) fn of(parcels: Vec<Parcel<'a>>) -> Self {
        let attempts = Attempts {
            first: 0,
            about: Vec::with_capacity(parcels.len()),
            under_way: 0,
        };
        Self {
            waiting: (0..parcels.len()).collect(),
            parcels,
            attempts,
            failed: VecDeque::new(),
        }
    }

    pub(super) fn parcel(&self, at: usize) -> &Parcel<'a> {
        &self.parcels[at]
    }

    /// Everything is confirmed.
    pub(super) fn is_over(&self) -> bool {
        self.is_spent() && self.failed.is_empty()
    }

    /// Everything was heard of, or given up.
    pub(super) fn is_spent(&self) -> bool {
        self.waiting.is_empty() && self.under_way() == 0
    }

    pub(super) fn under_way(&self) -> usize {
        self.attempts.under_way
    }

    pub(super) fn again(&mut self) {
        std::mem::swap(&mut self.waiting, &mut self.failed);
        self.attempts.about.clear();
    }

    /// The next to be sent.
    pub(super) fn next(&mut self) -> Option<usize> {
        self.waiting.pop_front()
    }

    /// Numbers of attempts only rise.
    pub(super) fn sent(&mut self, attempt: u64, at: usize) {
        let Attempts {
            first,
            about,
            under_way,
        } = &mut self.attempts;
        if about.is_empty() {
            *first = attempt;
        }
        while *first + (about.len() as u64) < attempt {
            about.push(None);
        }
        about.push(Some(at));
        *under_way += 1;
    }

    /// What an attempt was about; `None` for one that was heard of, given up, or never made.
    pub(super) fn heard_of(&mut self, attempt: u64) -> Option<usize> {
        let Attempts {
            first,
            about,
            under_way,
        } = &mut self.attempts;
        let place = usize::try_from(attempt.checked_sub(*first)?).ok()?;
        let at = about.get_mut(place)?.take()?;
        *under_way -= 1;
        Some(at)
    }

    pub(super) fn failed(&mut self, at: usize) {
        self.failed.push_back(at);
    }

    /// The server takes less than when this was packed. It was never sent, so it may be packed anew.
    pub(super) fn too_large(&mut self, at: usize) {
        if let Some((first, second)) = self.parcels[at].halves() {
            self.parcels[at] = first;
            self.failed.push_back(self.parcels.len());
            self.parcels.push(second);
        }
        self.failed.push_back(at);
    }

    /// Gives up whatever is under way, and names one of them.
    pub(super) fn give_up(&mut self) -> Option<usize> {
        let before = self.failed.len();
        let silent = self.attempts.about.iter_mut().filter_map(Option::take);
        self.failed.extend(silent);
        self.attempts.under_way = 0;
        self.failed.get(before).copied()
    }
}

#[cfg(test)]
mod tests;
