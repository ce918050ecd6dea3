//! How a carrier writes its receipts (CONTRACT §4): what cannot be known from a receipt alone.
//!
//! Without a profile everything is taken as it stands. A profile says how ids are written in each
//! place, what words mean, which clock dates follow; it never makes the reader guess.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::status::Status;

/// One carrier's way of writing, as its highest revision has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// 0 for a carrier without a profile.
    pub revision: i32,
    /// When the revision was written, where it was loaded from the database.
    pub created_at: Option<Timestamp>,
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
    pub segments: Segments,
    /// How old a message may be and still be matched, and how long a parked receipt stays open;
    /// `None` for the pipeline's own.
    pub horizon: Option<Duration>,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            revision: 0,
            created_at: None,
            words: BTreeMap::new(),
            states: BTreeMap::new(),
            accepted: Status::Accepted,
            unknown: Status::Unknown,
            time_zone: TimeZone::UTC,
            segments: Segments::All,
            horizon: None,
        }
    }
}

/// Why a document is no profile: the field at fault and what is wrong with it, never its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct ProfileError {
    pub field: String,
    pub problem: String,
}

impl Profile {
    /// Reads a revision's document; what it does not name is as without a profile.
    pub fn parse(document: &Value, revision: i32) -> Result<Self, ProfileError> {
        let refused = |field: &str, problem: &str| {
            Err(ProfileError {
                field: field.to_owned(),
                problem: problem.to_owned(),
            })
        };
        let Some(fields) = document.as_object() else {
            return refused("profile", "must be an object");
        };
        let mut profile = Self {
            revision,
            ..Self::default()
        };
        for (name, value) in fields {
            match (name.as_str(), value) {
                ("words", Value::Object(words)) => {
                    for (word, status) in words {
                        let Some(status) = status.as_str().and_then(Status::from_stored) else {
                            return refused("words", "must map words to statuses");
                        };
                        profile.words.insert(word.to_ascii_uppercase(), status);
                    }
                }
                ("words", _) => return refused("words", "must be an object"),
                _ => return refused(name, "unknown field"),
            }
        }
        Ok(profile)
    }
}

/// Which segments of a message in parts the carrier reports on: the expected ones, which decide on
/// the status of the group.
///
/// A receipt for another segment moves its own message and is told, like any. For the group, a
/// delivery of it makes `partially_delivered` of `failed`, and no more; a failure of it counts for
/// nothing, because carriers that report on one segment may let the others expire in their books.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
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

/// The profiles of all carriers, at one moment.
#[derive(Debug, Default)]
pub struct Profiles {
    by_carrier: HashMap<String, Arc<Profile>>,
    verbatim: Arc<Profile>,
}

impl Profiles {
    pub fn new(profiles: impl IntoIterator<Item = (String, impl Into<Arc<Profile>>)>) -> Self {
        Self {
            by_carrier: profiles
                .into_iter()
                .map(|(carrier, profile)| (carrier, profile.into()))
                .collect(),
            verbatim: Arc::default(),
        }
    }

    /// A carrier's profile; the verbatim one if it has none.
    pub fn of(&self, carrier: &str) -> &Arc<Profile> {
        self.by_carrier.get(carrier).unwrap_or(&self.verbatim)
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
