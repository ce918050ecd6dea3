//! A profile as people write it: JSON in which everything may be left out, checked as a whole
//! before anybody reads by it.
//!
//! ```json
//! {
//!   "ids": {
//!     "field":  {"form": "verbatim", "stripSuffix": "@node1", "case": "lower", "stripZeros": true},
//!     "tlv":    {"form": "hex", "stripPrefix": "0x"},
//!     "text":   {"form": "decimal"},
//!     "stored": {"form": "hex", "width": 8, "case": "upper", "prefix": "", "suffix": ""}
//!   },
//!   "words": {"RT:0148": "failed", "HANDSET": "delivered"},
//!   "states": {"128": "failed"},
//!   "accepted": "delivered",
//!   "unknown": "failed",
//!   "timeZone": "Europe/Berlin",
//!   "twelveDigits": "YYYYMMDDhhmm",
//!   "segments": "last",
//!   "horizon": "48h"
//! }
//! ```

mod ids;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::fmt::serde::unsigned_duration::friendly::compact;
use jiff::fmt::temporal::DateTimeParser;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::Deserialize;
use serde_json::Value;

use self::ids::IdsDocument;
use super::{Profile, Segments, TwelveDigits};
use crate::receipt::privacy;
use crate::receipt::status::{Status, is_word};

const WORDS_MAX: usize = 200;
const HORIZON_MIN: Duration = Duration::from_hours(1);
/// The longest that a profile may say.
pub const HORIZON_MAX: Duration = Duration::from_hours(30 * 24);
const ZONE_MAX: usize = 64;

/// Why a document is no profile: the field, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {fault}")]
pub struct ProfileError {
    /// Dotted, as in `ids.text.form`; `profile` for the document itself.
    pub field: String,
    pub fault: Fault,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Of another type, or a name that nobody knows; in serde's words.
    #[error("{0}")]
    Shape(String),
    #[error("is a list, which nothing in a profile is")]
    IsList,
    #[error("must be {0}")]
    NotAmong(&'static str),
    #[error("must be at most {0} in number")]
    TooMany(usize),
    #[error("must be 1 to 32 of A-Z a-z 0-9 _ : -")]
    BadWord,
    #[error("holds seven digits in a row, which may be a phone number")]
    MayBeNumber,
    #[error("is given twice, in different case")]
    GivenTwice,
    #[error("must be a vendor's state, 10 to 255")]
    NotVendorState,
    #[error("must be at most 64 printable ASCII characters without white space")]
    BadAffix,
    #[error("must be {0}")]
    OutOfRange(&'static str),
    #[error("is neither an IANA time zone nor an offset such as +05:30")]
    NoTimeZone,
    #[error("goes only with form {0}")]
    NotWithForm(&'static str),
    #[error("decimal and hex need ids.stored.form to be decimal or hex")]
    NothingToConvertTo,
    #[error("could be digits of the id itself; say stripRequired if every id has it")]
    MayBeDigits,
    #[error("needs stripPrefix or stripSuffix")]
    NothingToStrip,
    #[error("ignores every source of the id")]
    NoSource,
}

impl ProfileError {
    fn new(field: impl Into<String>, fault: Fault) -> Self {
        Self {
            field: field.into(),
            fault,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(
    rename_all = "camelCase",
    deny_unknown_fields,
    default,
    expecting = "an object"
)]
struct Document {
    ids: IdsDocument,
    words: BTreeMap<String, Meant>,
    states: BTreeMap<String, Meant>,
    accepted: Option<Meant>,
    unknown: Option<Meant>,
    time_zone: Option<String>,
    twelve_digits: Option<TwelveDigits>,
    segments: Option<Segments>,
    #[serde(with = "compact::optional")]
    horizon: Option<Duration>,
}

/// A status that a carrier can mean: `queued` is the orchestrator's alone.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Meant {
    Sent,
    /// In the spelling of the table of statuses, too.
    #[serde(alias = "in_transit")]
    InTransit,
    Accepted,
    Unknown,
    Expired,
    Failed,
    Delivered,
}

impl From<Meant> for Status {
    fn from(meant: Meant) -> Self {
        match meant {
            Meant::Sent => Self::Sent,
            Meant::InTransit => Self::InTransit,
            Meant::Accepted => Self::Accepted,
            Meant::Unknown => Self::Unknown,
            Meant::Expired => Self::Expired,
            Meant::Failed => Self::Failed,
            Meant::Delivered => Self::Delivered,
        }
    }
}

pub(super) fn parse(document: &Value, revision: i32) -> Result<Profile, ProfileError> {
    refuse_lists(document)?;
    let document: Document = serde_path_to_error::deserialize(document).map_err(shape)?;
    let accepted = document.accepted.map_or(Status::Accepted, Status::from);
    if !matches!(
        accepted,
        Status::InTransit | Status::Accepted | Status::Delivered
    ) {
        let fault = Fault::NotAmong("inTransit, accepted or delivered");
        return Err(ProfileError::new("accepted", fault));
    }
    let unknown = document.unknown.map_or(Status::Unknown, Status::from);
    if matches!(unknown, Status::Sent | Status::Accepted | Status::Delivered) {
        let fault = Fault::NotAmong("unknown, inTransit, expired or failed");
        return Err(ProfileError::new("unknown", fault));
    }
    if (document.horizon).is_some_and(|it| !(HORIZON_MIN..=HORIZON_MAX).contains(&it)) {
        let fault = Fault::OutOfRange("1h to 720h");
        return Err(ProfileError::new("horizon", fault));
    }
    Ok(Profile {
        revision,
        created_at: None,
        ids: document.ids.check()?,
        words: words(document.words)?,
        states: states(document.states)?,
        accepted,
        unknown,
        time_zone: time_zone(document.time_zone.as_deref())?,
        twelve_digits: document.twelve_digits.unwrap_or_default(),
        segments: document.segments.unwrap_or_default(),
        horizon: document.horizon,
    })
}

fn words(given: BTreeMap<String, Meant>) -> Result<BTreeMap<String, Status>, ProfileError> {
    if given.len() > WORDS_MAX {
        return Err(ProfileError::new("words", Fault::TooMany(WORDS_MAX)));
    }
    let mut words = BTreeMap::new();
    for (word, meant) in given {
        let field = tellable(&format!("words.{word}"), "words");
        if !is_word(&word) {
            return Err(ProfileError::new(field, Fault::BadWord));
        }
        // It becomes the message's `dlr_status`, in the open.
        if privacy::has_number(&word) {
            return Err(ProfileError::new("words", Fault::MayBeNumber));
        }
        if words
            .insert(word.to_ascii_uppercase(), meant.into())
            .is_some()
        {
            return Err(ProfileError::new(field, Fault::GivenTwice));
        }
    }
    Ok(words)
}

fn states(given: BTreeMap<String, Meant>) -> Result<BTreeMap<u8, Status>, ProfileError> {
    let mut states = BTreeMap::new();
    for (written, meant) in given {
        let state = written.parse().ok();
        // `010` and `+10` would be second names of 10.
        let state = state.filter(|&state: &u8| state >= 10 && state.to_string() == written);
        let Some(state) = state else {
            let field = tellable(&format!("states.{written}"), "states");
            return Err(ProfileError::new(field, Fault::NotVendorState));
        };
        states.insert(state, meant.into());
    }
    Ok(states)
}

/// From the database that is built in, so that all replicas know the same zones and rules.
fn time_zone(name: Option<&str>) -> Result<TimeZone, ProfileError> {
    let Some(name) = name else {
        return Ok(TimeZone::UTC);
    };
    let zone = match name.as_bytes() {
        _ if name.len() > ZONE_MAX => None,
        [b'+' | b'-', ..] => DateTimeParser::new().parse_time_zone(name).ok(),
        _ => TimeZoneDatabase::bundled().get(name).ok(),
    };
    zone.ok_or_else(|| ProfileError::new("timeZone", Fault::NoTimeZone))
}

/// Serde takes a list for an object whose names are left out.
fn refuse_lists(document: &Value) -> Result<(), ProfileError> {
    let Some(mut way) = way_to_list(document) else {
        return Ok(());
    };
    way.reverse();
    Err(ProfileError::new(named(&way.join(".")), Fault::IsList))
}

/// The names that lead to a list, the innermost first. A path for every field would take a long
/// name once for each field below it.
fn way_to_list(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::Array(_) => Some(Vec::new()),
        Value::Object(fields) => fields.iter().find_map(|(field, value)| {
            let mut way = way_to_list(value)?;
            way.push(field);
            Some(way)
        }),
        _ => None,
    }
}

fn shape(error: serde_path_to_error::Error<serde_json::Error>) -> ProfileError {
    let path = error.path().to_string();
    let path = named(if path == "." { "" } else { &path });
    let said = tellable(&error.into_inner().to_string(), "is not what belongs here");
    ProfileError::new(path, Fault::Shape(said))
}

fn named(path: &str) -> String {
    let path = if path.is_empty() { "profile" } else { path };
    tellable(path, "profile")
}

/// What quotes the document, if it is short and no phone number.
fn tellable(text: &str, otherwise: &str) -> String {
    let is_short = text.len() <= 200 && !text.contains(char::is_control);
    if is_short && !privacy::has_grouped_number(text) {
        text.to_owned()
    } else {
        otherwise.to_owned()
    }
}
