//! The messages that a batch's receipts may be about.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::receipt::Receipt;
use crate::receipt::decision::Unmatched;
use crate::store::messages::{Candidate, Found, Key};
use crate::store::{Session, StoreError};

pub(crate) struct Candidates<'a> {
    keys: HashMap<(&'a str, &'a str), usize>,
    found: Vec<Candidate>,
    /// For each key how many were found (at most 2) and the first of them.
    slots: Vec<(u8, usize)>,
    /// No message asked for is older.
    pub(crate) horizon: Timestamp,
}

impl<'a> Candidates<'a> {
    /// Each receipt comes with the time its message's age is counted back from, that at which the
    /// stream stored it: none loses its message by waiting, neither in the stream while we are away,
    /// nor for a re-drive, nor parked. `horizon` is for carriers whose profile names none.
    pub(crate) async fn find(
        session: &Session,
        receipts: impl Iterator<Item = (&'a Receipt, Timestamp)>,
        horizon: Duration,
    ) -> Result<Self, StoreError> {
        let mut keys = HashMap::new();
        let mut asked: Vec<Key<'_>> = Vec::new();
        for (receipt, stored_at) in receipts.filter(|(receipt, _)| receipt.id_in_notation) {
            let key = (receipt.carrier(), receipt.operator_message_id());
            let horizon = before(stored_at, receipt.profile().horizon.unwrap_or(horizon));
            let at = *keys.entry(key).or_insert_with(|| {
                asked.push(Key {
                    carrier: key.0,
                    operator_message_id: key.1,
                    horizon,
                });
                asked.len() - 1
            });
            asked[at].horizon = asked[at].horizon.min(horizon);
        }
        let found = session.candidates(&asked).await?;
        let mut slots = vec![(0, 0); asked.len()];
        for (at, candidate) in found.iter().enumerate() {
            let (count, first) = &mut slots[candidate.key()];
            *count += 1;
            *first = at;
        }
        let horizons = asked.iter().map(|key| key.horizon);
        Ok(Self {
            keys,
            found,
            slots,
            horizon: horizons.min().unwrap_or(Timestamp::MAX),
        })
    }

    /// The groups of those that are segments of one, each once.
    pub(crate) fn groups(&self) -> Vec<Uuid> {
        let matches = self.slots.iter().filter(|(count, _)| *count == 1);
        let segments = matches.filter_map(|&(_, first)| self.found[first].found().message.group());
        let groups: BTreeSet<Uuid> = segments.map(|(group, _)| group).collect();
        groups.into_iter().collect()
    }

    fn of(&self, receipt: &Receipt) -> Result<Found<'_>, Unmatched> {
        if !receipt.id_in_notation {
            return Err(Unmatched::IdNotation);
        }
        let key = (receipt.carrier(), receipt.operator_message_id());
        let (count, first) = self.slots[self.keys[&key]];
        match count {
            0 => Err(Unmatched::NoMessage),
            1 => Ok(self.found[first].found()),
            _ => Err(Unmatched::Ambiguous),
        }
    }

    /// The one message a receipt is about, if the receipt does not contradict it.
    pub(crate) fn matching(&self, receipt: &Receipt) -> Result<Found<'_>, Unmatched> {
        let found = self.of(receipt)?;
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

/// The oldest a message may be, for its id may have been given to another since.
pub(crate) fn before(now: Timestamp, age: Duration) -> Timestamp {
    let age = SignedDuration::try_from(age).unwrap_or(SignedDuration::MAX);
    now.checked_sub(age).unwrap_or(Timestamp::MIN)
}
