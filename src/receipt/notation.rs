//! How ids are written: from a source's notation to the orchestrator's, exactly or not at all.
//!
//! Carriers write one number in two bases: decimal in the text of a receipt, hexadecimal in its TLV
//! and in the answer that the orchestrator stored. Which base an id is in cannot be seen from the
//! id (`20` is a number in both), so nothing here tries to: a profile says it. A converted id has
//! one spelling, whatever its zeros and letters were. `strtoll` is not the way: ids have 30 decimal
//! digits, or all 64 bits and more.

mod number;

use std::borrow::Cow;

use self::number::Number;

/// Characters of the longest id that a receipt may carry (CONTRACT §3).
pub(super) const WRITTEN_MAX: usize = 128;

/// Characters of the longest prefix or suffix that a profile may name.
pub(crate) const AFFIX_MAX: usize = 64;

/// Characters of the longest converted id.
pub(super) const KEY_MAX: usize = AFFIX_MAX + number::DIGITS_MAX + AFFIX_MAX;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    Lower,
    Upper,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    Decimal,
    Hex,
}

impl Base {
    pub(super) fn is_digit(self, byte: u8) -> bool {
        match self {
            Self::Decimal => byte.is_ascii_digit(),
            Self::Hex => byte.is_ascii_hexdigit(),
        }
    }
}

/// What a carrier puts around an id, to be taken off.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Strip {
    /// Never empty. An empty box points at no memory, where comparing nothing takes as long as
    /// reading a third of a receipt (the masked loads of glibc's `memcmp`).
    pub prefix: Option<Box<str>>,
    /// Never empty.
    pub suffix: Option<Box<str>>,
    /// An id without them is not in its notation; otherwise it is the bare id.
    pub required: bool,
}

impl Strip {
    /// `None` where nothing would be left, or what is required is not there.
    fn bare<'a>(&self, written: &'a str) -> Option<&'a str> {
        let mut bare = written;
        if let Some(prefix) = &self.prefix {
            bare = self.or_as_it_is(bare, bare.strip_prefix(&**prefix))?;
        }
        if let Some(suffix) = &self.suffix {
            bare = self.or_as_it_is(bare, bare.strip_suffix(&**suffix))?;
        }
        Some(bare).filter(|bare| !bare.is_empty())
    }

    fn or_as_it_is<'a>(&self, written: &'a str, stripped: Option<&'a str>) -> Option<&'a str> {
        stripped.or_else(|| (!self.required).then_some(written))
    }
}

/// How one source of the id writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notation {
    /// The id of this source is not used.
    Ignored,
    /// In the orchestrator's notation already, once these are done in this order.
    Verbatim {
        strip: Strip,
        case: Option<Case>,
        strip_zeros: bool,
    },
    /// A number of up to 128 digits, with any zeros before it and letters in any case.
    Number {
        strip: Strip,
        base: Base,
        stored: Stored,
    },
}

impl Default for Notation {
    fn default() -> Self {
        Self::Verbatim {
            strip: Strip::default(),
            case: None,
            strip_zeros: false,
        }
    }
}

/// How the orchestrator writes numbers in `orch.sms_messages`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub digits: Digits,
    /// Fewer digits are filled up with zeros, without prefix and suffix; 1 to 128.
    pub width: u8,
    pub prefix: Box<str>,
    pub suffix: Box<str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digits {
    Decimal,
    Hex(Case),
}

impl Notation {
    /// As a profile's document calls it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ignored => "ignore",
            Self::Verbatim { .. } => "verbatim",
            Self::Number { base, .. } => match base {
                Base::Decimal => "decimal",
                Base::Hex => "hex",
            },
        }
    }

    /// The id as the orchestrator has it; `None` for one that is not in this notation, or not to be
    /// used. Allocates only for a key that is no part of what was written.
    pub fn key<'a>(&self, written: &'a str) -> Option<Cow<'a, str>> {
        match self {
            Self::Ignored => None,
            Self::Verbatim {
                strip,
                case,
                strip_zeros,
            } => {
                let bare = strip.bare(written)?;
                let bare = if *strip_zeros {
                    without_zeros(bare)
                } else {
                    bare
                };
                Some(in_case(bare, *case))
            }
            Self::Number {
                strip,
                base,
                stored,
            } => {
                let number = Number::read(strip.bare(written)?, *base)?;
                Some(Cow::Owned(stored.write(number)))
            }
        }
    }
}

impl Stored {
    fn write(&self, number: Number) -> String {
        let mut room = [0; number::DIGITS_MAX];
        let digits = number.write(self.digits, &mut room);
        let zeros = usize::from(self.width).saturating_sub(digits.len());
        let length = self.prefix.len() + zeros + digits.len() + self.suffix.len();
        let mut key = String::with_capacity(length);
        key.push_str(&self.prefix);
        key.extend(std::iter::repeat_n('0', zeros));
        key.push_str(digits);
        key.push_str(&self.suffix);
        key
    }
}

/// Zero itself keeps one.
fn without_zeros(id: &str) -> &str {
    match id.trim_start_matches('0') {
        "" => id.get(..1).unwrap_or_default(),
        rest => rest,
    }
}

fn in_case(id: &str, case: Option<Case>) -> Cow<'_, str> {
    match case {
        Some(Case::Lower) if id.bytes().any(|b| b.is_ascii_uppercase()) => {
            Cow::Owned(id.to_ascii_lowercase())
        }
        Some(Case::Upper) if id.bytes().any(|b| b.is_ascii_lowercase()) => {
            Cow::Owned(id.to_ascii_uppercase())
        }
        _ => Cow::Borrowed(id),
    }
}

#[cfg(test)]
mod tests;
