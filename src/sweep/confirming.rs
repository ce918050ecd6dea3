//! Waiting for confirmations, for a while.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::look::Fault;

/// How long a stop waits for confirmations. What is not confirmed by then is published again by
/// whoever sweeps next.
const LAST_CONFIRMATIONS: Duration = Duration::from_secs(2);

pub(super) async fn unless_stopping<T, E>(
    stop: &CancellationToken,
    publishing: impl Future<Output = Result<T, E>>,
) -> Result<T, Fault>
where
    Fault: From<E>,
{
    let impatient = async {
        stop.cancelled().await;
        sleep(LAST_CONFIRMATIONS).await;
    };
    tokio::select! {
        biased;
        published = publishing => Ok(published?),
        () = impatient => Err(Fault::Stopping),
    }
}
