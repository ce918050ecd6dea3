//! Where each message of a batch stands, by its place in the batch.
//!
//! Messages of one kind share reply subjects. Each subject is new to the caches that nats-server
//! routes by, and one for each message cost it a tenth of its time (`load-tests/results`). In turn a
//! fault is known of a group only: the group is published again then, each message with its own.
//!
//! A group is confirmed by as many different sequences as it has messages, not by as many answers: a
//! server that comes to lead a replicated stream may answer once more what the one before it has
//! answered, and never answer the rest.

use std::collections::VecDeque;

use async_nats::Subject;

use super::packing::Parcel;
use super::replies::Replies;
use crate::events::EventKind;

/// Most messages of a group: as many as one refusal may repeat.
const GROUP_MAX: usize = 32;

pub(super) struct Round<'a> {
    parcels: Vec<Parcel<'a>>,
    waiting: VecDeque<usize>,
    groups: Groups,
    /// To be published again when all the others have been heard of.
    failed: VecDeque<usize>,
}

/// Those since the last pause, by their numbers, one behind the other.
struct Groups {
    first: u64,
    made: Vec<Group>,
    /// Messages of a group.
    size_max: usize,
    under_way: usize,
}

/// Messages that are confirmed to one reply subject.
struct Group {
    reply: Subject,
    kind: EventKind,
    size: usize,
    /// Published and not known to be confirmed: answers tell how many of them are, not which.
    doubtful: Vec<usize>,
    /// Answers that are to come.
    awaited: usize,
    /// Where those lie in the stream that are confirmed.
    confirmed: Vec<u64>,
}

impl Groups {
    /// Where confirmation of the next message of this kind is to go.
    fn reply(&mut self, kind: EventKind, replies: &mut Replies) -> Subject {
        let open = self.made.last();
        let open = open.filter(|it| it.kind == kind && it.size < self.size_max);
        if let Some(open) = open {
            return open.reply.clone();
        }
        let (number, reply) = replies.next();
        if self.made.is_empty() {
            self.first = number;
        }
        self.made.push(Group {
            reply: reply.clone(),
            kind,
            size: 0,
            doubtful: Vec::with_capacity(self.size_max),
            awaited: 0,
            confirmed: Vec::with_capacity(self.size_max),
        });
        reply
    }

    fn of_number(&mut self, number: u64) -> Option<&mut Group> {
        let place = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.made.get_mut(place).filter(|group| group.awaited > 0)
    }
}

impl Group {
    /// Gives up what is not known to be confirmed.
    fn give_up(&mut self) -> Vec<usize> {
        // Nothing may join it: late answers would be taken for its own.
        self.size = usize::MAX;
        self.awaited = 0;
        std::mem::take(&mut self.doubtful)
    }
}

impl<'a> Round<'a> {
    /// Of messages that are sorted by kind.
    pub(super) fn of(parcels: Vec<Parcel<'a>>) -> Self {
        let groups = Groups {
            first: 0,
            made: Vec::new(),
            size_max: GROUP_MAX,
            under_way: 0,
        };
        Self {
            waiting: (0..parcels.len()).collect(),
            parcels,
            groups,
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
        self.groups.under_way
    }

    /// Whoever had to wait for another's fault waits for nobody's from now on.
    pub(super) fn again(&mut self) {
        std::mem::swap(&mut self.waiting, &mut self.failed);
        self.groups.made.clear();
        self.groups.size_max = 1;
    }

    /// The next to be published, and where its confirmation is to go.
    pub(super) fn next(&mut self, replies: &mut Replies) -> Option<(usize, Subject)> {
        let at = self.waiting.pop_front()?;
        let kind = self.parcels[at].kind();
        Some((at, self.groups.reply(kind, replies)))
    }

    /// What [`next`](Self::next) gave last is published.
    pub(super) fn sent(&mut self, at: usize) {
        let group = self.groups.made.last_mut();
        let group = group.expect("it was given the reply of the last group");
        group.size += 1;
        group.awaited += 1;
        group.doubtful.push(at);
        self.groups.under_way += 1;
    }

    /// The kind of messages of which an answer to this reply subject tells; `None` if it is not
    /// awaited.
    pub(super) fn awaited(&mut self, number: u64) -> Option<EventKind> {
        self.groups.of_number(number).map(|group| group.kind)
    }

    /// The message of this group that lies at `sequence` of its stream is confirmed. Returns those of
    /// which it is now known that they are.
    pub(super) fn confirmed(&mut self, number: u64, sequence: u64) -> Vec<usize> {
        let Some(group) = self.groups.of_number(number) else {
            return Vec::new();
        };
        if group.confirmed.contains(&sequence) {
            return Vec::new();
        }
        group.confirmed.push(sequence);
        group.awaited -= 1;
        let known = match group.awaited {
            0 => std::mem::take(&mut group.doubtful),
            _ => Vec::new(),
        };
        self.groups.under_way -= 1;
        known
    }

    /// A message of this group is not stored. Returns those of which it may be one; they are
    /// published again.
    pub(super) fn refused(&mut self, number: u64) -> Vec<usize> {
        let Some(group) = self.groups.of_number(number) else {
            return Vec::new();
        };
        let awaited = group.awaited;
        let given_up = group.give_up();
        self.groups.under_way -= awaited;
        self.failed.extend(&given_up);
        given_up
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

    /// Gives up whatever is under way, and returns it; it is published again.
    pub(super) fn give_up(&mut self) -> Vec<usize> {
        let silent: Vec<usize> = self
            .groups
            .made
            .iter_mut()
            .flat_map(Group::give_up)
            .collect();
        self.failed.extend(&silent);
        self.groups.under_way = 0;
        silent
    }
}

#[cfg(test)]
mod tests;
