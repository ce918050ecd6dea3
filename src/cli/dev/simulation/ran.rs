//! How a run went, as seen from the stream.

use std::fmt;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::POLL;
use crate::dev::traffic::Published;
use crate::dev::view::Backlog;

/// A backlog that has not gone after this time is left for the ledger to tell.
const DRAIN_MAX: Duration = Duration::from_mins(1);

pub(in crate::cli::dev) struct Ran {
    pub(in crate::cli::dev) published: Published,
    backlog: u64,
    emptied: Option<Duration>,
}

impl Ran {
    /// Waits until nothing is left to settle. `waiting` were so at the `end`.
    pub(super) async fn see_out(
        published: Published,
        waiting: u64,
        backlog: &Backlog,
        end: Instant,
    ) -> Self {
        Self {
            published,
            backlog: waiting,
            emptied: drained(backlog, end).await,
        }
    }
}

/// When the backlog was gone, or nothing if it stayed.
async fn drained(backlog: &Backlog, since: Instant) -> Option<Duration> {
    while since.elapsed() < DRAIN_MAX {
        if let Ok((0, _)) = backlog.now().await {
            return Some(since.elapsed());
        }
        sleep(POLL).await;
    }
    None
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "backlog when the last receipt was published: {}, ",
            self.backlog
        )?;
        match self.emptied {
            Some(time) => write!(f, "gone {:.2} s later", time.as_secs_f64()),
            None => write!(f, "not gone {DRAIN_MAX:?} later"),
        }
    }
}
