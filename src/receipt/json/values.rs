//! The values of a receipt's fields, each with the faults it can have.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Visitor};

use jiff::Timestamp;
use uuid::Uuid;

use super::{DEPTH_MAX, Trace};
use crate::clock;
use crate::receipt::Rejection;
use crate::receipt::rejection::Field;
use crate::receipt::wire::Value;

/// A string without U+0000, or null, which means absent.
pub(super) struct Words<'w> {
    pub(super) trace: &'w Trace,
}

impl<'a> DeserializeSeed<'a> for Words<'_> {
    type Value = Value<'a>;

    fn deserialize<D: serde::Deserializer<'a>>(self, d: D) -> Result<Self::Value, D::Error> {
        d.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for Words<'_> {
    type Value = Value<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or null")
    }

    /// It stands in the payload as it is, where JSON lets no U+0000 stand.
    fn visit_borrowed_str<E: serde::de::Error>(self, text: &'a str) -> Result<Value<'a>, E> {
        Ok(Some(Cow::Borrowed(text)))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value<'a>, E> {
        if text.contains('\0') {
            return Err(self.trace.fail(Rejection::ContainsNul));
        }
        Ok(Some(Cow::Owned(text.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Value<'a>, E> {
        Ok(None)
    }
}

/// A UUID in text, or null, which means absent.
pub(super) struct Id<'w> {
    pub(super) field: Field,
    pub(super) trace: &'w Trace,
}

impl<'a> DeserializeSeed<'a> for Id<'_> {
    type Value = Option<Uuid>;

    fn deserialize<D: serde::Deserializer<'a>>(self, d: D) -> Result<Self::Value, D::Error> {
        let Self { field, trace } = self;
        Ok(Words { trace }.deserialize(d)?.and_then(|text| {
            let id = Uuid::try_parse(&text).ok();
            trace.readable(id, Rejection::BadUuid(field))
        }))
    }
}

/// A time in RFC 3339, or null, which means absent.
pub(super) struct Time<'w> {
    pub(super) field: Field,
    pub(super) trace: &'w Trace,
}

impl<'a> DeserializeSeed<'a> for Time<'_> {
    type Value = Option<Timestamp>;

    fn deserialize<D: serde::Deserializer<'a>>(self, d: D) -> Result<Self::Value, D::Error> {
        let Self { field, trace } = self;
        Ok(Words { trace }.deserialize(d)?.and_then(|text| {
            let at = text.parse().ok().filter(|at| clock::is_sensible(*at));
            let at = at.map(clock::truncate_to_micros);
            trace.readable(at, Rejection::BadTimestamp(field))
        }))
    }
}

/// An integer from 0 to 255, or null, which means absent.
pub(super) struct State<'w> {
    pub(super) field: Field,
    pub(super) trace: &'w Trace,
}

impl<'a> DeserializeSeed<'a> for State<'_> {
    type Value = Option<u8>;

    fn deserialize<D: serde::Deserializer<'a>>(self, d: D) -> Result<Self::Value, D::Error> {
        d.deserialize_any(self)
    }
}

impl Visitor<'_> for State<'_> {
    type Value = Option<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an integer from 0 to 255, or null")
    }

    fn visit_u64<E: serde::de::Error>(self, state: u64) -> Result<Self::Value, E> {
        match u8::try_from(state) {
            Ok(state) => Ok(Some(state)),
            Err(_) => Err(self.trace.fail(Rejection::OutOfRange(self.field))),
        }
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Self::Value, E> {
        Err(self.trace.fail(Rejection::OutOfRange(self.field)))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// Whether a value that nobody reads is nested too deep. Its text is not looked at otherwise: a
/// number that fits no type of ours may be the reader's of tomorrow.
pub(super) fn is_too_deep(value: &str) -> bool {
    let (mut level, mut in_string, mut escaped) = (0_u32, false, false);
    value.bytes().any(|byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => level += 1,
            b']' | b'}' if !in_string => level = level.saturating_sub(1),
            _ => {}
        }
        level > u32::from(DEPTH_MAX)
    })
}
