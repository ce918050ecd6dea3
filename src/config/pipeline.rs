use std::time::Duration;

use serde::{Deserialize, Serialize};
use validator::{Validate, ValidationError};

use super::bounds;

/// The consumer's `max_ack_pending`: envelopes delivered and not yet settled, over all replicas.
pub const MAX_ACK_PENDING: usize = 20_000;

/// Waiting receipts hold places of `max_ack_pending`: at most one in twenty.
const EARLY_WAITING_MAX: usize = MAX_ACK_PENDING / 20;

/// Limits of the pipeline. Everything that could grow has one here.
#[derive(Debug, Clone, Serialize, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
#[validate(schema(function = relations))]
pub struct Pipeline {
    /// Lanes, each with a PostgreSQL connection of its own. Default 2; 1 to 32.
    /// `DLR__PIPELINE__LANES`
    #[validate(range(min = 1, max = 32))]
    pub lanes: usize,

    /// Most receipts of one transaction. Default 1000; 1 to 5000, and at most `in_flight_max`.
    /// `DLR__PIPELINE__BATCH_MAX`
    #[validate(range(min = 1, max = 5_000))]
    pub batch_max: usize,

    /// Shortest time from the beginning of one batch of a lane to that of its next, unless as many as
    /// `batch_max` are waiting. A receipt that comes to an idle lane goes at once; at hundreds to
    /// thousands a second, some milliseconds of latency buy PostgreSQL fewer transactions. Default
    /// `4ms`; 0 to 1 s. `DLR__PIPELINE__BATCH_INTERVAL_MIN`
    #[serde(with = "bounds::duration")]
    #[validate(custom(function = bounds::within_ms::<0, 1_000>))]
    pub batch_interval_min: Duration,

    /// Most envelopes held by this process. Default 8192; 1 to 20,000, the consumer's
    /// `max_ack_pending`. `DLR__PIPELINE__IN_FLIGHT_MAX`
    #[validate(range(min = 1, max = MAX_ACK_PENDING))]
    pub in_flight_max: usize,

    /// Most envelopes asked for and not come yet. Default 256; 2 to 1024, and at most `in_flight_max`;
    /// through an account's import each is a pull of its own, of which the consumer's `max_waiting`
    /// allows 4,096 over all replicas.
    /// `DLR__PIPELINE__PULL_MAX`
    #[validate(range(min = 2, max = 1_024))]
    pub pull_max: usize,

    /// Most events of one lane published and not yet confirmed. Default 1024; 1 to 16,384.
    /// `DLR__PIPELINE__PUBLISH_IN_FLIGHT_MAX`
    #[validate(range(min = 1, max = 16_384))]
    pub publish_in_flight_max: usize,

    /// Longest wait for a stream's confirmation before the event is published again. Default
    /// `5s`; 100 ms to 15 s, half of the consumer's `ack_wait`. `DLR__PIPELINE__PUBLISH_TIMEOUT`
    #[serde(with = "bounds::duration")]
    #[validate(custom(function = bounds::within_ms::<100, 15_000>))]
    pub publish_timeout: Duration,

    /// How long a receipt that is ahead of its message waits for its next delivery. Default `1s`;
    /// 10 ms to 30 s. `DLR__PIPELINE__EARLY_DELAY`
    #[serde(with = "bounds::duration")]
    #[validate(custom(function = bounds::within_ms::<10, 30_000>))]
    pub early_delay: Duration,

    /// How often such a receipt is asked for again before it is parked. Default 1; 0 to 10, and
    /// below `deliveries_max`. `DLR__PIPELINE__EARLY_REDELIVERIES`
    #[validate(range(max = 10))]
    pub early_redeliveries: u32,

    /// Most such receipts waiting for this process, and none while more than half of the consumer's
    /// `max_ack_pending` is out over all replicas; beyond, they are parked at once, and the sweeper
    /// asks for their messages. They hold places of `max_ack_pending`, so at most 5 % of it; with
    /// many replicas, give each its part. Default 1000; 0 to 1000.
    /// `DLR__PIPELINE__EARLY_WAITING_MAX`
    #[validate(range(max = EARLY_WAITING_MAX))]
    pub early_waiting_max: usize,

    /// Deliveries after which a receipt that never gets through is parked. Default 50; 5 to
    /// 10,000. `DLR__PIPELINE__DELIVERIES_MAX`
    #[validate(range(min = 5, max = 10_000))]
    pub deliveries_max: u32,

    /// How old a message may be and still be matched; carriers reuse their ids. Default `73h`;
    /// 1 h to 30 days. `DLR__PIPELINE__HORIZON`
    #[serde(with = "bounds::duration")]
    #[validate(custom(function = bounds::within_ms::<3_600_000, 2_592_000_000>))]
    pub horizon: Duration,

    /// How late the orchestrator may write a message after the stream had its receipt; one created
    /// later is another's, for carriers reuse their ids. Both clocks count. Default `1h`; 1 s to 30
    /// days. `DLR__PIPELINE__MESSAGE_LAG`
    #[serde(with = "bounds::duration")]
    #[validate(custom(function = bounds::within_ms::<1_000, 2_592_000_000>))]
    pub message_lag: Duration,

    /// Whether webhooks tell the status of a message in parts as a whole, for which the segments
    /// are looked up in `orch.sms_messages` by `group_id`. `auto`: if that is a table with an index
    /// on it; `on` is for a view over such a table. Default `auto`. `DLR__PIPELINE__GROUP_STATUS`
    pub group_status: Switch,
}

/// What is on, off, or on if it can be had.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    #[default]
    Auto,
    On,
    Off,
}

impl Default for Pipeline {
    fn default() -> Self {
        Self {
            lanes: 2,
            batch_max: 1_000,
            batch_interval_min: Duration::from_millis(4),
            in_flight_max: 8_192,
            pull_max: 256,
            publish_in_flight_max: 1_024,
            publish_timeout: Duration::from_secs(5),
            early_delay: Duration::from_secs(1),
            early_redeliveries: 1,
            early_waiting_max: 1_000,
            deliveries_max: 50,
            horizon: Duration::from_hours(73),
            message_lag: Duration::from_hours(1),
            group_status: Switch::default(),
        }
    }
}

fn relations(pipeline: &Pipeline) -> Result<(), ValidationError> {
    let broken = |setting: &'static str, rule: &'static str| {
        Err(ValidationError::new(setting).with_message(rule.into()))
    };
    if pipeline.batch_max > pipeline.in_flight_max {
        return broken("batch_max", "must not exceed pipeline.in_flight_max");
    }
    if pipeline.pull_max > pipeline.in_flight_max {
        return broken("pull_max", "must not exceed pipeline.in_flight_max");
    }
    if pipeline.early_redeliveries >= pipeline.deliveries_max {
        return broken(
            "early_redeliveries",
            "must be below pipeline.deliveries_max",
        );
    }
    Ok(())
}
