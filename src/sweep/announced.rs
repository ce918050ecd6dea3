//! Which redriven receipts were announced as parked.
//!
//! Nobody but the sweeper announces them, and no table says that it did. So a process keeps in mind
//! for which of them the stream has confirmed the notice: another process, or one that was started
//! again, announces them once more, but not at each of a receipt's looks.

use std::collections::HashSet;

use crate::receipt::ids::ReceiptId;

/// Of so many open receipts at least, none is announced twice; 5 MiB at most.
const KEPT: usize = 65_536;

/// Forgets what was not asked about for longest, since another process may have resolved it.
#[derive(Debug)]
pub(super) struct Announced {
    young: HashSet<ReceiptId>,
    old: HashSet<ReceiptId>,
    kept: usize,
}

impl Announced {
    pub(super) fn new() -> Self {
        Self::keeping(KEPT)
    }

    fn keeping(kept: usize) -> Self {
        Self {
            young: HashSet::new(),
            old: HashSet::new(),
            kept,
        }
    }

    pub(super) fn has(&self, id: ReceiptId) -> bool {
        self.young.contains(&id) || self.old.contains(&id)
    }

    /// Its notice is confirmed, now or before.
    pub(super) fn add(&mut self, id: ReceiptId) {
        if self.young.len() >= self.kept && !self.young.contains(&id) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(id);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn ids(range: std::ops::Range<u128>) -> impl Iterator<Item = ReceiptId> {
        range.map(|id| ReceiptId(Uuid::from_u128(id)))
    }

    /// As looks do: whoever is known is added again.
    fn look(announced: &mut Announced, ids: impl Iterator<Item = ReceiptId>) -> usize {
        let mut published = 0;
        for id in ids {
            published += usize::from(!announced.has(id));
            announced.add(id);
        }
        published
    }

    #[test]
    fn as_many_as_are_kept_are_published_once_however_often_they_are_looked_at() {
        let mut announced = Announced::keeping(100);
        assert_eq!(look(&mut announced, ids(0..100)), 100);
        for _ in 0..5 {
            assert_eq!(look(&mut announced, ids(0..100)), 0);
        }
    }

    #[test]
    fn what_is_looked_at_no_more_makes_room() {
        let mut announced = Announced::keeping(100);
        for round in 0..50 {
            let these = round * 50..round * 50 + 100;
            look(&mut announced, ids(these.clone()));
            assert_eq!(look(&mut announced, ids(these)), 0);
            assert!(announced.young.len() + announced.old.len() <= 200);
        }
    }
}
