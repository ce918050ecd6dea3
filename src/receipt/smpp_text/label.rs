//! Labels of receipt texts, in the spellings of the wild.

use super::value::{is_pair, is_space, readable, split_word};

/// What a label names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Label {
    Id,
    /// A vendor's word for the id, for a text that has no `id:`.
    MessageId,
    Sub,
    Dlvrd,
    SubmitDate,
    DoneDate,
    Stat,
    Err,
    Text,
}

const NAMES: [(&str, Label); 13] = [
    ("id", Label::Id),
    ("message_id", Label::MessageId),
    ("messageid", Label::MessageId),
    ("msgid", Label::MessageId),
    ("sub", Label::Sub),
    ("dlvrd", Label::Dlvrd),
    ("submitdate", Label::SubmitDate),
    ("submit_date", Label::SubmitDate),
    ("donedate", Label::DoneDate),
    ("done_date", Label::DoneDate),
    ("stat", Label::Stat),
    ("err", Label::Err),
    ("text", Label::Text),
];

/// Bytes of the longest name.
const NAME_MAX: usize = 11;

impl Label {
    pub(super) const COUNT: usize = Self::Text as usize + 1;

    fn named(name: &str) -> Option<Self> {
        let mut names = NAMES.into_iter();
        let (_, label) = names.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(label)
    }

    /// The first word of a label of two, whose second is `date`.
    fn of_date(name: &str) -> Option<Self> {
        match name.len() {
            6 if name.eq_ignore_ascii_case("submit") => Some(Self::SubmitDate),
            4 if name.eq_ignore_ascii_case("done") => Some(Self::DoneDate),
            _ => None,
        }
    }

    /// Whether a value may look like `word:…` behind white space, as an id or a state may.
    fn may_hold_colon(self) -> bool {
        matches!(self, Self::Id | Self::MessageId | Self::Stat)
    }
}

/// A label as it stands in the text.
#[derive(Clone, Copy)]
pub(super) struct Written<'a> {
    pub(super) label: Label,
    /// In the carrier's letters, with its colon.
    pub(super) text: &'a str,
    pub(super) behind: &'a str,
}

impl<'a> Written<'a> {
    /// The label that `rest` begins with. Looks no further than that and the white space inside it.
    pub(super) fn at(rest: &'a str) -> Option<Self> {
        let is_name = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_';
        let length = rest
            .bytes()
            .take(NAME_MAX + 1)
            .take_while(|b| is_name(b))
            .count();
        let (name, behind) = rest.split_at_checked(length)?;
        let (label, behind) = if let Some(behind) = behind.strip_prefix(':') {
            (Label::named(name)?, behind)
        } else {
            let label = Label::of_date(name)?;
            let date = behind.strip_prefix(is_space)?.trim_start_matches(is_space);
            let (word, behind) = date.split_at_checked("date:".len())?;
            (word.eq_ignore_ascii_case("date:").then_some(label)?, behind)
        };
        let text = rest.get(..rest.len() - behind.len())?;
        Some(Self {
            label,
            text,
            behind,
        })
    }

    /// The label's value, and what is left to read behind it.
    pub(super) fn value(&self) -> (Option<&'a str>, &'a str) {
        if !self.behind.starts_with(is_space) {
            let (word, rest) = split_word(self.behind);
            return (readable(word), rest);
        }
        let next = self.behind.trim_start_matches(is_space);
        let (word, rest) = split_word(next);
        let is_label = Self::at(next).is_some()
            || word.ends_with(':')
            || (is_pair(word) && !self.label.may_hold_colon());
        if is_label {
            (None, next)
        } else {
            (readable(word), rest)
        }
    }
}
