//! What becomes of the parked receipts after the last one was published.

use std::fmt;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Ran, Simulation, died_message};
use crate::dev::ledger;
use crate::dev::scenario::Kind;

/// Open receipts that the sweeper has not resolved after this time are left for the ledger to tell.
const RESOLVE_MAX: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(100);

/// What was left to the sweeper, and how long it took.
pub(in crate::cli::dev) struct Swept {
    found: u64,
    left: u64,
    meant_to_stay: u64,
    took: Duration,
}

impl Simulation {
    /// Waits until nothing is open but what has no message, or is too little to be diagnosed.
    pub(in crate::cli::dev) async fn swept(
        &self,
        ran: &Ran,
        repaired: bool,
    ) -> anyhow::Result<Swept> {
        let began = Instant::now();
        let kinds = ran.published.confirmed.iter();
        let kinds = kinds.map(|receipt| self.scenario.story(receipt.story).kind);
        let stays =
            |kind: &Kind| *kind == Kind::Unmatched || *kind == Kind::NotationFault && !repaired;
        let meant_to_stay = kinds.filter(stays).count() as u64;
        let found = ledger::open(&self.reader).await?;
        let mut left = found;
        while left > meant_to_stay && began.elapsed() < RESOLVE_MAX {
            tokio::select! {
                () = sleep(POLL) => left = ledger::open(&self.reader).await?,
                () = self.app.stopping().cancelled() => return Err(died_message()),
            }
        }
        Ok(Swept {
            found,
            left,
            meant_to_stay,
            took: began.elapsed(),
        })
    }
}

impl fmt::Display for Swept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            found,
            left,
            meant_to_stay,
            took,
        } = self;
        if left < found {
            let matched = found - left;
            writeln!(
                f,
                "{matched} parked receipts were matched within {:.2} s",
                took.as_secs_f64()
            )?;
        }
        match left.saturating_sub(*meant_to_stay) {
            0 => write!(f, "{left} parked receipts stay open, as they should"),
            late => write!(
                f,
                "{left} parked receipts are open, of which {late} should not be"
            ),
        }
    }
}
