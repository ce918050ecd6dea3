//! What the stages tell the counters.

use jiff::Timestamp;
use metrics::Counter;

use super::matching::Disposition;
use super::publish::Heard;
use crate::lifecycle::Member;
use crate::receipt::Receipt;
use crate::receipt::ids::{EventKind, Identity};
use crate::receipt::privacy::{Parted, has_number};
use crate::receipt::status::Status;
use crate::store::StoreError;
use crate::telemetry::metrics::{CarrierSeries, Kinds, Metrics};

/// Why a batch went through the database again; label values of `dlr_batch_retries_total`.
pub const RETRY_CAUSES: [&str; 4] = ["already_stored", "moved", "refused", "unavailable"];

pub(crate) fn retry_cause(fault: &StoreError) -> &'static str {
    match fault {
        StoreError::AlreadyStored => "already_stored",
        StoreError::Moved => "moved",
        StoreError::Refused(_) => "refused",
        StoreError::Unavailable(_) => "unavailable",
    }
}

/// Counts an envelope whose disposition has just been committed.
pub(super) fn disposition(metrics: &Metrics, disposition: Disposition) {
    match disposition {
        Disposition::Applied => metrics.receipts.applied.increment(1),
        Disposition::Recorded(because) => {
            metrics.receipts.recorded.increment(1);
            metrics.recorded.of(because).increment(1);
        }
        Disposition::Parked(because) => {
            metrics.receipts.parked.increment(1);
            metrics.parked.of(because).increment(1);
        }
        Disposition::Rejected(reason) => {
            metrics.receipts.rejected.increment(1);
            metrics.rejected.of(reason).increment(1);
        }
        Disposition::Delayed => metrics.delayed.increment(1),
        Disposition::Repeated => {}
    }
}

/// Counts what a receipt says about its carrier, once: when its disposition has just been
/// committed.
pub(super) fn carrier(
    metrics: &Metrics,
    receipt: &Receipt,
    identity: &Identity,
    disposition: Disposition,
    now: Timestamp,
) {
    if matches!(disposition, Disposition::Delayed | Disposition::Repeated) {
        return;
    }
    let series = metrics.carriers.of(receipt.carrier());
    if let Disposition::Parked(because) = disposition {
        series.parked.of(because).increment(1);
    }
    if receipt.id_disagrees {
        metrics.id_disagreements.increment(1);
        series.id_disagreements.increment(1);
    }
    if receipt.state_disagrees {
        metrics.state_disagreements.increment(1);
        series.state_disagreements.increment(1);
    }
    if receipt.status().is_none() {
        series.unknown_words.increment(1);
        tell_unknown(metrics, &series, receipt);
    }
    if let (Some(done_at), true) = (
        receipt.done_at,
        receipt.status().is_some_and(Status::is_final),
    ) {
        let received_at = receipt.received_at.unwrap_or_else(|| identity.stored_at());
        let skew = done_at.duration_since(received_at).as_secs_f64();
        series.clock_skew(skew, now, receipt.profile().revision);
    }
}

/// One line for each word and carrier: what a profile would have to map.
fn tell_unknown(metrics: &Metrics, series: &CarrierSeries, receipt: &Receipt) {
    let state = receipt.message_state();
    let said = match (receipt.stat(), state) {
        // One that may hold a phone number is not for the log.
        (Some(_), _) => Parted::of(receipt).stat.map(str::to_owned),
        (None, Some(state)) => Some(format!("message_state {}", state.0)),
        (None, None) => None,
    };
    let carrier = if has_number(receipt.carrier()) {
        &series.name
    } else {
        receipt.carrier()
    };
    if let Some(word) = said
        && metrics.carriers.is_news(carrier, &word)
    {
        tracing::warn!(
            carrier,
            word,
            "no table knows this word; a profile can map it"
        );
    }
}

/// Tells the metrics and the readiness of the output streams.
pub(crate) fn reporting(health: &Member, metrics: &Metrics) -> impl FnMut(Heard) + Send {
    move |heard| {
        publishing(metrics, &heard);
        if let Err(fault) = heard.result {
            health.set(Err(fault.to_string()));
        }
    }
}

/// Counts events, however many of them were one message.
fn publishing(metrics: &Metrics, heard: &Heard) {
    let kinds = match heard.result {
        Ok(()) => &metrics.events_published,
        Err(_) => &metrics.publish_failures,
    };
    of(kinds, heard.kind).increment(heard.events);
}

fn of(kinds: &Kinds, kind: EventKind) -> &Counter {
    match kind {
        EventKind::Billing => &kinds.billing,
        EventKind::Webhook => &kinds.webhook,
        EventKind::Unmatched => &kinds.unmatched,
    }
}
