//! Three NATS servers, or PostgreSQL with a standby, under load, while one of them fails: what the
//! books say afterwards, seen from outside.

mod asynchronous;
mod books;
mod fallen_leader;
mod frozen;
mod load;
mod nats;
mod peers;
mod postgres;
mod promoted;
mod quorum;
mod step_down;

use std::time::Duration;

use crate::support::{Broker, Process, TestApp, eventually, http};

/// Elections take seconds, and on a busy machine more of them.
const PATIENCE: Duration = Duration::from_mins(3);

/// Waits until so many more envelopes have their end.
async fn progress(app: &TestApp<impl Broker>, envelopes: i64) {
    let done = app.dispositions().await.iter().sum::<i64>();
    eventually(PATIENCE, "the processor gets on", async || {
        app.dispositions().await.iter().sum::<i64>() >= done + envelopes
    })
    .await;
}

/// Waits until the processor says that it is ready, or that it is not.
async fn says_ready(process: &Process, ready: bool) {
    let probes = process.probes().await;
    let (status, what) = if ready {
        (200, "the processor is ready")
    } else {
        (503, "the processor is not ready")
    };
    eventually(PATIENCE, what, async || {
        http(probes, "GET", "/ready").await.0 == status
    })
    .await;
}
