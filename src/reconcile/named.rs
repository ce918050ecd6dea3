//! What both sides, the tables and the streams, call an event.

use uuid::Uuid;

use crate::receipt::ids::EventKind;
use crate::receipt::status::Status;

/// An event by what it tells: there is never a second one with the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Name {
    pub(super) receipt: Uuid,
    pub(super) kind: EventKind,
    pub(super) word: Word,
}

/// The new status, `parked`, or how a parked receipt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Word(u8);

const PARKED: &str = "parked";
const RESOLUTIONS: [&str; 3] = ["matched", "discarded", "lapsed"];

impl Word {
    pub(super) fn of(text: &str) -> Option<Self> {
        let statuses = Status::ALL.into_iter().map(Status::as_str);
        let words = statuses.chain([PARKED]).chain(RESOLUTIONS);
        let at = words.into_iter().position(|word| word == text)?;
        u8::try_from(at).ok().map(Self)
    }

    pub(super) fn code(self) -> u8 {
        self.0
    }

    pub(super) fn from_code(code: u8) -> Self {
        Self(code)
    }
}

/// An event that the tables know of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) name: Name,
    /// `None` when it is made from an id that is sealed.
    pub(super) id: Option<Uuid>,
    pub(super) about: About,
    /// The receipt's, in the inbound stream.
    pub(super) sequence: u64,
    pub(super) due: Due,
    /// When it was decided, in microseconds since 1970.
    pub(super) decided_at: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// It has to be in its stream.
    Yes,
    /// It may be there by now.
    NotYet,
}

/// An event that a stream holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) name: Name,
    pub(super) id: Uuid,
    pub(super) about: About,
    /// In its own stream.
    pub(super) sequence: u64,
}

/// By what an event's row is found in an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    Message(Uuid),
    /// Microseconds since 1970.
    ParkedAt(i64),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_apart_and_others_refused() {
        let words = ["delivered", "parked", "matched", "lapsed"].map(Word::of);
        assert!(words.iter().all(Option::is_some));
        assert_ne!(words[0], words[1]);
        assert_eq!(Word::of("lost"), None);
    }
}
