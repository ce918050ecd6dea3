//! The few lines of `/metrics` that the view shows.

use std::time::Duration;

use crate::dev::scenario::Disposition;

const RECEIPTS: &str = "dlr_receipts_total";
const RESOLVED: &str = "dlr_resolved_total";
const LATENCY_BUCKET: &str = "dlr_end_to_end_seconds_bucket";

/// Counts at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scrape {
    receipts: [f64; 4],
    /// Of the parked ones, those that were matched since.
    matched_late: f64,
    /// (upper bound in seconds, receipts at or below it), rising.
    latency: Vec<(f64, f64)>,
}

impl Scrape {
    /// Lines that it does not know are passed over.
    pub fn parse(text: &str) -> Self {
        let mut scrape = Self::default();
        for line in text.lines() {
            let Some((name, value)) = line.rsplit_once(' ') else {
                continue;
            };
            let Ok(value) = value.parse::<f64>() else {
                continue;
            };
            let (name, labels) = name.split_once('{').unwrap_or((name, ""));
            match name {
                RECEIPTS => {
                    let disposition = label(labels, "disposition");
                    let found = Disposition::ALL
                        .iter()
                        .position(|it| Some(it.name()) == disposition);
                    if let Some(index) = found {
                        scrape.receipts[index] += value;
                    }
                }
                RESOLVED if label(labels, "resolution") == Some("matched") => {
                    scrape.matched_late += value;
                }
                LATENCY_BUCKET => {
                    if let Some(bound) = label(labels, "le").and_then(|it| it.parse().ok()) {
                        scrape.add_bucket(bound, value);
                    }
                }
                _ => {}
            }
        }
        scrape
            .latency
            .sort_by(|one, other| one.0.total_cmp(&other.0));
        scrape
    }

    /// Series that differ in other labels are one here.
    fn add_bucket(&mut self, bound: f64, value: f64) {
        match self
            .latency
            .iter_mut()
            .find(|(known, _)| known.total_cmp(&bound).is_eq())
        {
            Some((_, count)) => *count += value,
            None => self.latency.push((bound, value)),
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a counter"
    )]
    pub fn total(&self, disposition: Disposition) -> u64 {
        self.receipts[disposition as usize] as u64
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a counter"
    )]
    pub fn matched_late(&self) -> u64 {
        self.matched_late as u64
    }

    pub fn gained(&self, before: &Self, disposition: Disposition) -> f64 {
        let index = disposition as usize;
        (self.receipts[index] - before.receipts[index]).max(0.0)
    }

    /// A quantile of what was observed since `before`, interpolated inside its bucket.
    pub fn latency_since(&self, before: &Self, quantile: f64) -> Option<Duration> {
        let counted_before = |bound: f64| {
            let known = before
                .latency
                .iter()
                .find(|(known, _)| known.total_cmp(&bound).is_eq());
            known.map_or(0.0, |(_, count)| *count)
        };
        let gained: Vec<(f64, f64)> = self
            .latency
            .iter()
            .map(|&(bound, count)| (bound, count - counted_before(bound)))
            .collect();
        let all = gained
            .last()
            .map(|(_, count)| *count)
            .filter(|count| *count > 0.0)?;
        let wanted = all * quantile;
        let (mut below, mut floor) = (0.0, 0.0);
        for (bound, count) in gained {
            if count >= wanted {
                // Above the last finite bound nothing is known but the bound.
                let ceiling = if bound.is_finite() { bound } else { floor };
                let inside = (wanted - below) / (count - below).max(f64::MIN_POSITIVE);
                return Duration::try_from_secs_f64(floor + (ceiling - floor) * inside).ok();
            }
            (below, floor) = (count, bound);
        }
        None
    }
}

fn label<'a>(labels: &'a str, name: &str) -> Option<&'a str> {
    labels.trim_end_matches('}').split(',').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        (key == name).then(|| value.trim_matches('"'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"# HELP dlr_receipts_total Receipts by disposition
# TYPE dlr_receipts_total counter
dlr_receipts_total{disposition="applied"} 90
dlr_receipts_total{disposition="parked",lane="0"} 3
dlr_receipts_total{disposition="parked",lane="1"} 4
dlr_resolved_total{resolution="lapsed"} 2
dlr_resolved_total{resolution="matched"} 5
dlr_end_to_end_seconds_bucket{le="0.01"} 50
dlr_end_to_end_seconds_bucket{le="0.1"} 99
dlr_end_to_end_seconds_bucket{le="+Inf"} 100
dlr_end_to_end_seconds_sum 3.5
"#;

    #[test]
    fn counts_are_read_by_disposition_and_summed_over_other_labels() {
        let scrape = Scrape::parse(TEXT);
        assert_eq!(Disposition::ALL.map(|it| scrape.total(it)), [90, 0, 7, 0]);
        assert_eq!(scrape.matched_late(), 5);
    }

    #[test]
    fn quantiles_are_of_what_came_since() {
        let scrape = Scrape::parse(TEXT);
        let nothing = Scrape::default();
        assert_eq!(
            scrape.latency_since(&nothing, 0.5),
            Some(Duration::from_millis(10))
        );
        assert_eq!(
            scrape.latency_since(&nothing, 0.99),
            Some(Duration::from_millis(100))
        );
        assert_eq!(
            scrape.latency_since(&nothing, 1.0),
            Some(Duration::from_millis(100))
        );
        assert_eq!(scrape.latency_since(&scrape.clone(), 0.5), None);
    }
}
