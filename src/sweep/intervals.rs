//! A small set of intervals: what is due, without a list of it.

use std::ops::Range;

/// Disjoint half-open intervals in ascending order. What overlaps or touches is merged, so however
/// often something is added, it is there once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Intervals<T>(Vec<Range<T>>);

impl<T> Default for Intervals<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Ord + Clone> Intervals<T> {
    /// Adds an interval; an empty one adds nothing.
    pub(super) fn insert(&mut self, added: Range<T>) {
        if added.is_empty() {
            return;
        }
        let first = self.0.partition_point(|old| old.end < added.start);
        let behind = self.0.partition_point(|old| old.start <= added.end);
        let mut merged = added;
        if let [lowest, .., highest] | [lowest @ highest] = &self.0[first..behind] {
            merged.start = merged.start.min(lowest.start.clone());
            merged.end = merged.end.max(highest.end.clone());
        }
        self.0.splice(first..behind, [merged]);
    }

    /// The end of the highest interval.
    pub(super) fn end(&self) -> Option<&T> {
        self.0.last().map(|last| &last.end)
    }

    /// Takes what there is of the highest interval from `from` on.
    pub(super) fn take_highest(&mut self, from: &T) -> Option<Range<T>> {
        let last = self.0.pop()?;
        if last.start >= *from || last.end <= *from {
            return Some(last);
        }
        self.0.push(last.start..from.clone());
        Some(from.clone()..last.end)
    }

    /// Takes the first interval, or the rest of it, from `from` on, if it begins before `until`.
    pub(super) fn take_next(&mut self, from: &T, until: &T) -> Option<Range<T>> {
        let at = self.0.partition_point(|old| old.end <= *from);
        let next = self.0.get(at).filter(|next| next.start < *until)?.clone();
        if next.start >= *from {
            self.0.remove(at);
            return Some(next);
        }
        self.0[at].end = from.clone();
        Some(from.clone()..next.end)
    }
}

#[cfg(test)]
impl<T> Intervals<T> {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn members(set: &Intervals<u8>) -> BTreeSet<u8> {
        set.0.iter().cloned().flatten().collect()
    }

    fn is_in_order(set: &Intervals<u8>) -> bool {
        set.0.iter().all(|it| !it.is_empty())
            && set.0.windows(2).all(|pair| pair[0].end < pair[1].start)
    }

    #[derive(Debug, Clone)]
    enum Step {
        Insert(Range<u8>),
        TakeHighest(u8),
        TakeNext(Range<u8>),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (any::<u8>(), 0..30_u8)
                .prop_map(|(from, length)| Step::Insert(from..from.saturating_add(length))),
            1 => any::<u8>().prop_map(Step::TakeHighest),
            1 => any::<Range<u8>>().prop_map(Step::TakeNext),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn it_holds_what_was_added_and_not_taken(
            steps in proptest::collection::vec(step(), 1..40),
        ) {
            let mut set = Intervals::default();
            let mut model = BTreeSet::new();
            for step in steps {
                let taken = match step {
                    Step::Insert(added) => {
                        model.extend(added.clone());
                        set.insert(added);
                        None
                    }
                    Step::TakeHighest(from) => set.take_highest(&from),
                    Step::TakeNext(within) => set.take_next(&within.start, &within.end),
                };
                for member in taken.into_iter().flatten() {
                    prop_assert!(model.remove(&member), "{} was not there", member);
                }
                prop_assert!(is_in_order(&set), "{:?}", set);
                prop_assert_eq!(&members(&set), &model);
            }
        }
    }

    #[test]
    fn the_highest_is_cut_where_it_is_asked_to_be() {
        let mut set = Intervals::default();
        set.insert(0..10);
        set.insert(20..30);
        assert_eq!(set.take_highest(&25), Some(25..30));
        assert_eq!(set.take_highest(&15), Some(20..25));
        assert_eq!(set.take_highest(&15), Some(0..10));
        assert_eq!(set.take_highest(&15), None);
    }

    #[test]
    fn the_next_begins_within_the_range_that_is_asked_for() {
        let mut set = Intervals::default();
        set.insert(0..10);
        set.insert(20..30);
        assert_eq!(set.take_next(&5, &20), Some(5..10));
        assert_eq!(set.take_next(&10, &20), None);
        assert_eq!(set.take_next(&10, &21), Some(20..30));
        assert_eq!(set.take_next(&0, &30), Some(0..5));
        assert_eq!(set.len(), 0);
    }
}
