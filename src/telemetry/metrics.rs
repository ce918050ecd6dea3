//! Every metric of the process, as handles for the stages.
//!
//! The crate's macros are forbidden elsewhere: a name written at the call site is a metric that
//! no document knows.

mod carriers;
mod clock_skew;
mod declared;
mod recorder;

use metrics::{Counter, Gauge, Histogram};
use metrics_exporter_prometheus::PrometheusHandle;

use self::recorder::Recorder;
use crate::lifecycle::{Part, Readiness, State};

pub use carriers::{CarrierSeries, Carriers};
pub use declared::{Declared, Kind};
pub use recorder::Counters;

/// The label values that other rooms own: the names of their closed enums.
#[derive(Debug, Clone, Default)]
pub struct Reasons {
    pub recorded: Vec<&'static str>,
    pub parked: Vec<&'static str>,
    pub rejected: Vec<&'static str>,
    pub batch_retries: Vec<&'static str>,
    pub resolutions: Vec<&'static str>,
    pub unreadable: Vec<&'static str>,
}

/// Handles; the help of each is in `declared.rs`. Durations are recorded as `Duration`.
pub struct Metrics {
    pub receipts: Dispositions,
    pub recorded: Counters,
    pub parked: Counters,
    pub rejected: Counters,
    pub batch_receipts: Histogram,
    pub stage_seconds: Stages,
    pub end_to_end_seconds: Histogram,
    pub in_flight: Gauge,
    pub backlog: Gauge,
    pub ack_pending: Gauge,
    pub redeliveries: Counter,
    pub id_disagreements: Counter,
    pub state_disagreements: Counter,
    pub carriers: Carriers,
    pub profiles_loaded: Gauge,
    pub profiles_refused: Gauge,
    pub foreign_envelopes: Counter,
    pub delayed: Counter,
    pub publish_failures: Kinds,
    pub events_published: Kinds,
    pub batch_retries: Counters,
    pub sweep: Sweeping,
    pub partition_days_ahead: Gauge,
    /// By lane.
    pub postgres_connected: Vec<Gauge>,
    ready: [Gauge; Part::ALL.len()],
    exposition: PrometheusHandle,
}

#[derive(Clone)]
pub struct Dispositions {
    pub applied: Counter,
    pub recorded: Counter,
    pub parked: Counter,
    pub rejected: Counter,
}

#[derive(Clone)]
pub struct Stages {
    pub decode: Histogram,
    pub matching: Histogram,
    pub publish: Histogram,
    pub settle: Histogram,
}

#[derive(Clone)]
pub struct Sweeping {
    pub rows: Counter,
    pub seconds: Histogram,
    pub unreadable: Counters,
    pub failures: Counters,
    pub active: Gauge,
    pub resolved: Counters,
    pub parked_open: Gauge,
}

/// By kind of event, which is also the stream it goes to.
#[derive(Clone)]
pub struct Kinds {
    pub billing: Counter,
    pub webhook: Counter,
    pub unmatched: Counter,
}

impl Metrics {
    pub fn new(reasons: &Reasons, lanes: usize) -> Self {
        let recorder = Recorder::new();
        let counter = |metric, value| recorder.counter(metric, &[value]);
        let stage = |value| recorder.histogram(&declared::STAGE_SECONDS, &[value]);
        let disposition = |value| counter(&declared::RECEIPTS, value);
        let counters = |metric, values: &[&'static str]| {
            recorder.counters(metric, &[], values.iter().copied())
        };
        let kinds = |metric| Kinds {
            billing: counter(metric, "billing"),
            webhook: counter(metric, "webhook"),
            unmatched: counter(metric, "unmatched"),
        };
        let lane =
            |lane: usize| recorder.gauge(&declared::POSTGRES_CONNECTED, &[&lane.to_string()]);
        Self {
            receipts: Dispositions {
                applied: disposition("applied"),
                recorded: disposition("recorded"),
                parked: disposition("parked"),
                rejected: disposition("rejected"),
            },
            recorded: counters(&declared::RECORDED, &reasons.recorded),
            parked: counters(&declared::PARKED, &reasons.parked),
            rejected: counters(&declared::REJECTED, &reasons.rejected),
            batch_receipts: recorder.histogram(&declared::BATCH_RECEIPTS, &[]),
            stage_seconds: Stages {
                decode: stage("decode"),
                matching: stage("match"),
                publish: stage("publish"),
                settle: stage("settle"),
            },
            end_to_end_seconds: recorder.histogram(&declared::END_TO_END_SECONDS, &[]),
            in_flight: recorder.gauge(&declared::IN_FLIGHT, &[]),
            backlog: recorder.gauge(&declared::BACKLOG, &[]),
            ack_pending: recorder.gauge(&declared::ACK_PENDING, &[]),
            redeliveries: recorder.counter(&declared::REDELIVERIES, &[]),
            id_disagreements: counter(&declared::DISAGREEMENTS, "id"),
            state_disagreements: counter(&declared::DISAGREEMENTS, "state"),
            profiles_loaded: recorder.gauge(&declared::PROFILES_LOADED, &[]),
            profiles_refused: recorder.gauge(&declared::PROFILES_REFUSED, &[]),
            foreign_envelopes: recorder.counter(&declared::FOREIGN_ENVELOPES, &[]),
            delayed: recorder.counter(&declared::DELAYED, &[]),
            publish_failures: kinds(&declared::PUBLISH_FAILURES),
            events_published: kinds(&declared::EVENTS_PUBLISHED),
            batch_retries: counters(&declared::BATCH_RETRIES, &reasons.batch_retries),
            sweep: Sweeping {
                rows: recorder.counter(&declared::SWEEP_ROWS, &[]),
                seconds: recorder.histogram(&declared::SWEEP_SECONDS, &[]),
                unreadable: counters(&declared::SWEEP_UNREADABLE, &reasons.unreadable),
                failures: counters(&declared::SWEEP_FAILURES, &reasons.batch_retries),
                active: recorder.gauge(&declared::SWEEP_ACTIVE, &[]),
                resolved: counters(&declared::RESOLVED, &reasons.resolutions),
                parked_open: recorder.gauge(&declared::PARKED_OPEN, &[]),
            },
            partition_days_ahead: recorder.gauge(&declared::PARTITION_DAYS_AHEAD, &[]),
            postgres_connected: (0..lanes).map(lane).collect(),
            ready: Part::ALL.map(|part| recorder.gauge(&declared::READY, &[part.name()])),
            exposition: recorder.handle(),
            carriers: Carriers::new(recorder, &reasons.parked),
        }
    }

    /// Every metric there is, for documents and their tests.
    pub fn declared() -> Vec<Declared> {
        declared::ALL.to_vec()
    }

    /// Copies the state of the parts; the probes do so before they show anything.
    pub fn observe(&self, readiness: &Readiness) {
        for ((_, state), gauge) in readiness.report().iter().zip(&self.ready) {
            gauge.set(f64::from(u8::from(*state == State::Ready)));
        }
    }

    /// The Prometheus text format.
    pub fn render(&self) -> String {
        self.exposition.render()
    }

    /// Folds raw samples into their buckets. Without it they pile up while nobody scrapes.
    pub fn upkeep(&self) {
        self.exposition.run_upkeep();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::*;

    fn metrics() -> Metrics {
        let reasons = Reasons {
            recorded: vec!["not_newer"],
            parked: vec!["no_message"],
            rejected: vec!["too_large"],
            batch_retries: vec!["connection"],
            resolutions: vec!["lapsed"],
            unreadable: vec!["unknown_key"],
        };
        Metrics::new(&reasons, 2)
    }

    #[test]
    fn shows_what_is_declared_and_nothing_else_from_the_start() {
        let text = metrics().render();
        let shown: BTreeSet<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE "))
            .filter_map(|line| line.split(' ').next())
            .collect();
        let declared: BTreeSet<&str> = Metrics::declared()
            .iter()
            .map(|metric| metric.name)
            .collect();
        assert_eq!(shown, declared);
    }

    #[test]
    fn series_start_at_zero() {
        let text = metrics().render();
        for series in [
            r#"dlr_receipts_total{disposition="applied"} 0"#,
            r#"dlr_parked_total{reason="no_message"} 0"#,
            r#"dlr_parked_total{reason="other"} 0"#,
            r#"dlr_events_published_total{kind="unmatched"} 0"#,
            r#"dlr_publish_failures_total{stream="billing"} 0"#,
            r#"dlr_postgres_connected{lane="1"} 0"#,
            r#"dlr_ready{part="key_ring"} 0"#,
            r#"dlr_stage_seconds_count{stage="match"} 0"#,
        ] {
            assert!(text.contains(series), "{series} is missing in\n{text}");
        }
    }

    #[test]
    fn undeclared_reason_adds_no_series() {
        let metrics = metrics();
        metrics.parked.of("no_message").increment(1);
        metrics.parked.of("+447700900123").increment(2);
        let text = metrics.render();
        assert!(
            text.contains(r#"dlr_parked_total{reason="no_message"} 1"#),
            "{text}"
        );
        assert!(
            text.contains(r#"dlr_parked_total{reason="other"} 2"#),
            "{text}"
        );
        assert!(!text.contains("447700900123"));
    }

    #[test]
    fn durations_are_seconds_in_buckets() {
        let metrics = metrics();
        metrics
            .stage_seconds
            .settle
            .record(Duration::from_millis(3));
        metrics.upkeep();
        let text = metrics.render();
        assert!(
            text.contains(r#"dlr_stage_seconds_bucket{stage="settle",le="0.0025"} 0"#),
            "{text}"
        );
        assert!(
            text.contains(r#"dlr_stage_seconds_bucket{stage="settle",le="0.005"} 1"#),
            "{text}"
        );
    }

    #[test]
    fn readiness_shows_by_part() {
        let metrics = metrics();
        let readiness = Readiness::new();
        readiness.tell(Part::Nats, Ok(()));
        metrics.observe(&readiness);
        assert!(metrics.render().contains(r#"dlr_ready{part="nats"} 1"#));
        readiness.tell(Part::Nats, Err("away".into()));
        metrics.observe(&readiness);
        assert!(metrics.render().contains(r#"dlr_ready{part="nats"} 0"#));
    }
}
