//! The streams and durable consumers as the contract wants them.

use std::time::Duration;

use async_nats::jetstream::{
    consumer::{self, AckPolicy, DeliverPolicy, ReplayPolicy},
    stream::{self, DiscardPolicy, RetentionPolicy, StorageType},
};

use crate::config;

/// The consumers of the output streams; `deploy/nats/accounts.conf` grants them by these names.
pub const BILLING_CONSUMER: &str = "billing-system";
pub const WEBHOOK_CONSUMER: &str = "webhook-dispatcher";
pub const UNMATCHED_CONSUMER: &str = "unmatched-reader";
pub const AUDIT_CONSUMER: &str = "audit-writer";

const HOUR: Duration = Duration::from_hours(1);
const INBOUND_AGE: Duration = HOUR.saturating_mul(72);
const OUTPUT_AGE: Duration = HOUR.saturating_mul(7 * 24);

/// The least the server takes, which is the nearest to "off": de-duplication is stream-wide, so a
/// carrier who publishes another's message id first would silence his receipt.
const INBOUND_DUPLICATES: Duration = Duration::from_millis(100);
const OUTPUT_DUPLICATES: Duration = Duration::from_mins(2);

/// A receipt of 16 KiB and its headers, which the server counts in.
const INBOUND_MESSAGE_SIZE: i32 = (16 + 4) * 1024;

const ACK_WAIT: Duration = Duration::from_secs(30);
/// Not the server's default of 1,000, which is a ceiling on throughput.
const MAX_ACK_PENDING: i64 = 20_000;
/// Open pulls of the processors, which ask for one message each behind an import: `pipeline.pull_max`
/// of sixteen replicas. Cannot be changed once the consumer is there.
const MAX_WAITING: i64 = 4_096;
const UNLIMITED: i64 = -1;

/// All that `dlr provision` makes.
pub struct Layout {
    pub streams: Vec<stream::Config>,
    pub consumers: Vec<Durable>,
}

/// A durable pull consumer and the stream it is on.
pub struct Durable {
    pub stream: String,
    pub name: String,
    pub config: consumer::pull::Config,
}

impl Layout {
    pub fn of(streams: &config::Streams) -> Self {
        Self {
            streams: vec![
                inbound(streams),
                output(streams, &streams.billing, &streams.billing_subject),
                output(streams, &streams.webhook, &streams.webhook_subject),
                output(streams, &streams.unmatched, &streams.unmatched_subject),
                output(streams, &streams.audit, &streams.audit_subject),
            ],
            consumers: vec![
                durable(&streams.inbound, &streams.consumer),
                durable(&streams.billing, BILLING_CONSUMER),
                durable(&streams.webhook, WEBHOOK_CONSUMER),
                durable(&streams.unmatched, UNMATCHED_CONSUMER),
                durable(&streams.audit, AUDIT_CONSUMER),
            ],
        }
    }
}

fn inbound(streams: &config::Streams) -> stream::Config {
    let subject = &streams.inbound_subject;
    stream::Config {
        // A carrier id has no dot, so one token is all there is to take.
        subjects: vec![subject.clone(), format!("{subject}.*")],
        max_bytes: bytes(streams.inbound_max_bytes),
        max_age: INBOUND_AGE,
        duplicate_window: INBOUND_DUPLICATES,
        max_message_size: INBOUND_MESSAGE_SIZE,
        ..stream(streams, &streams.inbound)
    }
}

fn output(streams: &config::Streams, name: &str, subject: &str) -> stream::Config {
    stream::Config {
        subjects: vec![subject.to_owned()],
        max_bytes: bytes(streams.output_max_bytes),
        max_age: OUTPUT_AGE,
        duplicate_window: OUTPUT_DUPLICATES,
        max_message_size: -1,
        ..stream(streams, name)
    }
}

fn stream(streams: &config::Streams, name: &str) -> stream::Config {
    stream::Config {
        name: name.to_owned(),
        retention: RetentionPolicy::Limits,
        storage: StorageType::File,
        // A full stream refuses the publisher, who keeps what he has. The default drops the oldest.
        discard: DiscardPolicy::New,
        max_messages: UNLIMITED,
        max_messages_per_subject: UNLIMITED,
        max_consumers: -1,
        num_replicas: streams.replicas,
        deny_delete: true,
        deny_purge: true,
        ..stream::Config::default()
    }
}

fn bytes(configured: u64) -> i64 {
    i64::try_from(configured).unwrap_or(i64::MAX)
}

/// The durable consumer `name`. No inactivity threshold: a consumer that disappears while its
/// reader is down for a day would take its position along.
pub(super) fn durable(stream: &str, name: &str) -> Durable {
    Durable {
        stream: stream.to_owned(),
        name: name.to_owned(),
        config: consumer::pull::Config {
            durable_name: Some(name.to_owned()),
            deliver_policy: DeliverPolicy::All,
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACK_WAIT,
            // The broker never gives up on a message; its reader counts deliveries and parks.
            max_deliver: UNLIMITED,
            max_ack_pending: MAX_ACK_PENDING,
            max_waiting: MAX_WAITING,
            replay_policy: ReplayPolicy::Instant,
            ..consumer::pull::Config::default()
        },
    }
}
