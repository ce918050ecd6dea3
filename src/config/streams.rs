use serde::{Deserialize, Serialize};
use validator::Validate;

use super::bounds;

/// The streams, their subjects and their sizes. The sizes are the provisioner's.
#[derive(Debug, Clone, Serialize, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct Streams {
    /// Stream of the inbound receipts. Part of every receipt's identity: renaming it makes every
    /// redelivery a new receipt.
    /// Default `SMS_DLR`. `DLR__STREAMS__INBOUND`
    #[validate(custom(function = bounds::stream_name))]
    pub inbound: String,

    /// Its subject; carriers publish on `<subject>.<carrierId>`.
    /// Default `sms.dlr.inbound`. `DLR__STREAMS__INBOUND_SUBJECT`
    #[validate(custom(function = bounds::plain_subject))]
    pub inbound_subject: String,

    /// Durable pull consumer on it. Default `dlr-processor`. `DLR__STREAMS__CONSUMER`
    #[validate(custom(function = bounds::stream_name))]
    pub consumer: String,

    /// Stream of the billing events. Default `BILLING`. `DLR__STREAMS__BILLING`
    #[validate(custom(function = bounds::stream_name))]
    pub billing: String,

    /// Default `billing.events`. `DLR__STREAMS__BILLING_SUBJECT`
    #[validate(custom(function = bounds::plain_subject))]
    pub billing_subject: String,

    /// Stream of the webhook events. Default `WEBHOOK`. `DLR__STREAMS__WEBHOOK`
    #[validate(custom(function = bounds::stream_name))]
    pub webhook: String,

    /// Default `webhook.dispatch`. `DLR__STREAMS__WEBHOOK_SUBJECT`
    #[validate(custom(function = bounds::plain_subject))]
    pub webhook_subject: String,

    /// Stream of the events about parked receipts.
    /// Default `SMS_DLR_UNMATCHED`. `DLR__STREAMS__UNMATCHED`
    #[validate(custom(function = bounds::stream_name))]
    pub unmatched: String,

    /// Default `sms.dlr.unmatched`. `DLR__STREAMS__UNMATCHED_SUBJECT`
    #[validate(custom(function = bounds::plain_subject))]
    pub unmatched_subject: String,

    /// Stream of the audit records. Default `AUDIT`. `DLR__STREAMS__AUDIT`
    #[validate(custom(function = bounds::stream_name))]
    pub audit: String,

    /// Default `audit.dlr.>`; the one subject here that may end in a wildcard.
    /// `DLR__STREAMS__AUDIT_SUBJECT`
    #[validate(custom(function = bounds::subject_filter))]
    pub audit_subject: String,

    /// Most bytes of the inbound stream. Full, it refuses publishers, who keep their receipts.
    /// Bytes; default 10 GiB; 16 MiB to 64 TiB. `DLR__STREAMS__INBOUND_MAX_BYTES`
    #[validate(range(min = MIN_BYTES, max = MAX_BYTES))]
    pub inbound_max_bytes: u64,

    /// Most bytes of each output stream.
    /// Bytes; default 10 GiB; 16 MiB to 64 TiB. `DLR__STREAMS__OUTPUT_MAX_BYTES`
    #[validate(range(min = MIN_BYTES, max = MAX_BYTES))]
    pub output_max_bytes: u64,

    /// Copies of every stream. Default 1; 1 to 5. `DLR__STREAMS__REPLICAS`
    #[validate(range(min = 1, max = 5))]
    pub replicas: usize,
}

const MIN_BYTES: u64 = 16 << 20;
const MAX_BYTES: u64 = 64 << 40;
const GIB: u64 = 1 << 30;

impl Default for Streams {
    fn default() -> Self {
        Self {
            inbound: "SMS_DLR".into(),
            inbound_subject: "sms.dlr.inbound".into(),
            consumer: "dlr-processor".into(),
            billing: "BILLING".into(),
            billing_subject: "billing.events".into(),
            webhook: "WEBHOOK".into(),
            webhook_subject: "webhook.dispatch".into(),
            unmatched: "SMS_DLR_UNMATCHED".into(),
            unmatched_subject: "sms.dlr.unmatched".into(),
            audit: "AUDIT".into(),
            audit_subject: "audit.dlr.>".into(),
            inbound_max_bytes: 10 * GIB,
            output_max_bytes: 10 * GIB,
            replicas: 1,
        }
    }
}
