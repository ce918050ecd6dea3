//! The messages that a batch's receipts may be about.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use crate::config;
use crate::receipt::Receipt;
use crate::receipt::decision::Unmatched;
use crate::store::messages::{CANDIDATES_MAX, Candidate, Found, Key};
use crate::store::{Session, StoreError};

/// How far apart a receipt and its message may be, for carriers give an id to one message after
/// another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reach {
    /// Of the message before its receipt; for carriers whose profile names no other.
    pub(crate) horizon: Duration,
    /// Of the message behind its receipt: how late the orchestrator may write it.
    pub(crate) lag: Duration,
}

/// When the message of one receipt was created: after the horizon, and not after `until`.
#[derive(Debug, Clone, Copy)]
struct Window {
    horizon: Timestamp,
    until: Timestamp,
}

pub(crate) struct Candidates<'a> {
    reach: Reach,
    keys: HashMap<(&'a str, &'a str), usize>,
    /// Of each receipt its key and its own window.
    wanted: Vec<(usize, Window)>,
    /// Those of one key stand together.
    found: Vec<Candidate>,
    /// For each key where its candidates begin, and how many there are.
    slots: Vec<(usize, usize)>,
    /// No message asked for is older.
    pub(crate) horizon: Timestamp,
}

impl Reach {
    pub(crate) fn of(pipeline: &config::Pipeline) -> Self {
        Self {
            horizon: pipeline.horizon,
            lag: pipeline.message_lag,
        }
    }

    fn window(self, receipt: &Receipt, stored_at: Timestamp) -> Window {
        let horizon = receipt.profile().horizon.unwrap_or(self.horizon);
        Window {
            horizon: before(stored_at, horizon),
            until: plus_micros(stored_at, micros(self.lag)).unwrap_or(Timestamp::MAX),
        }
    }
}

impl<'a> Candidates<'a> {
    /// Each receipt comes with the time at which the stream stored it, which is what its message's
    /// age is counted from: none loses its message, or takes another's, by waiting, neither in the
    /// stream while we are away, nor for a re-drive, nor parked.
    pub(crate) async fn find(
        session: &Session,
        receipts: impl Iterator<Item = (&'a Receipt, Timestamp)>,
        reach: Reach,
    ) -> Result<Self, StoreError> {
        let most = receipts.size_hint().1.unwrap_or(0);
        let mut keys = HashMap::with_capacity(most);
        let mut asked: Vec<Key<'_>> = Vec::with_capacity(most);
        let mut wanted = Vec::with_capacity(most);
        for (receipt, stored_at) in receipts.filter(|(receipt, _)| receipt.id_in_notation) {
            let (carrier, operator_message_id) = key(receipt);
            let Window { horizon, until } = reach.window(receipt, stored_at);
            let at = *keys.entry(key(receipt)).or_insert_with(|| {
                asked.push(Key {
                    carrier,
                    operator_message_id,
                    horizon,
                    until,
                });
                asked.len() - 1
            });
            asked[at].horizon = asked[at].horizon.min(horizon);
            asked[at].until = asked[at].until.max(until);
            wanted.push((at, Window { horizon, until }));
        }
        let mut found = session.candidates(&asked).await?;
        found.sort_by_key(|candidate| candidate.key);
        let mut slots = vec![(0, 0); asked.len()];
        for (at, candidate) in found.iter().enumerate() {
            let (first, count) = &mut slots[candidate.key];
            if *count == 0 {
                *first = at;
            }
            *count += 1;
        }
        let horizons = asked.iter().map(|key| key.horizon);
        Ok(Self {
            reach,
            keys,
            wanted,
            found,
            slots,
            horizon: horizons.min().unwrap_or(Timestamp::MAX),
        })
    }

    /// The groups of those that are segments of one, each once.
    pub(crate) fn groups(&self) -> Vec<Uuid> {
        if !self.found.iter().any(Candidate::has_group) {
            return Vec::new();
        }
        let wanted = self.wanted.iter();
        let matches = wanted.filter_map(|&(key, window)| self.within(key, window).ok());
        let segments = matches.filter_map(|found| found.message.group());
        let groups: BTreeSet<Uuid> = segments.map(|(group, _)| group).collect();
        groups.into_iter().collect()
    }

    /// The one message of a key that was created within a receipt's window.
    fn within(&self, key: usize, window: Window) -> Result<Found<'_>, Unmatched> {
        let (first, count) = self.slots[key];
        // Among those that were not read there may be another within it.
        if count >= CANDIDATES_MAX {
            return Err(Unmatched::Ambiguous);
        }
        let candidates = self.found[first..first + count].iter();
        let mut within = candidates.filter(|candidate| window.has(candidate.created_at));
        match (within.next(), within.next()) {
            (None, _) => Err(Unmatched::NoMessage),
            (Some(only), None) => Ok(only.found()),
            (Some(_), Some(_)) => Err(Unmatched::Ambiguous),
        }
    }

    /// The one message that a receipt is about, if the receipt does not contradict it; both as they
    /// were given to [`Self::find`].
    pub(crate) fn matching(
        &self,
        receipt: &Receipt,
        stored_at: Timestamp,
    ) -> Result<Found<'_>, Unmatched> {
        if !receipt.id_in_notation {
            return Err(Unmatched::IdNotation);
        }
        let window = self.reach.window(receipt, stored_at);
        let found = self.within(self.keys[&key(receipt)], window)?;
        let message = &found.message;
        let contradicts = |said: Option<Uuid>, is| said.is_some_and(|said| said != is);
        if contradicts(receipt.account_id, message.account_id) {
            return Err(Unmatched::AccountMismatch);
        }
        if contradicts(receipt.message_id, message.id) {
            return Err(Unmatched::MessageMismatch);
        }
        Ok(found)
    }
}

impl Window {
    fn has(self, created_at: Timestamp) -> bool {
        self.horizon < created_at && created_at <= self.until
    }
}

fn key(receipt: &Receipt) -> (&str, &str) {
    (receipt.carrier(), receipt.operator_message_id())
}

/// The oldest a message may be, for its id may have been given to another since.
pub(crate) fn before(now: Timestamp, age: Duration) -> Timestamp {
    plus_micros(now, -micros(age)).unwrap_or(Timestamp::MIN)
}

/// To the microsecond, as PostgreSQL has its times; jiff's own sums go through calendar arithmetic.
fn plus_micros(time: Timestamp, by: i64) -> Option<Timestamp> {
    let time = time.as_microsecond().checked_add(by)?;
    Timestamp::from_microsecond(time).ok()
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
