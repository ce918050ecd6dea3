//! The only source of "now".

use jiff::Timestamp;

/// Wall-clock time in whole microseconds, the resolution of `timestamptz`: what is stored reads
/// back equal, so that an event made again from its row is byte for byte the same.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock;

impl Clock {
    #[expect(clippy::unused_self, reason = "whoever has no clock has no time")]
    pub fn now(self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that may")]
        truncate_to_micros(Timestamp::now())
    }
}

/// Whether PostgreSQL and every reader of our events can hold the time: the years 1900 to 9999.
pub fn is_sensible(at: Timestamp) -> bool {
    const EARLIEST_SECOND: i64 = -2_208_988_800;
    at.as_second() >= EARLIEST_SECOND
}

/// Drops what is finer than a microsecond, towards the past.
pub fn truncate_to_micros(at: Timestamp) -> Timestamp {
    let finer = at.subsec_nanosecond().rem_euclid(1_000);
    Timestamp::new(at.as_second(), at.subsec_nanosecond() - finer)
        .expect("the earliest timestamp is a whole second")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn truncating_takes_less_than_a_microsecond_away(
            second in Timestamp::MIN.as_second()..=Timestamp::MAX.as_second(),
            nanosecond in 0..1_000_000_000,
        ) {
            let at = Timestamp::new(second, nanosecond).unwrap();
            let micros = truncate_to_micros(at);
            let taken = at.as_nanosecond() - micros.as_nanosecond();
            prop_assert!((0..1_000).contains(&taken));
            prop_assert_eq!(micros.as_nanosecond() % 1_000, 0);
        }
    }
}
