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
        let places = given.iter().enumerate();
        let order = places.filter_map(|(at, id)| Some((id.as_ref()?.rank(), at)));
        let chosen = order.min().map(|(_, at)| at);
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
        let Some(chosen) = self.chosen().filter(|id| id.key.is_some()) else {
            return false;
        };
        let other = |id: &GivenId<'_>| id.source != chosen.source && !id.is_ignored;
        self.iter().any(|id| other(id) && id.key != chosen.key)
    }
}

impl GivenId<'_> {
    /// Those in their notation count first, then those that were to be used.
    fn rank(&self) -> u8 {
        match self.key {
            Some(_) => 0,
            None if !self.is_ignored => 1,
            None => 2,
        }
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
