//! Cost as everything grows: drains of the youngest receipts with more and more messages, partitions,
//! lanes and processors.
//!
//! Tables of many gigabytes are filled once and not copied. After each run what it changed is taken
//! back, and one run that is not shown comes first, so that every other finds what the one before it
//! left: a table that has been worked on.

mod plot;
mod report;
mod restore;

use std::path::Path;

use dlr::config::Pipeline;
use tokio_postgres::Client;

use self::report::{Growth, Point};
use self::restore::restore;
use crate::ground::{Ground, Owner};
use crate::options::{Drain, Grow, Scale};
use crate::partitions::partition;
use crate::progress::say;
use crate::report::Figures;
use crate::runs::{Who, drain_on};

/// What `--quick` stands for.
const QUICK: ([u64; 2], u64) = ([100_000, 1_000_000], 20_000);

pub(crate) async fn run(options: &Grow, dlr: &Path) -> anyhow::Result<Growth> {
    let mut options = options.clone();
    if options.quick {
        let (messages, receipts) = QUICK;
        (options.messages, options.receipts) = (messages.to_vec(), receipts);
    }
    let least = options.messages.iter().min().copied().unwrap_or(0);
    anyhow::ensure!(options.receipts <= least, "more receipts than messages");
    let mut ground = Ground::bare(dlr, &options.common).await?;
    let mut points = Vec::new();
    for &messages in &options.messages {
        let scale = Scale {
            messages,
            partitions: None,
            lanes: None,
            replicas: 1,
        };
        let database = format!("messages_{messages}");
        say(&format!("filling {messages} messages"))?;
        ground.fill(&database, scale).await?;
        let mut size = Size {
            ground: &mut ground,
            database: &database,
            dlr,
            options: &options,
        };
        points.extend(size.run(scale).await?);
        ground.remove(&database).await?;
    }
    Ok(Growth::new(points, options.receipts))
}

/// Everything that is measured on one table of messages.
struct Size<'a> {
    ground: &'a mut Ground,
    database: &'a str,
    dlr: &'a Path,
    options: &'a Grow,
}

impl Size<'_> {
    async fn run(&mut self, scale: Scale) -> anyhow::Result<Vec<Point>> {
        let sql = self.ground.superuser(self.database).await?;
        self.drain(&sql, scale).await?;
        let mut points = Vec::new();
        for &days in &self.options.partitions {
            partition(&sql, days).await?;
            let scale = Scale {
                partitions: Some(days),
                ..scale
            };
            let kinds = kinds(self.options, scale);
            let mut runs: Vec<Vec<Figures>> = vec![Vec::new(); kinds.len()];
            for _ in 0..self.options.rounds.max(1) {
                for (kind, runs) in kinds.iter().zip(&mut runs) {
                    let figures = self.drain(&sql, *kind).await?;
                    say(&format!("{} {figures}", named(*kind)))?;
                    runs.push(figures);
                }
            }
            let kinds = kinds.into_iter().zip(runs);
            points.extend(kinds.map(|(kind, runs)| Point::new(kind, runs)));
        }
        Ok(points)
    }

    async fn drain(&mut self, sql: &Client, scale: Scale) -> anyhow::Result<Figures> {
        let Self {
            database, options, ..
        } = *self;
        let common = &options.common;
        let field = self
            .ground
            .field_on(database, Owner::Processor, common, scale);
        let field = field.await?;
        let job = Drain::of(common.clone(), scale, options.receipts);
        let figures = drain_on(self.ground, &field, self.dlr, &job, Who::Processor).await?;
        Ground::leave(field)?;
        restore(sql).await?;
        Ok(figures)
    }
}

/// More lanes with one processor, and more processors with the lanes that they have by default.
fn kinds(options: &Grow, scale: Scale) -> Vec<Scale> {
    let usual = Pipeline::default().lanes;
    let lanes = options.lanes.iter().map(|&lanes| (lanes, 1));
    let replicas = options.replicas.iter().map(|&replicas| (usual, replicas));
    let mut kinds: Vec<(usize, usize)> = lanes.chain(replicas).collect();
    kinds.sort_unstable_by_key(|&(lanes, replicas)| (replicas, lanes));
    kinds.dedup();
    let kind = |(lanes, replicas)| Scale {
        lanes: Some(lanes),
        replicas,
        ..scale
    };
    kinds.into_iter().map(kind).collect()
}

fn named(scale: Scale) -> String {
    format!(
        "{} messages, {} partitions, {} lanes, {} processors:",
        scale.messages,
        scale.partitions.unwrap_or(0),
        scale.lanes.unwrap_or(0),
        scale.replicas
    )
}
