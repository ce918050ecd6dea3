//! What the stages tell the counters.

use metrics::Counter;

use super::matching::Disposition;
use crate::receipt::Receipt;
use crate::receipt::ids::EventKind;
use crate::store::StoreError;
use crate::telemetry::metrics::{Kinds, Metrics};

/// Why a batch went through the database again; label values of `dlr_batch_retries_total`.
pub const RETRY_CAUSES: [&str; 4] = ["already_stored", "moved", "refused", "unavailable"];

pub(super) fn retry_cause(fault: &StoreError) -> &'static str {
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

/// Counts what a receipt's own sources disagree about.
pub(super) fn disagreements(metrics: &Metrics, receipt: &Receipt) {
    if receipt.id_disagrees {
        metrics.id_disagreements.increment(1);
    }
    if receipt.state_disagrees {
        metrics.state_disagreements.increment(1);
    }
}

pub(super) fn of(kinds: &Kinds, kind: EventKind) -> &Counter {
    match kind {
        EventKind::Billing => &kinds.billing,
        EventKind::Webhook => &kinds.webhook,
        EventKind::Unmatched => &kinds.unmatched,
    }
}
