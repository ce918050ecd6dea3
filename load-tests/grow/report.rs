//! The table of growth, and its files.

use std::fmt::{self, Write as _};
use std::fs;
use std::path::Path;

use serde::Serialize;

use super::plot;
use crate::machine::{Machine, command};
use crate::options::Scale;
use crate::report::Figures;

/// One kind of run.
#[derive(Debug, Serialize)]
pub(crate) struct Point {
    pub(super) messages: u64,
    pub(super) partitions: i32,
    pub(super) lanes: usize,
    pub(super) replicas: usize,
    /// The one with the median throughput.
    pub(super) shown: Figures,
    runs: Vec<Figures>,
}

impl Point {
    /// `runs` holds one at least.
    pub(super) fn new(scale: Scale, mut runs: Vec<Figures>) -> Self {
        runs.sort_by(|one, other| {
            f64::total_cmp(&one.receipts_per_second, &other.receipts_per_second)
        });
        Self {
            messages: scale.messages,
            partitions: scale.partitions.unwrap_or(0),
            lanes: scale.lanes.unwrap_or(0),
            replicas: scale.replicas,
            shown: runs[runs.len() / 2].clone(),
            runs,
        }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Growth {
    machine: Machine,
    command: String,
    /// Of each run.
    receipts: u64,
    pub(super) points: Vec<Point>,
}

impl Growth {
    pub(super) fn new(points: Vec<Point>, receipts: u64) -> Self {
        Self {
            machine: Machine::here(),
            command: command(),
            receipts,
            points,
        }
    }

    pub(crate) fn runs(&self) -> impl Iterator<Item = &Figures> {
        self.points.iter().flat_map(|point| &point.runs)
    }

    pub(crate) fn table(&self) -> Result<String, fmt::Error> {
        let mut out = String::new();
        writeln!(out, "{}", self.machine)?;
        writeln!(out, "load {}", self.command)?;
        writeln!(out)?;
        writeln!(
            out,
            "| messages | partitions | lanes | processors | receipts/s | own µs | PostgreSQL µs | NATS µs \
             | batch mean | HOT % | WAL B | peak MiB | lost | double | load avg | pace ns |"
        )?;
        writeln!(out, "|{}", "---:|".repeat(16))?;
        for point in &self.points {
            let run = &point.shown;
            let cpu = run.cpu_us_per_receipt;
            writeln!(
                out,
                "| {} | {} | {} | {} | {:.0} | {:.1} | {:.1} | {:.1} | {:.0} | {:.1} | {:.0} | {:.1} | {} | {} \
                 | {:.2} | {:.0} |",
                plot::count(point.messages),
                point.partitions,
                point.lanes,
                point.replicas,
                run.receipts_per_second,
                cpu.own,
                cpu.postgres,
                cpu.nats,
                run.batch_mean,
                run.hot_share * 100.0,
                run.wal_bytes_per_receipt,
                run.peak_mebibytes(),
                point.runs.iter().map(|run| run.ledger.lost()).sum::<u64>(),
                point
                    .runs
                    .iter()
                    .map(|run| run.ledger.double())
                    .sum::<u64>(),
                run.load_average,
                run.pace_ns,
            )?;
        }
        writeln!(out)?;
        self.against_the_least(&mut out)?;
        Ok(out)
    }

    /// Throughput at each number of messages by that at the least one.
    fn against_the_least(&self, out: &mut String) -> fmt::Result {
        for (at, point) in self.points.iter().enumerate() {
            let same = |other: &&Point| {
                (other.partitions, other.lanes, other.replicas)
                    == (point.partitions, point.lanes, point.replicas)
            };
            let least = self.points[..at].iter().find(same);
            let Some(least) = least.filter(|_| point.replicas == 1) else {
                continue;
            };
            writeln!(
                out,
                "{} against {} messages, {} partitions, {} lanes: {:.2}, at equal pace {:.2}",
                plot::count(point.messages),
                plot::count(least.messages),
                point.partitions,
                point.lanes,
                point.shown.ratio(&least.shown),
                point.shown.ratio_at_equal_pace(&least.shown),
            )?;
        }
        Ok(())
    }

    pub(crate) fn json(&self) -> Result<String, serde_json::Error> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// Three files, named for the day.
    pub(crate) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let day = self.machine.at.split(' ').next().unwrap_or_default();
        let name = format!("{day}-growth");
        let text = format!(
            "# Cost as it grows\n\n{} receipts about the youngest messages in each run.\n\n![plot]({name}.svg)\n\n{}",
            self.receipts,
            self.table()?
        );
        fs::write(folder.join(format!("{name}.md")), text)?;
        fs::write(folder.join(format!("{name}.json")), self.json()?)?;
        fs::write(folder.join(format!("{name}.svg")), plot::svg(&self.points)?)?;
        Ok(())
    }
}
