//! JSON as serde writes it, byte for byte, without going through a serializer for each field.

use std::ops::Range;

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use uuid::Uuid;
use uuid::fmt::Hyphenated;

/// Appends to a draft. Keys and punctuation come with [`Self::raw`].
pub(super) struct Json<'a>(pub(super) &'a mut Vec<u8>);

impl Json<'_> {
    #[inline]
    pub(super) fn raw(&mut self, text: &str) -> &mut Self {
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    /// What stands there already, once more.
    pub(super) fn again(&mut self, range: Range<usize>) -> &mut Self {
        self.0.extend_from_within(range);
        self
    }

    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        let is_plain = |byte: &u8| *byte >= b' ' && *byte != b'"' && *byte != b'\\';
        if text.as_bytes().iter().all(is_plain) {
            return self.raw("\"").raw(text).raw("\"");
        }
        serde_json::to_writer(&mut *self.0, text).expect("text serializes into memory");
        self
    }

    pub(super) fn uuid(&mut self, uuid: Uuid) -> &mut Self {
        let mut quoted = [b'"'; Hyphenated::LENGTH + 2];
        uuid.hyphenated().encode_lower(&mut quoted[1..]);
        self.0.extend_from_slice(&quoted);
        self
    }

    pub(super) fn time(&mut self, time: Timestamp) -> &mut Self {
        const PRINTER: DateTimePrinter = DateTimePrinter::new();
        self.raw("\"");
        PRINTER
            .print_timestamp(&time, &mut *self.0)
            .expect("a time is written into memory");
        self.raw("\"")
    }

    /// A small number, as all of a message's are.
    pub(super) fn number(&mut self, number: i16) -> &mut Self {
        use std::io::Write as _;
        if let 0..=9 = number {
            self.0.push(b'0' + number.to_le_bytes()[0]);
            return self;
        }
        write!(self.0, "{number}").expect("a number is written into memory");
        self
    }

    pub(super) fn flag(&mut self, flag: bool) -> &mut Self {
        self.raw(if flag { "true" } else { "false" })
    }

    /// `null` for what is not there.
    pub(super) fn optional<T>(
        &mut self,
        value: Option<T>,
        write: impl FnOnce(&mut Self, T) -> &mut Self,
    ) -> &mut Self {
        match value {
            Some(value) => write(self, value),
            None => self.raw("null"),
        }
    }
}
