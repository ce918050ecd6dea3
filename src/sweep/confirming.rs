//! Waiting for confirmations, and telling of them.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::look::Fault;
use crate::lifecycle::Member;
use crate::pipeline::count;
use crate::pipeline::publish::Heard;
use crate::telemetry::metrics::Metrics;

/// How long a stop waits for confirmations. What is not confirmed by then is published again by
/// whoever sweeps next.
const LAST_CONFIRMATIONS: Duration = Duration::from_secs(2);

/// Tells the metrics and the readiness of the output streams.
pub(super) fn report(health: &Member, metrics: &Metrics) -> impl FnMut(Heard) + Send {
    move |heard| {
        count::publishing(metrics, &heard);
        if let Err(fault) = heard.result {
            health.set(Err(fault.to_string()));
        }
    }
}

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
