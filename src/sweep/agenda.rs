//! What to look at next: the newest first, but nothing is left waiting for ever.
//!
//! Three take turns. The newest of what is due, because a message that comes at all mostly comes
//! soon. A cursor that goes through everything that is due from old to new and begins again, so that
//! a flood of new rows cannot keep the old ones from their looks and their end. And a pass over the
//! rows of carriers whose profile has changed.
//!
//! The first two take what they look at out of the same intervals, so a row is looked at at most once
//! for each time that it falls due, and once for all of them if the sweeper was away. A pass looks at
//! each row once more.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::intervals::Intervals;
use super::schedule::{Schedule, before};
use crate::store::sweep::Position;

/// How much parking time the newest turn takes at once: in a flood, rows that are parked meanwhile
/// need not wait for what is older.
const NEWEST: SignedDuration = SignedDuration::from_secs(2);

/// Most carriers of one pass; if more change together, everything is due.
const CARRIERS_MAX: usize = 64;

/// Open rows to look at: those in a range, of these carriers or of all.
#[derive(Debug, Clone)]
pub(super) struct Errand {
    pub(super) range: Range<Position>,
    pub(super) carriers: Option<Arc<[String]>>,
}

pub(super) struct Agenda {
    schedule: Schedule,
    /// The longest horizon there has been: what was parked under it may be open, also when every
    /// horizon is shorter by now.
    reach: SignedDuration,
    due: Intervals<Position>,
    /// What the cursor still has in front of it. Its end stays where it was when the cursor began:
    /// behind it there is always something new.
    ahead: Range<Position>,
    pass: Option<Errand>,
    /// Carriers for the next pass.
    changed: BTreeSet<String>,
    turn: Turn,
}

#[derive(Debug, Clone, Copy)]
enum Turn {
    Newest,
    Cursor,
    Pass,
}

impl Agenda {
    /// Everything that is open is due. The cursor begins with what may still match; what is older
    /// than the longest horizon has lapsed long ago, as a rule.
    pub(super) fn new(horizons: &BTreeSet<Duration>, now: Timestamp) -> Self {
        let schedule = Schedule::new(horizons, now);
        let mut due = Intervals::default();
        due.insert(whole(Timestamp::UNIX_EPOCH, now));
        Self {
            ahead: Position::at(before(now, schedule.longest()))..Position::at(now),
            reach: schedule.longest(),
            schedule,
            due,
            pass: None,
            changed: BTreeSet::new(),
            turn: Turn::Newest,
        }
    }

    /// Adds what has fallen due by `now`.
    pub(super) fn advance(&mut self, now: Timestamp) {
        for window in self.schedule.due(now) {
            self.due
                .insert(Position::at(window.start)..Position::at(window.end));
        }
        if self.pass.is_none() && !self.changed.is_empty() {
            let carriers: Vec<String> = std::mem::take(&mut self.changed).into_iter().collect();
            self.pass = Some(Errand {
                range: whole(self.oldest(now), now),
                carriers: Some(carriers.into()),
            });
        }
    }

    /// The rows of these carriers are due, all of them and at once.
    pub(super) fn profiles_changed(
        &mut self,
        carriers: impl IntoIterator<Item = String>,
        horizons: &BTreeSet<Duration>,
        now: Timestamp,
    ) {
        self.schedule.set_horizons(horizons, now);
        self.reach = self.reach.max(self.schedule.longest());
        self.changed.extend(carriers);
        if self.changed.len() > CARRIERS_MAX {
            self.changed.clear();
            self.due.insert(whole(self.oldest(now), now));
        }
    }

    /// Parked before this is nothing that is open, once everything has been looked at.
    fn oldest(&self, now: Timestamp) -> Timestamp {
        const MARGIN: SignedDuration = SignedDuration::from_hours(24);
        before(now, self.reach.saturating_add(MARGIN))
    }

    /// What to look at now; nothing if nothing is due. Whoever takes it looks at all of it, or
    /// [gives it back](Self::give_back).
    pub(super) fn next(&mut self) -> Option<Errand> {
        for _ in 0..3 {
            let (taken, then) = match self.turn {
                Turn::Newest => (self.newest(), Turn::Cursor),
                Turn::Cursor => (self.at_cursor(), Turn::Pass),
                Turn::Pass => (self.pass.take(), Turn::Newest),
            };
            self.turn = then;
            if taken.is_some() {
                return taken;
            }
        }
        None
    }

    fn newest(&mut self) -> Option<Errand> {
        let end = self.due.end()?.parked_at;
        let range = self.due.take_highest(&Position::at(before(end, NEWEST)))?;
        Some(Errand {
            range,
            carriers: None,
        })
    }

    fn at_cursor(&mut self) -> Option<Errand> {
        let Range { start, end } = &self.ahead;
        let mut taken = self.due.take_next(start, end);
        if taken.is_none() {
            self.ahead = Position::at(Timestamp::UNIX_EPOCH)..self.due.end()?.clone();
            taken = self.due.take_next(&self.ahead.start, &self.ahead.end);
        }
        let range = taken?;
        self.ahead.start = range.end.clone();
        Some(Errand {
            range,
            carriers: None,
        })
    }

    /// The part of an errand from `rest` on has not been looked at.
    pub(super) fn give_back(&mut self, errand: Errand, rest: Position) {
        let range = rest..errand.range.end;
        if errand.carriers.is_some() {
            self.pass = Some(Errand { range, ..errand });
            return;
        }
        if self.ahead.start == range.end {
            self.ahead.start = range.start.clone();
        }
        self.due.insert(range);
    }
}

/// Everything parked from `start` to `end`, both included.
fn whole(start: Timestamp, end: Timestamp) -> Range<Position> {
    let behind = end + SignedDuration::from_micros(1);
    Position::at(start)..Position::at(behind)
}

#[cfg(test)]
mod tests;
