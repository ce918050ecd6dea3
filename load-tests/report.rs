//! The figures: one table for people, one JSON for programs.

use std::fmt::{self, Write as _};
use std::fs;
use std::path::Path;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::contestant::Batches;
use crate::cpu::Spent;
use crate::ledger::Ledger;
use crate::machine::{Machine, command};
use crate::window::Measured;

/// What one run has shown. Times of a receipt are in microseconds.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figures {
    pub(crate) who: &'static str,
    /// Of the machine in the minute before.
    pub(crate) load_average: f64,
    pub(crate) receipts: u64,
    pub(crate) seconds: f64,
    /// What the same piece of work took meanwhile: `load-tests/pace.rs`.
    pub(crate) pace_ns: f64,
    /// Share of the cores that the host gave to other machines meanwhile.
    pub(crate) stolen_share: f64,
    pub(crate) receipts_per_second: f64,
    pub(crate) events_per_second: f64,
    pub(crate) cpu_us_per_receipt: Spent,
    pub(crate) batch_mean: f64,
    /// The bound of the metric's bucket that none exceeds.
    pub(crate) batch_max: f64,
    pub(crate) hot_share: f64,
    pub(crate) wal_bytes_per_receipt: f64,
    pub(crate) peak_memory_bytes: u64,
    pub(crate) peak_anonymous_bytes: u64,
    pub(crate) latency: Option<Latency>,
    pub(crate) generator_late: Option<Latency>,
    pub(crate) ledger: Ledger,
}

/// In milliseconds.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Latency {
    pub(crate) samples: u64,
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) max: f64,
}

impl Latency {
    /// `histogram` holds microseconds.
    pub(crate) fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| measure(histogram.value_at_quantile(quantile)) / 1e3;
        Self {
            samples: histogram.len(),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: measure(histogram.max()) / 1e3,
        }
    }
}

impl Figures {
    pub(crate) fn of(
        who: &'static str,
        load_average: f64,
        measured: &Measured,
        batches: Batches,
        ledger: Ledger,
    ) -> Self {
        let receipts = measure(measured.receipts.max(1));
        let seconds = measured.took.as_secs_f64();
        let Spent {
            own,
            postgres,
            nats,
            generator,
        } = measured.spent;
        let events = measure(ledger.events) / measure(ledger.receipts.max(1));
        Self {
            who,
            load_average,
            receipts: measured.receipts,
            seconds,
            pace_ns: measured.pace_ns,
            stolen_share: measured.stolen,
            receipts_per_second: receipts / seconds,
            events_per_second: events * receipts / seconds,
            cpu_us_per_receipt: Spent {
                own: own / receipts,
                postgres: postgres / receipts,
                nats: nats / receipts,
                generator: generator / receipts,
            },
            batch_mean: batches.receipts / batches.count.max(1.0),
            batch_max: batches.max,
            hot_share: 0.0,
            wal_bytes_per_receipt: measured.wal / receipts,
            peak_memory_bytes: measured.memory,
            peak_anonymous_bytes: measured.anonymous,
            latency: None,
            generator_late: None,
            ledger,
        }
    }
}

impl Figures {
    /// Throughput by that of another run.
    pub(crate) fn ratio(&self, other: &Self) -> f64 {
        self.receipts_per_second / other.receipts_per_second
    }

    /// The same as if the machine had been as fast for both: see `load-tests/pace.rs`.
    pub(crate) fn ratio_at_equal_pace(&self, other: &Self) -> f64 {
        self.ratio(other) * self.pace_ns / other.pace_ns
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "some thousand receipts of a batch, some thousand a second"
)]
impl Figures {
    /// Receipts of a batch.
    pub(crate) fn whole_batch(&self) -> usize {
        self.batch_mean.round() as usize
    }

    /// Receipts a second.
    pub(crate) fn whole_rate(&self) -> u32 {
        self.receipts_per_second as u32
    }

    pub(crate) fn peak_mebibytes(&self) -> f64 {
        mebibytes(self.peak_memory_bytes)
    }
}

impl fmt::Display for Figures {
    /// A line for whoever waits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cpu = self.cpu_us_per_receipt;
        write!(
            f,
            "{:<10} {:>7.0} receipts/s  own {:.1} µs, PostgreSQL {:.1} µs, NATS {:.1} µs",
            self.who, self.receipts_per_second, cpu.own, cpu.postgres, cpu.nats
        )
    }
}

/// Everything of one call of the program.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    machine: Machine,
    command: String,
    pub(crate) runs: Vec<Figures>,
    /// Throughput of the processor by that of each of the others.
    comparisons: Vec<Comparison>,
}

/// Throughput of the processor by that of another, pair by pair.
#[derive(Debug, Serialize)]
struct Comparison {
    other: &'static str,
    ratios: Vec<f64>,
    median: f64,
    /// The same, had the machine been as fast for both.
    at_equal_pace: Vec<f64>,
    median_at_equal_pace: f64,
}

impl Comparison {
    /// `None` without a pair.
    fn of(runs: &[Figures], other: &'static str) -> Option<Self> {
        let of = |name| runs.iter().filter(move |run| run.who == name);
        let pairs = || of("processor").zip(of(other));
        let ratios: Vec<f64> = pairs().map(|(one, two)| one.ratio(two)).collect();
        let at_equal_pace = pairs().map(|(one, two)| one.ratio_at_equal_pace(two));
        let at_equal_pace: Vec<f64> = at_equal_pace.collect();
        Some(Self {
            other,
            median: median(&ratios)?,
            median_at_equal_pace: median(&at_equal_pace)?,
            ratios,
            at_equal_pace,
        })
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, ratios, median) in [
            ("", &self.ratios, self.median),
            (
                " at equal pace",
                &self.at_equal_pace,
                self.median_at_equal_pace,
            ),
        ] {
            let ratios: Vec<String> = ratios.iter().map(|it| format!("{it:.3}")).collect();
            let (other, ratios) = (self.other, ratios.join(" "));
            writeln!(f, "\nprocessor/{other}{what}: {ratios}; median {median:.3}")?;
        }
        Ok(())
    }
}

impl Report {
    pub(crate) fn new(runs: Vec<Figures>) -> Self {
        let others = ["ceiling", "contender"];
        Self {
            machine: Machine::here(),
            command: command(),
            comparisons: (others.into_iter())
                .filter_map(|other| Comparison::of(&runs, other))
                .collect(),
            runs,
        }
    }

    pub(crate) fn write(&self, file: &Path) -> anyhow::Result<()> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        fs::write(file, text)?;
        Ok(())
    }

    pub(crate) fn table(&self) -> Result<String, fmt::Error> {
        let mut out = String::new();
        writeln!(out, "{}", self.machine)?;
        writeln!(out, "load {}", self.command)?;
        writeln!(out)?;
        writeln!(
            out,
            "| run | receipts/s | events/s | own µs | PostgreSQL µs | NATS µs | generator µs | batch mean/max \
             | HOT % | WAL B | peak MiB (anon) | receipts | lost | double | load avg | pace ns | stolen % |"
        )?;
        writeln!(out, "|---|{}", "---:|".repeat(16))?;
        for run in &self.runs {
            let cpu = run.cpu_us_per_receipt;
            writeln!(
                out,
                "| {} | {:.0} | {:.0} | {:.1} | {:.1} | {:.1} | {:.1} | {:.0}/{:.0} | {:.1} | {:.0} | {:.1} ({:.1}) \
                 | {} | {} | {} | {:.2} | {:.0} | {:.1} |",
                run.who,
                run.receipts_per_second,
                run.events_per_second,
                cpu.own,
                cpu.postgres,
                cpu.nats,
                cpu.generator,
                run.batch_mean,
                run.batch_max,
                run.hot_share * 100.0,
                run.wal_bytes_per_receipt,
                mebibytes(run.peak_memory_bytes),
                mebibytes(run.peak_anonymous_bytes),
                run.ledger.receipts,
                run.ledger.lost(),
                run.ledger.double(),
                run.load_average,
                run.pace_ns,
                run.stolen_share * 100.0,
            )?;
        }
        self.latencies(&mut out)?;
        for comparison in &self.comparisons {
            write!(out, "{comparison}")?;
        }
        Ok(out)
    }

    fn latencies(&self, out: &mut String) -> fmt::Result {
        for run in &self.runs {
            for (what, latency) in [
                ("intended time to webhook event", &run.latency),
                ("of that, generator behind its plan", &run.generator_late),
            ] {
                let Some(it) = latency else { continue };
                writeln!(
                    out,
                    "\n{}: {what}, ms: p50 {:.2}, p90 {:.2}, p99 {:.2}, p99.9 {:.2}, max {:.2} ({} receipts)",
                    run.who, it.p50, it.p90, it.p99, it.p999, it.max, it.samples
                )?;
            }
        }
        Ok(())
    }
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = sorted[(sorted.len() - 1) / 2];
    Some(f64::midpoint(lower, upper))
}

fn mebibytes(bytes: u64) -> f64 {
    measure(bytes) / f64::from(1 << 20)
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn measure(count: u64) -> f64 {
    count as f64
}
