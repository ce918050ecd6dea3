use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Often enough not to slow a test, seldom enough to leave the servers their processor.
const INTERVAL: Duration = Duration::from_millis(10);

/// Waits until `condition` holds, and fails with `what` when it does not within `deadline`. The
/// deadline is for a broken program on a busy machine: be generous, it costs a passing test nothing.
pub(crate) async fn eventually(
    deadline: Duration,
    what: &str,
    mut condition: impl AsyncFnMut() -> bool,
) {
    let start = Instant::now();
    while !condition().await {
        assert!(
            start.elapsed() < deadline,
            "not within {deadline:?}: {what}"
        );
        sleep(INTERVAL).await;
    }
}
