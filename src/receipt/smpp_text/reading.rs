//! From labels and values to the fields of a receipt.

use super::SmppText;
use super::label::{Label, Written};
use super::value::{ends_prefix, is_id, is_pair, is_space, is_stat, split_word};

/// What one field's labels have said so far.
#[derive(Clone, Copy, Default)]
enum Said<'a> {
    #[default]
    Nothing,
    Value {
        label: &'a str,
        value: &'a str,
    },
    /// Two labels in different letters have two values.
    Contradiction,
}

/// Words outside the fields, by how much they look like prose.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Prose {
    #[default]
    None,
    Behind,
    Before,
}

/// The fields of one text, as far as it is read.
#[derive(Default)]
pub(super) struct Reading<'a> {
    said: [Said<'a>; Label::COUNT],
    /// Whether a label was found, be it an empty one.
    begun: bool,
    prose: Prose,
}

impl<'a> Reading<'a> {
    /// Reads fields up to the end, or up to `text:`; gives what follows that.
    pub(super) fn fields(&mut self, text: &'a str) -> Option<&'a str> {
        let mut rest = text;
        loop {
            rest = rest.trim_start_matches(is_space);
            if rest.is_empty() {
                return None;
            }
            let Some(written) = Written::at(rest).or_else(|| self.behind_prefix(rest)) else {
                rest = self.skip_word(rest);
                continue;
            };
            if written.label == Label::Text {
                return Some(written.behind);
            }
            self.begun = true;
            let (value, behind) = written.value();
            self.say(&written, value);
            rest = behind;
        }
    }

    /// `id:` in the next word, behind the addresses that some carriers put before their receipts.
    fn behind_prefix(&mut self, rest: &'a str) -> Option<Written<'a>> {
        // Only the first label, so that no link or vendor field in the middle can name the id.
        if self.begun {
            return None;
        }
        let (word, _) = split_word(rest);
        let written = word
            .match_indices(ends_prefix)
            .filter_map(|(at, end)| Written::at(rest.get(at + end.len()..)?))
            .find(|written| written.label == Label::Id)?;
        // What stood before it is the prefix: senders' names may have several words.
        self.prose = Prose::None;
        Some(written)
    }

    /// Gives what is behind a word that is neither label nor value.
    fn skip_word(&mut self, rest: &'a str) -> &'a str {
        let (word, behind) = split_word(rest);
        if !is_pair(word) {
            let here = if self.begun {
                Prose::Behind
            } else {
                Prose::Before
            };
            self.prose = self.prose.max(here);
        }
        behind
    }

    fn say(&mut self, written: &Written<'a>, value: Option<&'a str>) {
        let Some(value) = value else { return };
        let (label, said) = (written.text, &mut self.said[written.label as usize]);
        *said = match *said {
            Said::Nothing => Said::Value { label, value },
            Said::Value {
                label: first,
                value: before,
            } if first != label && before != value => Said::Contradiction,
            said => said,
        };
    }

    /// Takes all that follows `text:`.
    pub(super) fn text(&mut self, tail: &'a str) {
        let value = tail.trim_start_matches(is_space);
        if tail.starts_with(is_space) && Written::at(value).is_some() {
            let mut further = Self::default();
            let is_text = further.fields(value).is_some() || further.prose != Prose::None;
            if !is_text && self.is_continued_by(&further) {
                for (said, further) in self.said.iter_mut().zip(further.said) {
                    if let Said::Nothing = said {
                        *said = further;
                    }
                }
                return;
            }
        }
        if !value.is_empty() {
            let label = "";
            self.said[Label::Text as usize] = Said::Value { label, value };
        }
    }

    /// Whether `further` names fields, and none that was named before.
    fn is_continued_by(&self, further: &Self) -> bool {
        let named = |reading: &Self| {
            let mut named = reading.said.map(|said| !matches!(said, Said::Nothing));
            named[Label::Id as usize] |= named[Label::MessageId as usize];
            named
        };
        let (before, further) = (named(self), named(further));
        further.contains(&true) && before.iter().zip(further).all(|(a, b)| !(*a && b))
    }

    fn get(&self, label: Label) -> Option<&'a str> {
        match self.said[label as usize] {
            Said::Value { value, .. } => Some(value),
            Said::Nothing | Said::Contradiction => None,
        }
    }

    fn id(&self) -> Option<&'a str> {
        match self.said[Label::Id as usize] {
            Said::Nothing => self.get(Label::MessageId),
            Said::Value { .. } | Said::Contradiction => self.get(Label::Id),
        }
    }

    /// The receipt, if this is one by the rule that the parent module states.
    pub(super) fn receipt(&self) -> Option<SmppText<'a>> {
        let said = SmppText {
            id: self.id(),
            sub: self.get(Label::Sub),
            dlvrd: self.get(Label::Dlvrd),
            submit_date: self.get(Label::SubmitDate),
            done_date: self.get(Label::DoneDate),
            stat: self.get(Label::Stat),
            err: self.get(Label::Err),
            text: self.get(Label::Text),
        };
        let (id, stat) = (
            said.id.filter(|id| is_id(id)),
            said.stat.filter(|stat| is_stat(stat)),
        );
        let others = [
            said.sub,
            said.dlvrd,
            said.submit_date,
            said.done_date,
            said.err,
        ];
        let fields = others.into_iter().chain([id, stat]).flatten().count();
        let needed = match self.prose {
            Prose::None => 2,
            Prose::Behind => 3,
            Prose::Before => 4,
        };
        ((id.is_some() || stat.is_some()) && fields >= needed).then_some(said)
    }
}
