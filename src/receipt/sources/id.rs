//! The operator message id: the field, then the TLV, then the text, each in its own notation.

use std::borrow::Cow;

use crate::receipt::notation::{Notation, WRITTEN_MAX};
use crate::receipt::profile::Profile;
use crate::receipt::wire::Wire;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdSource {
    Field,
    Tlv,
    Text,
}

impl IdSource {
    /// As the payload and profiles call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Field => "field",
            Self::Tlv => "tlv",
            Self::Text => "text",
        }
    }
}

#[derive(Debug)]
pub struct GivenId<'a> {
    pub source: IdSource,
    /// What the carrier wrote.
    pub written: &'a str,
    /// What the orchestrator has for it; `None` if it is not in its notation.
    pub key: Option<Cow<'a, str>>,
    /// The profile does not use this source.
    pub is_ignored: bool,
}

/// The ids, in the order in which they count.
pub struct Ids<'a> {
    given: [Option<GivenId<'a>>; 3],
    chosen: Option<usize>,
}

impl<'a> Ids<'a> {
    pub(super) fn of(wire: &'a Wire<'_>, text: Option<&'a str>, profile: &Profile) -> Self {
        let field = wire.operator_message_id.as_deref();
        let tlv = wire.tlv_receipted_message_id.as_deref();
        let text = text.filter(|text| is_id(text));
        let given = [
            read(IdSource::Field, field, &profile.ids.field),
            read(IdSource::Tlv, tlv, &profile.ids.tlv),
            read(IdSource::Text, text, &profile.ids.text),
        ];
        let first = |counts: fn(&GivenId<'_>) -> bool| {
            let mut given = given.iter();
            given.position(|id| id.as_ref().is_some_and(counts))
        };
        let chosen = first(|id| id.key.is_some())
            .or_else(|| first(|id| !id.is_ignored))
            .or_else(|| first(|_| true));
        Self { given, chosen }
    }

    /// All that were given.
    pub fn iter(&self) -> impl Iterator<Item = &GivenId<'a>> {
        self.given.iter().flatten()
    }

    /// The first that is in its notation; if none is, the first that was to be used.
    pub fn chosen(&self) -> Option<&GivenId<'a>> {
        self.given[self.chosen?].as_ref()
    }

    /// Whether a source that is used names another message than the chosen one, or none.
    pub fn disagree(&self) -> bool {
        let Some((at, chosen)) = self.chosen.zip(self.chosen()) else {
            return false;
        };
        // Those before it were not in their notation, or not to be used.
        let (before, after) = self.given.split_at(at);
        let used = |id: &&GivenId<'_>| !id.is_ignored;
        let mut after = after.iter().skip(1).flatten().filter(used);
        chosen.key.is_some()
            && (before.iter().flatten().any(|id| used(&id)) || after.any(|id| id.key != chosen.key))
    }
}

/// CONTRACT §3: 1 to 128 printable ASCII characters, no white space.
pub(in crate::receipt) fn is_id(text: &str) -> bool {
    (1..=WRITTEN_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

fn read<'a>(
    source: IdSource,
    written: Option<&'a str>,
    notation: &Notation,
) -> Option<GivenId<'a>> {
    let written = written?;
    Some(GivenId {
        source,
        written,
        key: notation.key(written),
        is_ignored: matches!(notation, Notation::Ignored),
    })
}
