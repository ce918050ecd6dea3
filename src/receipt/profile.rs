//! How a carrier writes its receipts (CONTRACT §4): what cannot be known from a receipt alone.
//!
//! Without a profile everything is taken as it stands. A profile says how ids are written in each
//! place, what words mean, which clock dates follow; it never makes the reader guess.

mod document;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::Value;

pub use self::document::{Fault, HORIZON_MAX, ProfileError};
use super::notation::Notation;
use super::sources::IdSource;
use super::status::{MessageState, Status, WORD_MAX};

/// One carrier's way of writing, as its highest revision has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// 0 for a carrier without a profile.
    pub revision: i32,
    /// When the revision was written, where it was loaded from the database.
    pub created_at: Option<Timestamp>,
    pub ids: Ids,
    /// What carriers' words mean where the table does not say or says otherwise; in upper case.
    pub words: BTreeMap<String, Status>,
    /// Vendors' own values of `message_state`, 10 and above.
    pub states: BTreeMap<u8, Status>,
    /// What ACCEPTD and state 6 mean.
    pub accepted: Status,
    /// What UNKNOWN and state 7 mean, when no source knows better.
    pub unknown: Status,
    /// The clock of dates that name none.
    pub time_zone: TimeZone,
    pub twelve_digits: TwelveDigits,
    pub segments: Segments,
    /// How old a message may be and still be matched, and how long a parked receipt stays open;
    /// `None` for the pipeline's own.
    pub horizon: Option<Duration>,
}

/// How each source writes the operator message id. The base differs within one receipt.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ids {
    /// `operatorMessageId`.
    pub field: Notation,
    /// `tlv.receiptedMessageId`.
    pub tlv: Notation,
    /// `id:` in `rawPayload`.
    pub text: Notation,
}

impl Ids {
    pub fn of(&self, source: IdSource) -> &Notation {
        match source {
            IdSource::Field => &self.field,
            IdSource::Tlv => &self.tlv,
            IdSource::Text => &self.text,
        }
    }
}

/// What a date of twelve digits is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum TwelveDigits {
    /// The only one of the two that is a date; of two dates the one nearer to the receipt's time.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    #[serde(rename = "YYMMDDhhmmss")]
    WithSeconds,
    #[serde(rename = "YYYYMMDDhhmm")]
    WithCentury,
}

/// Which segments of a message in parts the carrier reports on: the expected ones, which decide on
/// the status of the group.
///
/// A receipt for another segment moves its own message and is told, like any. For the group, a
/// delivery of it makes `partially_delivered` of `failed`, and no more; a failure of it counts for
/// nothing, because carriers that report on one segment may let the others expire in their books.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Segments {
    /// Each one: the group is delivered when all are.
    #[default]
    All,
    /// That with number 1 stands for all.
    First,
    /// That with the highest number stands for all.
    Last,
    /// One of them, no matter which, stands for all: the first that is delivered, and until then
    /// any that fails.
    Any,
}

/// What a word or a state says about a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meaning {
    pub status: Status,
    /// UNKNOWN is not: another source may know better.
    pub is_definite: bool,
}

impl Meaning {
    fn definite(status: Status) -> Self {
        Self {
            status,
            is_definite: true,
        }
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            revision: 0,
            created_at: None,
            ids: Ids::default(),
            words: BTreeMap::new(),
            states: BTreeMap::new(),
            accepted: Status::Accepted,
            unknown: Status::Unknown,
            time_zone: TimeZone::UTC,
            twelve_digits: TwelveDigits::Auto,
            segments: Segments::All,
            horizon: None,
        }
    }
}

impl Profile {
    /// Reads a profile as it is stored and written by hand: see `profile/document.rs`.
    pub fn parse(document: &Value, revision: i32) -> Result<Self, ProfileError> {
        document::parse(document, revision)
    }

    /// What a carrier's word means, in any case; `None` for one that nobody knows.
    pub fn word(&self, word: &str) -> Option<Meaning> {
        match self.mapped(word) {
            Some(status) => Some(Meaning::definite(status)),
            None => Status::from_word(word).map(|status| self.by_policy(status)),
        }
    }

    pub fn state(&self, state: MessageState) -> Option<Meaning> {
        match self.states.get(&state.0) {
            Some(&status) => Some(Meaning::definite(status)),
            None => state.status().map(|status| self.by_policy(status)),
        }
    }

    fn mapped(&self, word: &str) -> Option<Status> {
        if self.words.is_empty() {
            return None;
        }
        let mut upper = [0; WORD_MAX];
        let upper = upper.get_mut(..word.len())?;
        upper.copy_from_slice(word.as_bytes());
        upper.make_ascii_uppercase();
        let upper = std::str::from_utf8(upper).ok()?;
        self.words.get(upper).copied()
    }

    fn by_policy(&self, status: Status) -> Meaning {
        match status {
            Status::Accepted => Meaning::definite(self.accepted),
            Status::Unknown => Meaning {
                status: self.unknown,
                is_definite: false,
            },
            status => Meaning::definite(status),
        }
    }
}

/// The profiles of all carriers, at one moment.
#[derive(Debug, Default)]
pub struct Profiles {
    by_carrier: HashMap<String, Arc<Profile>>,
    /// That of a carrier that has none of its own.
    otherwise: Arc<Profile>,
}

impl Profiles {
    pub fn new(profiles: impl IntoIterator<Item = (String, impl Into<Arc<Profile>>)>) -> Self {
        Self {
            by_carrier: profiles
                .into_iter()
                .map(|(carrier, profile)| (carrier, profile.into()))
                .collect(),
            otherwise: Arc::default(),
        }
    }

    /// One for every carrier: to try it out.
    pub fn every(profile: Profile) -> Self {
        Self {
            by_carrier: HashMap::new(),
            otherwise: Arc::new(profile),
        }
    }

    /// A carrier's profile; the verbatim one if it has none.
    pub fn of(&self, carrier: &str) -> &Arc<Profile> {
        self.by_carrier.get(carrier).unwrap_or(&self.otherwise)
    }

    /// Every carrier that has a profile, and its profile.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Arc<Profile>)> {
        let each = |(carrier, profile)| (String::as_str(carrier), profile);
        self.by_carrier.iter().map(each)
    }

    /// The carriers whose profile is another one than in `before`, be it that one has none.
    pub fn changed_since<'a>(&'a self, before: &'a Self) -> impl Iterator<Item = &'a str> {
        let changed = self
            .iter()
            .filter(|(carrier, profile)| *profile != before.of(carrier));
        let gone = before
            .iter()
            .filter(|(carrier, _)| !self.by_carrier.contains_key(*carrier));
        changed.chain(gone).map(|(carrier, _)| carrier)
    }
}

#[cfg(test)]
mod tests;
