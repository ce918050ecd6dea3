//! Dates as carriers write them.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::clock;

/// Reads SMPP 10, 12 or 14 digits (in UTC until a carrier profile says otherwise) or RFC 3339.
///
/// `None` for anything else, all zeros included: a receipt never fails for its dates.
pub(super) fn read(text: &str) -> Option<Timestamp> {
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return digits(text.as_bytes());
    }
    let at = text
        .parse::<Timestamp>()
        .ok()
        .filter(|at| clock::is_sensible(*at));
    at.map(clock::truncate_to_micros)
}

/// SMPP 3.4 appendix B writes `YYMMDDhhmm`; the wild adds seconds, and years of four digits.
fn digits(text: &[u8]) -> Option<Timestamp> {
    let pair = |at: usize| {
        let [tens, ones] = text.get(at..at + 2)?.try_into().ok()?;
        Some(i16::from(tens - b'0') * 10 + i16::from(ones - b'0'))
    };
    let (year, rest) = match text.len() {
        14 => (pair(0)? * 100 + pair(2)?, 4),
        // `20` followed by more than a month can only be YYYYMMDDhhmm.
        12 if pair(0)? == 20 && pair(2)? > 12 => (pair(0)? * 100 + pair(2)?, 4),
        10 | 12 => (century(pair(0)?), 2),
        _ => return None,
    };
    let field = |at: usize| i8::try_from(pair(rest + at).unwrap_or(0)).unwrap_or(-1);
    DateTime::new(year, field(0), field(2), field(4), field(6), field(8), 0)
        .ok()?
        .to_zoned(TimeZone::UTC)
        .ok()
        .map(|zoned| zoned.timestamp())
}

/// SMPP 3.4 appendix C: 38 to 99 are 19xx, 00 to 37 are 20xx.
fn century(year: i16) -> i16 {
    if year >= 38 { 1900 + year } else { 2000 + year }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_the_wild() {
        for (text, expected) in [
            ("1005232039", Some("2010-05-23T20:39:00Z")),
            ("100523203915", Some("2010-05-23T20:39:15Z")),
            ("201506201641", Some("2015-06-20T16:41:00Z")),
            ("20150620164107", Some("2015-06-20T16:41:07Z")),
            ("9912312359", Some("1999-12-31T23:59:00Z")),
            (
                "2026-11-21T12:00:00.5+01:00",
                Some("2026-11-21T11:00:00.5Z"),
            ),
            ("0000000000", None),
            ("1002312039", None),
            ("1005232599", None),
            ("10052320391", None),
            ("yesterday", None),
            ("-005000-01-01T00:00:00Z", None),
            ("", None),
        ] {
            let expected = expected.map(|text| text.parse().unwrap());
            assert_eq!(read(text), expected, "{text}");
        }
    }
}
