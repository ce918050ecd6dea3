//! What is counted by carrier. A carrier is a label's value that payloads choose, so the values are
//! few and stay: the first hundred, those with a profile before the others.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use metrics::{Counter, Gauge};

use super::clock_skew::ClockSkew;
use super::declared;
use super::recorder::{Counters, Recorder};
use crate::receipt::privacy::has_number;

/// Carriers with series of their own, for as long as the process lives.
const NAMED_MAX: usize = 100;
/// Unknown words told, by carrier.
const WORDS_MAX: usize = 1_000;
const OTHER: &str = "other";

pub struct Carriers {
    recorder: Recorder,
    parked_reasons: Vec<&'static str>,
    /// Replaced when a carrier comes in, which happens a hundred times.
    named: ArcSwap<HashMap<String, Arc<CarrierSeries>>>,
    naming: Mutex<()>,
    other: Arc<CarrierSeries>,
    words: Mutex<HashSet<(String, String)>>,
}

/// One carrier's, or of all that came too late.
pub struct CarrierSeries {
    /// The value of the label.
    pub name: String,
    pub parked: Counters,
    pub unknown_words: Counter,
    pub id_disagreements: Counter,
    pub state_disagreements: Counter,
    clock_skew_seconds: Gauge,
    clock_skew: Mutex<ClockSkew>,
}

impl Carriers {
    pub(super) fn new(recorder: Recorder, parked_reasons: &[&'static str]) -> Self {
        Self {
            other: Arc::new(CarrierSeries::new(&recorder, OTHER, parked_reasons)),
            recorder,
            parked_reasons: parked_reasons.to_vec(),
            named: ArcSwap::default(),
            naming: Mutex::default(),
            words: Mutex::default(),
        }
    }

    /// A carrier's series; those of `other` when there are enough, or when its id may be a phone
    /// number: on the gateway's subject a payload can name anything.
    pub fn of(&self, carrier: &str) -> Arc<CarrierSeries> {
        if let Some(series) = self.named.load().get(carrier) {
            return Arc::clone(series);
        }
        if has_number(carrier) || carrier == OTHER || self.named.load().len() >= NAMED_MAX {
            return Arc::clone(&self.other);
        }
        self.name(carrier)
    }

    fn name(&self, carrier: &str) -> Arc<CarrierSeries> {
        let _one_at_a_time = self.naming.lock().unwrap_or_else(PoisonError::into_inner);
        let named = self.named.load();
        if let Some(series) = named.get(carrier) {
            return Arc::clone(series);
        }
        if named.len() >= NAMED_MAX {
            return Arc::clone(&self.other);
        }
        let series = Arc::new(CarrierSeries::new(
            &self.recorder,
            carrier,
            &self.parked_reasons,
        ));
        let mut more = HashMap::clone(&named);
        more.insert(carrier.to_owned(), Arc::clone(&series));
        self.named.store(Arc::new(more));
        series
    }

    /// Whether this word of a carrier has not been told yet, and is to be: at most a thousand are.
    pub fn is_news(&self, carrier: &str, word: &str) -> bool {
        let mut words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        words.len() < WORDS_MAX && words.insert((carrier.to_owned(), word.to_ascii_uppercase()))
    }
}

impl CarrierSeries {
    fn new(recorder: &Recorder, name: &str, parked_reasons: &[&'static str]) -> Self {
        let disagreements =
            |about| recorder.counter(&declared::CARRIER_DISAGREEMENTS, &[name, about]);
        let clock_skew_seconds = recorder.gauge(&declared::CARRIER_CLOCK_SKEW, &[name]);
        clock_skew_seconds.set(f64::NAN);
        Self {
            name: name.to_owned(),
            parked: recorder.counters(
                &declared::CARRIER_PARKED,
                &[name],
                parked_reasons.iter().copied(),
            ),
            unknown_words: recorder.counter(&declared::CARRIER_UNKNOWN_WORDS, &[name]),
            id_disagreements: disagreements("id"),
            state_disagreements: disagreements("state"),
            clock_skew_seconds,
            clock_skew: Mutex::default(),
        }
    }

    /// A final receipt's done date minus the time it was received, under a revision of its
    /// carrier's profile. The clocks of all the others together would say nothing.
    pub fn clock_skew(&self, seconds: f64, at: Timestamp, revision: i32) {
        if self.name == OTHER {
            return;
        }
        let mut skew = self
            .clock_skew
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(median) = skew.take(seconds, at, revision) {
            self.clock_skew_seconds.set(median);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carriers() -> (Carriers, metrics_exporter_prometheus::PrometheusHandle) {
        let recorder = Recorder::new();
        let exposition = recorder.handle();
        (Carriers::new(recorder, &["no_message"]), exposition)
    }

    #[test]
    fn a_hundred_carriers_have_series_and_the_others_share_one() {
        let (carriers, exposition) = carriers();
        for number in 0..10_000 {
            let series = carriers.of(&format!("c{number}"));
            series.parked.of("no_message").increment(1);
            assert_eq!(series.name == "other", number >= NAMED_MAX);
        }
        let text = exposition.render();
        let series = |of: &str| text.matches(&format!("{of}{{")).count();
        // One of each reason, and of the reason `other`.
        assert_eq!(series("dlr_carrier_parked_total"), (NAMED_MAX + 1) * 2);
        assert_eq!(series("dlr_carrier_unknown_words_total"), NAMED_MAX + 1);
        assert_eq!(
            series("dlr_carrier_disagreements_total"),
            (NAMED_MAX + 1) * 2
        );
        assert_eq!(series("dlr_carrier_clock_skew_seconds"), NAMED_MAX + 1);
        let shared = r#"dlr_carrier_parked_total{carrier="other",reason="no_message"} 9900"#;
        assert!(text.contains(shared), "{text}");
    }

    #[test]
    fn a_carrier_that_may_be_a_phone_number_is_no_label() {
        let (carriers, exposition) = carriers();
        carriers.of("447700900123").unknown_words.increment(1);
        carriers.of("route-7700900").unknown_words.increment(1);
        let text = exposition.render();
        assert!(!text.contains("7700900"), "{text}");
        assert!(text.contains(r#"dlr_carrier_unknown_words_total{carrier="other"} 2"#));
    }

    #[test]
    fn a_clock_shows_when_it_is_known_and_never_for_the_others() {
        let (carriers, exposition) = carriers();
        let acme = carriers.of("acme");
        let skew = |value: &str| format!("dlr_carrier_clock_skew_seconds{{carrier={value}");
        assert!(exposition.render().contains(&skew("\"acme\"} NaN")));
        acme.clock_skew(3_600.0, Timestamp::UNIX_EPOCH, 0);
        let other = carriers.of("447700900123");
        other.clock_skew(3_600.0, Timestamp::UNIX_EPOCH, 0);
        let text = exposition.render();
        assert!(text.contains(&skew("\"acme\"} 3600")), "{text}");
        assert!(text.contains(&skew("\"other\"} NaN")), "{text}");
    }

    #[test]
    fn a_word_is_news_once_and_the_news_end() {
        let (carriers, _) = carriers();
        assert!(carriers.is_news("acme", "HANDSET"));
        assert!(!carriers.is_news("acme", "handset"));
        assert!(carriers.is_news("initech", "HANDSET"));
        let told = (0..5_000).filter(|n| carriers.is_news("acme", &format!("W{n}")));
        assert_eq!(told.count(), WORDS_MAX - 2);
    }
}
