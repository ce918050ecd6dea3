//! What gateways do.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::jetstream::Context;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::{MissedTickBehavior, interval};

use crate::support::{eventually, receipt};

/// From message to message: a load that two busy cores bear, so that no backlog hides a fault.
const EVERY: Duration = Duration::from_millis(4);
const UNDER_WAY_MAX: usize = 64;
/// The longest a stream may take no receipt.
const REFUSES_AT_MOST: Duration = Duration::from_mins(4);

/// How many messages a test may need at most.
pub(super) const MESSAGES: usize = 100_000;

/// Publishes two receipts of each message, the second once the first is confirmed, each again and again
/// until it is. Returns of how many messages, the first that there are, once `enough` is set.
pub(super) async fn load(gateway: &Context, enough: &AtomicBool) -> usize {
    let mut under_way = FuturesUnordered::new();
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut messages = 0;
    while !enough.load(Ordering::Relaxed) {
        assert!(messages < MESSAGES, "the fault took too long");
        tokio::select! {
            _ = ticks.tick(), if under_way.len() < UNDER_WAY_MAX => {
                under_way.push(both(gateway, messages));
                messages += 1;
            }
            Some(()) = under_way.next() => {}
        }
    }
    under_way.collect::<()>().await;
    messages
}

async fn both(gateway: &Context, message: usize) {
    for stat in ["ENROUTE", "DELIVRD"] {
        let payload = receipt(&message.to_string(), stat);
        eventually(REFUSES_AT_MOST, "a receipt is confirmed", async || {
            let published = gateway.publish("sms.dlr.inbound", payload.clone().into());
            match published.await {
                Ok(confirmation) => confirmation.await.is_ok(),
                Err(_) => false,
            }
        })
        .await;
    }
}
