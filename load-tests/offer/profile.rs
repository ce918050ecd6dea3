//! How receipts are spread over the time.

use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Profile {
    /// Evenly
    Steady,
    /// In each five seconds one with five times as many as the others
    Burst,
    /// A carrier that is away for a third of the time, and then sends what has gathered all at once
    Outage,
}

impl Profile {
    /// The intended times of `rate` receipts a second on average, ascending.
    pub(crate) fn times(self, rate: u32, duration: Duration) -> Vec<Duration> {
        let count = (f64::from(rate) * duration.as_secs_f64()).max(1.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "rounded down on purpose"
        )]
        let count = count as u32;
        (0..count)
            .map(|at| {
                let share = f64::from(at) / f64::from(count);
                let even = duration.mul_f64(share);
                match self {
                    Self::Steady => even,
                    Self::Burst => burst(even),
                    Self::Outage => outage(share, duration),
                }
            })
            .collect()
    }
}

/// Of nine parts of the receipts of a period, five fall into its first fifth.
fn burst(even: Duration) -> Duration {
    const PERIOD: f64 = 5.0;
    let seconds = even.as_secs_f64();
    let period = (seconds / PERIOD).floor();
    let share = seconds / PERIOD - period;
    let warped = if share < 5.0 / 9.0 {
        share * 9.0 / 25.0
    } else {
        0.2 + (share - 5.0 / 9.0) * 9.0 / 5.0
    };
    Duration::from_secs_f64((period + warped.min(1.0)) * PERIOD)
}

/// What falls into the middle third is intended for its end: the receipts exist there only.
fn outage(share: f64, duration: Duration) -> Duration {
    let moved = if (1.0 / 3.0..2.0 / 3.0).contains(&share) {
        2.0 / 3.0
    } else {
        share
    };
    duration.mul_f64(moved)
}
