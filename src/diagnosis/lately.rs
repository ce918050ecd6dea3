//! What was noticed about a carrier's receipts that did match: words nobody knows, sources that
//! disagree, dates that are off.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::receipt::decision::{Because, Flags};
use crate::receipt::profile::Profile;
use crate::receipt::status::MessageState;
use crate::store::studies::Decided;

/// Words told of one carrier; carriers can make up as many as they like.
const WORDS_MAX: usize = 20;
/// Words kept in mind to find those.
const WORDS_KEPT: usize = 1_000;

/// A carrier's receipts of late, or as many of them as were looked at.
#[derive(Debug, Default)]
pub(super) struct Lately {
    looked_at: usize,
    ids_disagree: usize,
    states_disagree: usize,
    words: BTreeMap<String, usize>,
    /// What dates say, and when they came.
    pub(super) dates: Vec<(Timestamp, Timestamp)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Noticed {
    /// Receipts that matched and were looked at.
    pub looked_at: usize,
    /// Of these, those whose sources name different ids.
    pub ids_disagree: usize,
    pub states_disagree: usize,
    /// Most frequent first.
    pub unknown_words: Vec<UnknownWord>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UnknownWord {
    /// In upper case; `state` and a number for a vendor's state, `(withheld)` for one that may be a
    /// phone number.
    pub word: String,
    pub receipts: usize,
    /// The profile in force knows it by now: the receipts wait to be replayed.
    pub known_by_now: bool,
}

impl Lately {
    pub(super) fn add(&mut self, decided: &Decided, profile: &Profile) {
        self.looked_at += 1;
        let has = |flag: Flags| usize::from(decided.flags & flag.0 != 0);
        self.ids_disagree += has(Flags::ID_DISAGREES);
        self.states_disagree += has(Flags::STATE_DISAGREES);
        if decided.reason.as_deref() == Some(Because::UnknownWord.as_str()) {
            let word = match (&decided.stat, decided.message_state) {
                (Some(stat), _) => stat.to_ascii_uppercase(),
                (None, Some(state)) => format!("state {state}"),
                (None, None) => "(withheld)".to_owned(),
            };
            if self.words.len() < WORDS_KEPT || self.words.contains_key(&word) {
                *self.words.entry(word).or_default() += 1;
            }
        }
        // A date that was read by another profile is off by another clock.
        if decided.profile_revision == profile.revision {
            self.add_date(
                decided.done_date.as_deref(),
                decided.done_at,
                decided.received_at,
            );
        }
    }

    /// RFC 3339 names its own zone.
    pub(super) fn add_date(
        &mut self,
        written: Option<&str>,
        said: Option<Timestamp>,
        came: Timestamp,
    ) {
        let names_no_zone = written.is_some_and(|it| it.bytes().all(|b| b.is_ascii_digit()));
        if let (true, Some(said)) = (names_no_zone, said) {
            self.dates.push((said, came));
        }
    }

    pub(super) fn noticed(&self, profile: &Profile) -> Noticed {
        let mut words: Vec<(&String, &usize)> = self.words.iter().collect();
        words.sort_by_key(|(_, count)| Reverse(**count));
        let word = |(word, count): (&String, &usize)| UnknownWord {
            known_by_now: is_known(word, profile),
            word: word.clone(),
            receipts: *count,
        };
        Noticed {
            looked_at: self.looked_at,
            ids_disagree: self.ids_disagree,
            states_disagree: self.states_disagree,
            unknown_words: words.into_iter().take(WORDS_MAX).map(word).collect(),
        }
    }
}

fn is_known(word: &str, profile: &Profile) -> bool {
    match word.strip_prefix("state ") {
        Some(state) => state
            .parse()
            .is_ok_and(|state| profile.state(MessageState(state)).is_some()),
        None => profile.word(word).is_some(),
    }
}
