//! What the orchestrator has for an id.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::sighting::Sighting;

/// By how much the orchestrator's clock may be ahead of the stream's.
const CLOCKS_APART: SignedDuration = SignedDuration::from_mins(10);

/// A message that carries an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) message: Uuid,
    pub(super) account: Uuid,
    pub(super) created_at: Timestamp,
    /// It has a final status.
    pub(super) is_final: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Nothing,
    One(Found),
    /// More than one message within the horizon.
    Several,
}

/// Every id that was asked for.
#[derive(Default)]
pub(super) struct Answers(HashMap<Box<str>, Answer>);

/// What a receipt read in some way would come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Match(Found),
    NoMessage,
    Ambiguous,
    /// The receipt names another account or message.
    Contradiction,
}

impl Answers {
    /// Those of `ids` that are still to be asked for, each once.
    pub(super) fn unknown(&self, ids: impl IntoIterator<Item = String>) -> Vec<String> {
        let mut seen = HashSet::new();
        let mut unknown: Vec<String> = ids
            .into_iter()
            .filter(|id| !self.0.contains_key(id.as_str()))
            .collect();
        unknown.retain(|id| seen.insert(id.clone()));
        unknown
    }

    /// Takes in what was found for `asked`, by its place in it.
    pub(super) fn learn(
        &mut self,
        asked: Vec<String>,
        found: impl IntoIterator<Item = (usize, Found)>,
    ) {
        let mut answers = vec![Answer::Nothing; asked.len()];
        for (at, found) in found {
            answers[at] = match answers[at] {
                Answer::Nothing => Answer::One(found),
                Answer::One(_) | Answer::Several => Answer::Several,
            };
        }
        let asked = asked.into_iter().map(String::into_boxed_str);
        self.0.extend(asked.zip(answers));
    }

    /// Nothing is known of an id that was not asked for.
    pub(super) fn of(&self, id: &str) -> Answer {
        self.0.get(id).copied().unwrap_or(Answer::Nothing)
    }

    /// Whether anything carries the id.
    pub(super) fn has(&self, id: &str) -> bool {
        self.of(id) != Answer::Nothing
    }

    /// The rule of the match, as `pipeline::matching` has it.
    pub(super) fn outcome(&self, id: &str, sighting: &Sighting) -> Outcome {
        let found = match self.of(id) {
            Answer::Nothing => return Outcome::NoMessage,
            Answer::Several => return Outcome::Ambiguous,
            Answer::One(found) => found,
        };
        let contradicts = |said: Option<Uuid>, is| said.is_some_and(|said| said != is);
        if contradicts(sighting.account_id, found.account)
            || contradicts(sighting.message_id, found.message)
        {
            return Outcome::Contradiction;
        }
        Outcome::Match(found)
    }
}

impl Outcome {
    pub(super) fn is_no_message(self) -> bool {
        self == Self::NoMessage
    }
}

impl Found {
    /// A message that was sent after the receipt came is not the one it is about.
    pub(super) fn was_sent_after(&self, sighting: &Sighting) -> bool {
        self.created_at.duration_since(sighting.came_at) > CLOCKS_APART
    }
}
