//! Masks what looks like a phone number: many digits in a row, with or without a plus.

use std::borrow::Cow;

/// Where in a line to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Inside strings only: bare numbers are sequences, counts and durations.
    Json,
    Text,
}

impl Shape {
    /// Digits that may be a phone number: seven, as everywhere (CONTRACT §5), but nine where
    /// sequences and counts stand bare. Without an upper bound: two numbers may stand together.
    fn number_digits(self) -> usize {
        match self {
            Self::Json => 7,
            Self::Text => 9,
        }
    }
}

const MASK: &[u8] = b"***";

pub(super) fn redact(line: &[u8], shape: Shape) -> Cow<'_, [u8]> {
    let mut masked: Option<Vec<u8>> = None;
    let mut copied = 0;
    let mut in_string = shape == Shape::Text;
    let mut at = 0;
    while let Some(&byte) = line.get(at) {
        let digits = line[at..].iter().take_while(|b| b.is_ascii_digit()).count();
        if digits > 0 {
            if in_string && digits >= shape.number_digits() && !ends_uuid(line, at, digits) {
                let start = if at > copied && line[at - 1] == b'+' {
                    at - 1
                } else {
                    at
                };
                let masked = masked.get_or_insert_with(|| Vec::with_capacity(line.len()));
                masked.extend_from_slice(&line[copied..start]);
                masked.extend_from_slice(MASK);
                copied = at + digits;
            }
            at += digits;
            continue;
        }
        match (shape, byte) {
            (Shape::Json, b'"') => in_string = !in_string,
            // Skips what is escaped, a quotation mark in particular.
            (Shape::Json, b'\\') => at += 1,
            _ => {}
        }
        at += 1;
    }
    match masked {
        None => Cow::Borrowed(line),
        Some(mut masked) => {
            masked.extend_from_slice(&line[copied..]);
            Cow::Owned(masked)
        }
    }
}

/// Whether the digits are the last group of a UUID, which we log a lot.
fn ends_uuid(line: &[u8], at: usize, digits: usize) -> bool {
    const BEFORE: usize = "00000000-0000-0000-0000-".len();
    let Some(before) = at.checked_sub(BEFORE).and_then(|from| line.get(from..at)) else {
        return false;
    };
    let is_dash = |at: usize| matches!(at, 8 | 13 | 18 | 23);
    digits == 12
        && before.iter().enumerate().all(|(at, byte)| {
            if is_dash(at) {
                *byte == b'-'
            } else {
                byte.is_ascii_hexdigit()
            }
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(line: &str) -> String {
        String::from_utf8(redact(line.as_bytes(), Shape::Json).into_owned()).unwrap()
    }

    fn text(line: &str) -> String {
        String::from_utf8(redact(line.as_bytes(), Shape::Text).into_owned()).unwrap()
    }

    #[test]
    fn masks_numbers_in_strings() {
        assert_eq!(json(r#"{"a":"+447700900123"}"#), r#"{"a":"***"}"#);
        assert_eq!(
            json(r#"{"a":"to 447700900123, 447700900124."}"#),
            r#"{"a":"to ***, ***."}"#
        );
        assert_eq!(
            json(r#"{"a":"say \"447700900123\""}"#),
            r#"{"a":"say \"***\""}"#
        );
        assert_eq!(
            json(r#"{"a":"x\\","b":"447700900123"}"#),
            r#"{"a":"x\\","b":"***"}"#
        );
        assert_eq!(json(r#"{"a":"123456789"}"#), r#"{"a":"***"}"#);
        assert_eq!(json(r#"{"a":"123456789012345"}"#), r#"{"a":"***"}"#);
    }

    #[test]
    fn leaves_what_is_no_number() {
        for line in [
            r#"{"seq":447700900123,"n":"123456"}"#,
            r#"{"timestamp":"2026-01-02T03:04:05.123456Z"}"#,
            r#"{"id":"550e8400-e29b-41d4-a716-446655440000"}"#,
            r#"{"hash":"123456"}"#,
            r#"{"cut":"\"#,
        ] {
            assert_eq!(json(line), line);
        }
    }

    #[test]
    fn masks_anywhere_in_text() {
        assert_eq!(
            text("2026-01-02T03:04:05.123456Z INFO to=+447700900123 seq=12345678"),
            "2026-01-02T03:04:05.123456Z INFO to=*** seq=12345678"
        );
        assert_eq!(text("x-446655440000"), "x-***");
    }
}
