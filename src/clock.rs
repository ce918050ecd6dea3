//! The only source of "now".

use jiff::Timestamp;

/// Wall-clock time in whole microseconds, the resolution of `timestamptz`: what is stored reads
/// back equal, so that an event made again from its row is byte for byte the same.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock;

impl Clock {
    pub fn now(self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that may")]
        truncate_to_micros(Timestamp::now())
    }
}

/// Drops what is finer than a microsecond, towards the past.
pub fn truncate_to_micros(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_nanosecond().div_euclid(1_000) as i64)
        .expect("a timestamp without its nanoseconds stays in range")
}
