//! The JSON encoding: text to [`Wire`], borrowed where nothing is escaped.
//!
//! The visitor is written by hand rather than derived because every fault has a name: serde's
//! derived code says "duplicate field" and "invalid type" in prose only, skips unknown fields at
//! any depth, and turns an optional `Cow` into an allocation.

mod values;

use std::cell::Cell;
use std::fmt;

use serde::Deserializer as _;
use serde::de::{DeserializeSeed, MapAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;

use self::values::{Id, State, Time, Words, is_too_deep};
use super::Rejection;
use super::rejection::Field;
use super::wire::{Slot, Wire};

/// Levels of objects and arrays below the receipt itself, in fields that nobody reads.
pub const DEPTH_MAX: u8 = 16;

/// Reads one JSON object and nothing after it, into an empty `wire`: half a kibibyte that is moved
/// twice on its way out costs a tenth of the reading.
pub(super) fn read<'a>(payload: &'a str, wire: &mut Wire<'a>) -> Result<(), Rejection> {
    let trace = Trace::default();
    let mut json = serde_json::Deserializer::from_str(payload);
    let object = Object {
        wire,
        trace: &trace,
        names: receipt_field,
    };
    match json.deserialize_map(object).and_then(|()| json.end()) {
        Ok(()) => trace.unreadable.get().map_or(Ok(()), Err),
        Err(error) => Err(trace.explain(&error, payload)),
    }
}

/// What the visitors leave behind for [`Trace::explain`], since serde's errors are prose.
#[derive(Default)]
struct Trace {
    reading: Cell<Option<Field>>,
    fault: Cell<Option<Rejection>>,
    /// A value that is no id or no time, which is named only if the payload is otherwise in order:
    /// an archive has no such order of fields, and must be rejected with the same words.
    unreadable: Cell<Option<Rejection>>,
    seen: Cell<u32>,
}

impl Trace {
    fn fail<E: serde::de::Error>(&self, fault: Rejection) -> E {
        self.fault.set(Some(fault));
        E::custom(fault.reason())
    }

    /// Passes the value on, or remembers that there is none to be read.
    fn readable<T>(&self, value: Option<T>, fault: Rejection) -> Option<T> {
        if value.is_none() {
            self.unreadable.set(self.unreadable.get().or(Some(fault)));
        }
        value
    }

    /// Whether this is the field's first appearance.
    fn first(&self, field: Field) -> bool {
        let bit = 1 << field as u32;
        let seen = self.seen.replace(self.seen.get() | bit);
        seen & bit == 0
    }

    fn explain(&self, error: &serde_json::Error, payload: &str) -> Rejection {
        if let Some(fault) = self.fault.get() {
            return fault;
        }
        match (error.classify(), self.reading.get()) {
            (Category::Data, Some(field)) => Rejection::WrongType(field),
            _ if payload.contains('\0') => Rejection::ContainsNul,
            (Category::Eof, _) => Rejection::Truncated,
            _ => Rejection::MalformedJson,
        }
    }
}

fn receipt_field(name: &str) -> Option<Field> {
    Some(match name {
        "carrierId" => Field::CarrierId,
        "operatorMessageId" => Field::OperatorMessageId,
        "stat" => Field::Stat,
        "messageState" => Field::MessageState,
        "err" => Field::Err,
        "networkErrorCode" => Field::NetworkErrorCode,
        "submitDate" => Field::SubmitDate,
        "doneDate" => Field::DoneDate,
        "sourceAddr" => Field::SourceAddr,
        "destAddr" => Field::DestAddr,
        "accountId" => Field::AccountId,
        "messageId" => Field::MessageId,
        "sub" => Field::Sub,
        "dlvrd" => Field::Dlvrd,
        "tlv" => Field::Tlv,
        "rawPayload" => Field::RawPayload,
        "receivedAt" => Field::ReceivedAt,
        _ => return None,
    })
}

fn tlv_field(name: &str) -> Option<Field> {
    Some(match name {
        "receiptedMessageId" => Field::TlvReceiptedMessageId,
        "messageState" => Field::TlvMessageState,
        "networkErrorCode" => Field::TlvNetworkErrorCode,
        _ => return None,
    })
}

/// An object whose known fields go into the wire form; the others are skipped.
struct Object<'w, 'a> {
    wire: &'w mut Wire<'a>,
    trace: &'w Trace,
    names: fn(&str) -> Option<Field>,
}

impl<'a> Visitor<'a> for Object<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<(), M::Error> {
        let Self { wire, trace, names } = self;
        while let Some(name) = map.next_key_seed(Name(names))? {
            trace.reading.set(name);
            let Some(field) = name else {
                let value: &RawValue = map.next_value()?;
                if is_too_deep(value.get()) {
                    return Err(trace.fail(Rejection::TooDeep));
                }
                continue;
            };
            if !trace.first(field) {
                return Err(trace.fail(Rejection::DuplicateField(field)));
            }
            match wire.slot(field) {
                Slot::Text(text) => *text = map.next_value_seed(Words { trace })?,
                Slot::State(state) => *state = map.next_value_seed(State { field, trace })?,
                Slot::Id(id) => *id = map.next_value_seed(Id { field, trace })?,
                Slot::Time(at) => *at = map.next_value_seed(Time { field, trace })?,
                Slot::Tlv => {
                    let wire = &mut *wire;
                    map.next_value_seed(Tlv { wire, trace })?;
                }
            }
        }
        Ok(())
    }
}

struct Name(fn(&str) -> Option<Field>);

impl<'a> DeserializeSeed<'a> for Name {
    type Value = Option<Field>;

    fn deserialize<D: serde::Deserializer<'a>>(self, d: D) -> Result<Self::Value, D::Error> {
        d.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = Option<Field>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok((self.0)(name))
    }
}

/// The object `tlv`, or null, which means absent.
struct Tlv<'w, 'a> {
    wire: &'w mut Wire<'a>,
    trace: &'w Trace,
}

impl<'a> DeserializeSeed<'a> for Tlv<'_, 'a> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'a>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for Tlv<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or null")
    }

    fn visit_map<M: MapAccess<'a>>(self, map: M) -> Result<(), M::Error> {
        Object {
            wire: self.wire,
            trace: self.trace,
            names: tlv_field,
        }
        .visit_map(map)
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}
