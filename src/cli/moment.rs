//! Times on the command line.

use jiff::{SignedDuration, Timestamp};

use crate::clock::{self, Clock};

/// A time as people write it: `2026-11-21T12:00:00Z`, or `2h ago`.
pub(super) fn parse(text: &str) -> Result<Timestamp, String> {
    parse_at(text, Clock.now())
}

fn parse_at(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let how = || "write it as 2026-11-21T12:00:00Z or as 2h ago".to_owned();
    let at = match text.parse::<SignedDuration>() {
        Ok(ago) if ago.is_negative() => now.checked_add(ago).ok(),
        Ok(_) => None,
        Err(_) => text.parse().ok(),
    };
    at.filter(|at| clock::is_sensible(*at))
        .map(clock::truncate_to_micros)
        .ok_or_else(how)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_absolute_or_past() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let at = |text| parse_at(text, now).map(|at| at.to_string());
        assert_eq!(at("2h ago"), Ok("2026-11-21T10:00:00Z".to_owned()));
        assert_eq!(at("1h 30m ago"), Ok("2026-11-21T10:30:00Z".to_owned()));
        assert_eq!(
            at("2026-11-20T01:00:00.1234567+01:00"),
            Ok("2026-11-20T00:00:00.123456Z".to_owned())
        );
        for wrong in [
            "2h",
            "yesterday",
            "2026-11-20",
            "-005000-01-01T00:00:00Z",
            "",
        ] {
            assert!(at(wrong).is_err(), "{wrong}");
        }
    }
}
