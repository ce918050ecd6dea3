//! The state: the TLV, then `messageState`, then `stat`, then the text. UNKNOWN and what nobody
//! knows yield to the next.

use crate::receipt::profile::{Meaning, Profile};
use crate::receipt::status::{MessageState, is_word};
use crate::receipt::wire::Wire;

/// What one source says; no meaning if neither table nor profile knows it.
#[derive(Debug, Clone, Copy)]
pub struct Given<T> {
    pub said: T,
    pub meaning: Option<Meaning>,
}

/// The states, in the order in which they count.
pub struct States<'a> {
    pub tlv: Option<Given<MessageState>>,
    pub field: Option<Given<MessageState>>,
    pub stat: Option<Given<&'a str>>,
    pub text: Option<Given<&'a str>>,
    /// The first that says something definite, or else the first that says UNKNOWN.
    pub decided: Option<Meaning>,
    /// Two sources say something definite, and not the same.
    pub disagree: bool,
}

impl<'a> States<'a> {
    pub(super) fn of(wire: &'a Wire<'_>, text: Option<&'a str>, profile: &Profile) -> Self {
        let state = |state: Option<u8>| {
            let said = MessageState(state?);
            let meaning = profile.state(said);
            Some(Given { said, meaning })
        };
        let word = |word: Option<&'a str>| {
            let said = word?;
            let meaning = profile.word(said);
            Some(Given { said, meaning })
        };
        let mut states = Self {
            tlv: state(wire.tlv_message_state),
            field: state(wire.message_state),
            stat: word(wire.stat.as_deref()),
            text: word(text.filter(|text| is_word(text))),
            decided: None,
            disagree: false,
        };
        states.decide();
        states
    }

    fn decide(&mut self) {
        let [tlv, field] = [self.tlv, self.field].map(|given| given.and_then(|it| it.meaning));
        let [stat, text] = [self.stat, self.text].map(|given| given.and_then(|it| it.meaning));
        for meaning in [tlv, field, stat, text].into_iter().flatten() {
            match self.decided {
                Some(decided) if decided.is_definite => {
                    self.disagree |= meaning.is_definite && meaning.status != decided.status;
                }
                Some(_) if !meaning.is_definite => {}
                _ => self.decided = Some(meaning),
            }
        }
    }

    pub(in crate::receipt) fn is_empty(&self) -> bool {
        self.tlv.is_none() && self.field.is_none() && self.written_word().is_none()
    }

    /// The first state that says what was decided, else the first at all.
    pub(in crate::receipt) fn message_state(&self) -> Option<MessageState> {
        let first = self.tlv.or(self.field)?;
        let decided = |given: &Given<MessageState>| given.meaning == self.decided;
        let given = (self.tlv.filter(decided)).or_else(|| self.field.filter(decided));
        Some(given.unwrap_or(first).said)
    }

    /// The first word at all.
    pub(in crate::receipt) fn written_word(&self) -> Option<&'a str> {
        Some(self.stat.or(self.text)?.said)
    }

    /// The first word that says what was decided.
    pub(in crate::receipt) fn word(&self) -> Option<&'a str> {
        self.decided?;
        let decided = |given: &Given<&str>| given.meaning == self.decided;
        let given = (self.stat.filter(decided)).or_else(|| self.text.filter(decided));
        Some(given?.said)
    }
}
