//! One process looks at a time. Who looks for a message, finds none and says that the receipt has
//! lapsed must not do so while another finds the message, which came in between.

use std::time::{Duration, Instant};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::look::Fault;
use crate::store::sweep::SweepSession;

/// Longest wait for another's look. One that hangs, say because somebody stopped it at a terminal,
/// must not stop the sweep: from then on both look, and a message that comes in this very moment may
/// cost its receipt a notice too many.
const WAIT_MAX: Duration = Duration::from_secs(10);
const AGAIN: Duration = Duration::from_millis(20);

/// Waits for the turn to look, not for ever and not through a stop; `false` without a turn.
pub(super) async fn wait(session: &SweepSession, stop: &CancellationToken) -> Result<bool, Fault> {
    let began = Instant::now();
    while !session.try_turn().await? {
        if began.elapsed() > WAIT_MAX {
            return Ok(false);
        }
        let rest = stop.run_until_cancelled(sleep(AGAIN));
        rest.await.ok_or(Fault::Stopping)?;
    }
    Ok(true)
}
