//! Dates as carriers write them.

use jiff::Timestamp;
use jiff::civil::DateTime;

use super::profile::{Profile, TwelveDigits};
use crate::clock;

/// Reads SMPP 10, 12 or 14 digits, on the profile's clock, or RFC 3339.
///
/// `reference` is a time close to the receipt's own, to choose between two readings of twelve
/// digits. `None` for anything else, all zeros included: a receipt never fails for its dates.
///
/// Milliseconds since 1970, which some simulators write, are not among the forms: their thirteen
/// digits could as well be a phone number, which as a date would stand in the open.
pub(super) fn read(
    text: &str,
    profile: &Profile,
    reference: Option<Timestamp>,
) -> Option<Timestamp> {
    let at = if text.bytes().all(|b| b.is_ascii_digit()) {
        digits(text.as_bytes(), profile, reference)
    } else {
        // RFC 9557 allows any text in brackets behind the time, a phone number too.
        text.parse().ok().filter(|_| !text.contains('['))
    };
    at.filter(|at| clock::is_sensible(*at))
        .map(clock::truncate_to_micros)
}

/// SMPP 3.4 appendix B writes `YYMMDDhhmm`; the wild adds seconds, and years of four digits.
fn digits(text: &[u8], profile: &Profile, reference: Option<Timestamp>) -> Option<Timestamp> {
    let read = |form| {
        let civil = civil(text, form)?;
        profile.time_zone.to_timestamp(civil).ok()
    };
    match (text.len(), profile.twelve_digits) {
        (10, _) | (12, TwelveDigits::WithSeconds) => read(Year::Short),
        (14, _) | (12, TwelveDigits::WithCentury) => read(Year::Full),
        (12, TwelveDigits::Auto) => {
            let with_seconds = read(Year::Short);
            let with_century = read(Year::Full).filter(|_| text.starts_with(b"20"));
            let (Some(short), Some(full)) = (with_seconds, with_century) else {
                return with_seconds.or(with_century);
            };
            let distance = |at: Timestamp| reference.map(|it| it.duration_since(at).abs());
            // Without a reference the two compare equal, and the specification's form wins.
            Some(if distance(full) < distance(short) {
                full
            } else {
                short
            })
        }
        _ => None,
    }
}

#[derive(Clone, Copy)]
enum Year {
    /// Two digits.
    Short,
    /// Four.
    Full,
}

/// A year and then as many pairs as there are: what is missing is zero.
fn civil(text: &[u8], year: Year) -> Option<DateTime> {
    let pair = |at: usize| {
        let [tens, ones] = text.get(at..at + 2)?.try_into().ok()?;
        Some(i16::from(tens - b'0') * 10 + i16::from(ones - b'0'))
    };
    let (year, rest) = match year {
        Year::Short => (century(pair(0)?), 2),
        Year::Full => (pair(0)? * 100 + pair(2)?, 4),
    };
    let field = |at: usize| i8::try_from(pair(rest + at).unwrap_or(0)).unwrap_or(-1);
    DateTime::new(year, field(0), field(2), field(4), field(6), field(8), 0).ok()
}

/// SMPP 3.4 appendix C: 38 to 99 are 19xx, 00 to 37 are 20xx.
fn century(year: i16) -> i16 {
    if year >= 38 { 1900 + year } else { 2000 + year }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn read_as(text: &str, profile: &serde_json::Value, reference: Option<&str>) -> Option<String> {
        let profile = Profile::parse(profile, 1).unwrap();
        read(text, &profile, reference.map(at)).map(|at| at.to_string())
    }

    #[test]
    fn the_forms_of_the_wild() {
        for (text, expected) in [
            ("1005232039", Some("2010-05-23T20:39:00Z")),
            ("100523203915", Some("2010-05-23T20:39:15Z")),
            ("201506201641", Some("2015-06-20T16:41:00Z")),
            ("201902261755", Some("2019-02-26T17:55:00Z")),
            ("202008190505", Some("2020-08-19T05:05:00Z")),
            ("20150620164107", Some("2015-06-20T16:41:07Z")),
            ("9912312359", Some("1999-12-31T23:59:00Z")),
            (
                "2026-11-21T12:00:00.5+01:00",
                Some("2026-11-21T11:00:00.5Z"),
            ),
            ("0000000000", None),
            ("000000000000", None),
            ("00000101000000", None),
            ("1002312039", None),
            ("02160520164107", None),
            ("1005232599", None),
            ("10052320391", None),
            ("1795262400000", None),
            ("yesterday", None),
            ("-005000-01-01T00:00:00Z", None),
            ("", None),
        ] {
            let expected = expected.map(str::to_owned);
            assert_eq!(read_as(text, &json!({}), None), expected, "{text}");
        }
    }

    #[test]
    fn twelve_digits_that_are_two_dates_are_the_nearer_one() {
        let ambiguous = "200101010030";
        let read = |profile, reference| read_as(ambiguous, &profile, reference).unwrap();
        let (short, full) = ("2020-01-01T01:00:30Z", "2001-01-01T00:30:00Z");
        assert_eq!(read(json!({}), None), short);
        assert_eq!(read(json!({}), Some("2026-11-21T12:00:00Z")), short);
        assert_eq!(read(json!({}), Some("2001-01-01T00:31:00Z")), full);
        let stated = json!({"twelveDigits": "YYYYMMDDhhmm"});
        assert_eq!(read(stated, Some("2026-11-21T12:00:00Z")), full);
        let stated = json!({"twelveDigits": "YYMMDDhhmmss"});
        assert_eq!(read(stated, Some("2001-01-01T00:31:00Z")), short);
        // What a profile states is not second-guessed.
        let stated = json!({"twelveDigits": "YYMMDDhhmmss"});
        assert_eq!(read_as("201506201641", &stated, None), None);
    }

    #[test]
    fn digits_follow_the_carriers_clock_and_named_offsets_do_not() {
        let berlin = json!({"timeZone": "Europe/Berlin"});
        for (text, expected) in [
            ("2607011200", "2026-07-01T10:00:00Z"),
            ("2601011200", "2026-01-01T11:00:00Z"),
            // The hour that is skipped in spring, and the one that comes twice in autumn.
            ("2603290230", "2026-03-29T01:30:00Z"),
            ("2610250230", "2026-10-25T00:30:00Z"),
            ("2026-07-01T12:00:00Z", "2026-07-01T12:00:00Z"),
        ] {
            assert_eq!(
                read_as(text, &berlin, None).as_deref(),
                Some(expected),
                "{text}"
            );
        }
        let offset = json!({"timeZone": "-04:00"});
        assert_eq!(
            read_as("20260701120000", &offset, None).as_deref(),
            Some("2026-07-01T16:00:00Z")
        );
        assert_eq!(read_as("99991231235959", &offset, None), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn any_text_is_a_sensible_date_or_none(text in "[0-9]{0,16}|[ -~]{0,32}") {
            for zone in ["UTC", "Europe/Berlin", "-12:00"] {
                let profile = Profile::parse(&json!({"timeZone": zone}), 1).unwrap();
                if let Some(at) = read(&text, &profile, Some(Timestamp::UNIX_EPOCH)) {
                    prop_assert!(clock::is_sensible(at));
                }
            }
        }

        #[test]
        fn every_minute_is_read_back_in_each_of_its_forms(minute in 0_i64..19_900_000) {
            let minute = minute * 60 + 946_684_800;
            let expected = Timestamp::from_second(minute).unwrap();
            let profile = Profile::default();
            for form in ["%y%m%d%H%M", "%y%m%d%H%M%S", "%Y%m%d%H%M%S"] {
                let written = expected.strftime(form).to_string();
                prop_assert_eq!(read(&written, &profile, Some(expected)), Some(expected));
            }
            let written = expected.strftime("%Y%m%d%H%M").to_string();
            prop_assert_eq!(read(&written, &profile, Some(expected)), Some(expected));
        }
    }
}
