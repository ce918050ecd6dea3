//! The text a receipt borrows from: that of its payload, and what had to be unescaped.

use bytes::Bytes;
use bytestring::ByteString;

use super::notation::{KEY_MAX, WRITTEN_MAX};
use super::{PAYLOAD_MAX, Rejection};

/// A piece of a [`Text`]. Four bytes instead of a reference, so that a receipt can own its text and
/// cross threads without copying or counting references for each field.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    start: u16,
    length: u16,
}

/// Where spans into the unescaped part begin; offsets below it lie in the payload.
const UNESCAPED: usize = 0x8000;
const _: () = assert!(PAYLOAD_MAX <= UNESCAPED);

/// More than all values of a receipt together, each as long as CONTRACT §3 lets it be, in
/// characters of four bytes: a carrier, the id as written, twelve others, and its key.
const VALUES_MAX: usize = 64 + 4 * (WRITTEN_MAX + 12 * 32) + KEY_MAX;
const _: () = assert!(UNESCAPED + VALUES_MAX <= u16::MAX as usize);

/// UTF-8, checked once; every field is a [`Span`] of it.
pub(super) struct Text {
    payload: ByteString,
    /// Values that stand escaped in the payload, or in no payload at all: a subject's carrier, a
    /// converted id. Never longer than [`VALUES_MAX`].
    unescaped: String,
}

impl Text {
    /// A payload that is all text, or the part of it that is; at most [`PAYLOAD_MAX`] bytes.
    pub(super) fn new(payload: Bytes) -> Result<Self, Rejection> {
        let payload = ByteString::try_from(payload).map_err(|_utf8| Rejection::NotUtf8)?;
        Ok(Self {
            payload,
            unescaped: String::new(),
        })
    }

    pub(super) fn payload(&self) -> &str {
        &self.payload
    }

    /// The payload for whoever borrows from it while the text is written to.
    pub(super) fn shared(&self) -> ByteString {
        self.payload.clone()
    }

    /// Remembers a value of bounded length: without copying when it is a slice of the payload.
    pub(super) fn keep(&mut self, value: &str) -> Span {
        let start = self.offset_of(value).unwrap_or_else(|| {
            let start = UNESCAPED + self.unescaped.len();
            self.unescaped.push_str(value);
            start
        });
        let narrow = |n: usize| u16::try_from(n).expect("the payload's limit keeps offsets in u16");
        Span {
            start: narrow(start),
            length: narrow(value.len()),
        }
    }

    pub(super) fn get(&self, span: Span) -> &str {
        let (text, start) = match usize::from(span.start).checked_sub(UNESCAPED) {
            Some(start) => (self.unescaped.as_str(), start),
            None => (&*self.payload, usize::from(span.start)),
        };
        text.get(start..start + usize::from(span.length))
            .expect("a span is made by `keep` of the same text")
    }

    /// Where `slice` lies in the payload, if it is a part of it.
    fn offset_of(&self, slice: &str) -> Option<usize> {
        let offset = (slice.as_ptr() as usize).checked_sub(self.payload.as_ptr() as usize)?;
        (offset + slice.len() <= self.payload.len()).then_some(offset)
    }
}
