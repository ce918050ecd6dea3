//! Every metric, once.

use Kind::{Counter, Gauge, Histogram};

/// One metric: what dashboards and documents may name, and nothing else.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Declared {
    pub name: &'static str,
    pub kind: Kind,
    /// `seconds`, or what is counted.
    pub unit: &'static str,
    pub help: &'static str,
    pub labels: &'static [&'static str],
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    Counter,
    Gauge,
    /// With the upper bounds of its buckets.
    Histogram(&'static [f64]),
}

/// Stages take milliseconds; a bad day takes seconds.
const STAGE: &[f64] = &[
    0.000_1, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
];

/// From a quiet system to one that works off an outage.
const END_TO_END: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1_800.0,
    7_200.0, 43_200.0, 259_200.0,
];

const BATCH: &[f64] = &[
    1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 2_000.0, 5_000.0,
];

macro_rules! declare {
    ($($constant:ident: $name:literal, $kind:expr, $unit:literal, $labels:expr, $help:literal;)*) => {
        $(pub(super) const $constant: Declared = Declared {
            name: $name, kind: $kind, unit: $unit, help: $help, labels: &$labels,
        };)*
        pub(super) const ALL: &[Declared] = &[$($constant),*];
    };
}

declare! {
    RECEIPTS: "dlr_receipts_total", Counter, "receipts", ["disposition"],
        "Receipts whose disposition is committed.";
    RECORDED: "dlr_recorded_total", Counter, "receipts", ["reason"],
        "Receipts recorded without changing their message.";
    PARKED: "dlr_parked_total", Counter, "receipts", ["reason"],
        "Receipts parked.";
    REJECTED: "dlr_rejected_total", Counter, "receipts", ["reason"],
        "Payloads rejected.";
    BATCH_RECEIPTS: "dlr_batch_receipts", Histogram(BATCH), "receipts", [],
        "Receipts in one transaction.";
    STAGE_SECONDS: "dlr_stage_seconds", Histogram(STAGE), "seconds", ["stage"],
        "Time a batch spends in a stage.";
    END_TO_END_SECONDS: "dlr_end_to_end_seconds", Histogram(END_TO_END), "seconds", [],
        "From the moment JetStream stored a receipt until it is settled.";
    IN_FLIGHT: "dlr_in_flight", Gauge, "envelopes", [],
        "Envelopes taken in and not yet settled by this process.";
    BACKLOG: "dlr_backlog", Gauge, "envelopes", [],
        "Envelopes that the consumer has not delivered yet.";
    ACK_PENDING: "dlr_ack_pending", Gauge, "envelopes", [],
        "Envelopes delivered and not yet settled, over all replicas.";
    REDELIVERIES: "dlr_redeliveries_total", Counter, "envelopes", [],
        "Envelopes delivered again.";
    DISAGREEMENTS: "dlr_disagreements_total", Counter, "receipts", ["about"],
        "Receipts whose sources (field, text, TLV) disagree about the id or the state.";
    CARRIER_PARKED: "dlr_carrier_parked_total", Counter, "receipts", ["carrier", "reason"],
        "Receipts parked, by carrier; those beyond the first hundred carriers under other.";
    CARRIER_UNKNOWN_WORDS: "dlr_carrier_unknown_words_total", Counter, "receipts", ["carrier"],
        "Receipts whose state no table knows; each such word is logged once.";
    CARRIER_DISAGREEMENTS: "dlr_carrier_disagreements_total", Counter, "receipts", ["carrier", "about"],
        "Receipts whose sources disagree about the id or the state, by carrier.";
    CARRIER_CLOCK_SKEW: "dlr_carrier_clock_skew_seconds", Gauge, "seconds", ["carrier"],
        "Done date minus the time of receiving: median of the last 61 final receipts, at most one a second. NaN until there is one.";
    PROFILES_LOADED: "dlr_profiles_loaded", Gauge, "carriers", [],
        "Carriers with a profile in force.";
    PROFILES_REFUSED: "dlr_profiles_refused", Gauge, "revisions", [],
        "Revisions of profiles that are newer than the one in force, and refused.";
    FOREIGN_ENVELOPES: "dlr_foreign_envelopes_total", Counter, "messages", [],
        "Messages on our inbox that are no delivery of our consumer; they are ignored.";
    DELAYED: "dlr_delayed_total", Counter, "envelopes", [],
        "Receipts ahead of their message, asked for again later.";
    PUBLISH_FAILURES: "dlr_publish_failures_total", Counter, "events", ["stream"],
        "Events whose stream did not confirm them; they are published again.";
    EVENTS_PUBLISHED: "dlr_events_published_total", Counter, "events", ["kind"],
        "Events confirmed by their stream.";
    BATCH_RETRIES: "dlr_batch_retries_total", Counter, "batches", ["cause"],
        "Batches rolled back and tried again.";
    SWEEP_ROWS: "dlr_sweep_rows_total", Counter, "receipts", [],
        "Open parked receipts looked at again.";
    SWEEP_SECONDS: "dlr_sweep_seconds", Histogram(END_TO_END), "seconds", [],
        "From the moment parked receipts fall due until none is, pauses included.";
    SWEEP_UNREADABLE: "dlr_sweep_unreadable_total", Counter, "receipts", ["cause"],
        "Looks at parked receipts whose payload cannot be opened or read now.";
    SWEEP_FAILURES: "dlr_sweep_failures_total", Counter, "looks", ["cause"],
        "Looks at parked receipts that came to nothing; they are taken again.";
    SWEEP_ACTIVE: "dlr_sweep_active", Gauge, "boolean", [],
        "1 while this process is the one that sweeps.";
    RESOLVED: "dlr_resolved_total", Counter, "receipts", ["resolution"],
        "Parked receipts that have ended.";
    PARKED_OPEN: "dlr_parked_open", Gauge, "receipts", [],
        "Receipts parked more than an hour ago and open still, as the process that sweeps last counted.";
    READY: "dlr_ready", Gauge, "boolean", ["part"],
        "1 when the part works.";
    PARTITION_DAYS_AHEAD: "dlr_partition_days_ahead", Gauge, "days", [],
        "Days for which daily partitions exist already.";
    POSTGRES_CONNECTED: "dlr_postgres_connected", Gauge, "boolean", ["lane"],
        "1 when the lane has its PostgreSQL connection.";
}
