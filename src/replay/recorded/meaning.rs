//! What a stored receipt stands for, by the profile in force.

use crate::receipt::profile::Profile;
use crate::receipt::status::{MessageState, Status};

/// What a receipt stands for, and how the message will show it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Meaning {
    pub(super) status: Status,
    /// The carrier's word in upper case where that decides, else SMPP's.
    pub(super) word: String,
}

/// A carrier's word, and whether it may be shown: one that is sealed in its row may not.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word<'a> {
    pub(super) text: &'a str,
    pub(super) is_open: bool,
}

impl Meaning {
    /// By CONTRACT §3: the state, then the word; UNKNOWN yields. `None` when neither is known.
    pub(super) fn of(profile: &Profile, stat: Option<Word<'_>>, state: Option<u8>) -> Option<Self> {
        let state = state.map(MessageState);
        let of_state = state.and_then(|state| profile.state(state));
        let of_word = stat.and_then(|stat| profile.word(stat.text));
        let mut said = [of_state, of_word].into_iter().flatten();
        let first = said.clone().next();
        let decided = said.find(|it| it.is_definite).or(first)?;
        let status = decided.status;
        let own = stat.filter(|stat| of_word == Some(decided) && stat.is_open);
        let smpp = state
            .filter(|_| of_state == Some(decided))
            .and_then(MessageState::word);
        let word = match own {
            Some(stat) => stat.text.to_ascii_uppercase(),
            None => smpp.unwrap_or_else(|| status.smpp_word()).to_owned(),
        };
        Some(Self { status, word })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile() -> Profile {
        Profile {
            words: [("RT:0148".to_owned(), Status::Failed)].into(),
            states: [(128, Status::Delivered)].into(),
            unknown: Status::Expired,
            ..Profile::default()
        }
    }

    fn meaning(stat: Option<&str>, state: Option<u8>) -> Option<(Status, String)> {
        let stat = stat.map(|text| Word {
            text,
            is_open: true,
        });
        let meaning = Meaning::of(&profile(), stat, state)?;
        Some((meaning.status, meaning.word))
    }

    #[test]
    fn a_mapped_word_decides_and_shows() {
        let mapped = Some((Status::Failed, "RT:0148".to_owned()));
        assert_eq!(meaning(Some("rt:0148"), None), mapped);
        assert_eq!(meaning(Some("rt:0148"), Some(200)), mapped);
        assert_eq!(meaning(Some("rt:0149"), Some(200)), None);
        assert_eq!(meaning(None, None), None);
    }

    #[test]
    fn a_vendors_state_comes_before_the_word_and_unknown_yields() {
        let delivered = Some((Status::Delivered, "DELIVRD".to_owned()));
        assert_eq!(meaning(Some("rt:0148"), Some(128)), delivered);
        let failed = Some((Status::Failed, "RT:0148".to_owned()));
        assert_eq!(meaning(Some("rt:0148"), Some(7)), failed);
        let unknown = Some((Status::Expired, "UNKNOWN".to_owned()));
        assert_eq!(meaning(None, Some(7)), unknown);
    }

    #[test]
    fn a_word_that_is_sealed_does_not_show() {
        let sealed = Word {
            text: "RT:0148",
            is_open: false,
        };
        let meaning = Meaning::of(&profile(), Some(sealed), None).unwrap();
        assert_eq!(meaning.word, "UNDELIV");
    }
}
