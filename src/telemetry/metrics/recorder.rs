//! Makes handles for declared metrics and shows their values.

use std::sync::Arc;

use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder as _, Unit};
use metrics_exporter_prometheus::{
    Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};

use super::declared::{ALL, Declared, Kind};

/// A recorder of its own for each [`Metrics`](super::Metrics). The crate's global one would leave
/// every handle made before its installation silently dead, and tests would share their counts.
pub(super) struct Recorder(PrometheusRecorder);

const METADATA: Metadata<'static> = Metadata::new("dlr", Level::INFO, None);

impl Recorder {
    pub(super) fn new() -> Self {
        let mut builder = PrometheusBuilder::new();
        for metric in ALL {
            if let Kind::Histogram(buckets) = metric.kind {
                builder = builder
                    .set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), buckets)
                    .expect("every histogram is declared with buckets");
            }
        }
        let recorder = builder.build_recorder();
        for metric in ALL {
            let (name, unit) = (metric.name.into(), Some(unit(metric)));
            match metric.kind {
                Kind::Counter => recorder.describe_counter(name, unit, metric.help.into()),
                Kind::Gauge => recorder.describe_gauge(name, unit, metric.help.into()),
                Kind::Histogram(_) => recorder.describe_histogram(name, unit, metric.help.into()),
            }
        }
        Self(recorder)
    }

    pub(super) fn handle(&self) -> PrometheusHandle {
        self.0.handle()
    }

    /// `values` are those of the metric's labels, in their order.
    pub(super) fn counter(&self, metric: &Declared, values: &[&str]) -> Counter {
        debug_assert_eq!(metric.kind, Kind::Counter);
        self.0.register_counter(&key(metric, values), &METADATA)
    }

    pub(super) fn gauge(&self, metric: &Declared, values: &[&str]) -> Gauge {
        debug_assert_eq!(metric.kind, Kind::Gauge);
        self.0.register_gauge(&key(metric, values), &METADATA)
    }

    pub(super) fn histogram(&self, metric: &Declared, values: &[&str]) -> Histogram {
        debug_assert!(matches!(metric.kind, Kind::Histogram(_)));
        self.0.register_histogram(&key(metric, values), &METADATA)
    }

    /// One counter for each value of the metric's last label, and one for values nobody declared.
    /// `first` are the values of the labels before it.
    pub(super) fn counters(
        &self,
        metric: &Declared,
        first: &[&str],
        values: impl IntoIterator<Item = &'static str>,
    ) -> Counters {
        let counter = |value| self.counter(metric, &[first, &[value]].concat());
        Counters {
            known: values
                .into_iter()
                .map(|value| (value, counter(value)))
                .collect(),
            other: counter("other"),
        }
    }
}

fn key(metric: &Declared, values: &[&str]) -> Key {
    debug_assert_eq!(metric.labels.len(), values.len(), "{}", metric.name);
    let labels = metric.labels.iter().zip(values);
    let labels = labels
        .map(|(label, value)| Label::new(*label, (*value).to_owned()))
        .collect::<Vec<_>>();
    Key::from_parts(metric.name, labels)
}

fn unit(metric: &Declared) -> Unit {
    if metric.unit == "seconds" {
        Unit::Seconds
    } else {
        Unit::Count
    }
}

/// The counters of one metric, by the value of its label. All series exist from the start, so
/// that a first failure shows as a rise from 0; and no value can add a series later.
#[derive(Clone)]
pub struct Counters {
    known: Arc<[(&'static str, Counter)]>,
    other: Counter,
}

impl Counters {
    /// The counter of `value`; what was not declared counts as `other`.
    pub fn of(&self, value: &str) -> &Counter {
        let mut known = self.known.iter();
        known
            .find(|(name, _)| *name == value)
            .map_or(&self.other, |(_, counter)| counter)
    }
}
