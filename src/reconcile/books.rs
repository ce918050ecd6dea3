//! The tables' side: which sequence has which end, and which events that calls for.

use std::ops::RangeInclusive;

use jiff::Timestamp;
use tokio_postgres::Client;

use super::ReconcileError;
use super::owed::{Disposition, End, Shape, claims, end};
use super::report::{Parked, Report};
use super::reused::Suspects;
use super::scope::Scope;
use super::sequences::Sequences;
use super::spill::Spill;
use crate::broker::fetch::Witness;
use crate::receipt::ids::RowKey;
use crate::store::books::{Books, Entry, has_disposition};
use crate::store::story;

/// Sequences about which the stream is asked one by one. With more than that amiss, the first of
/// them tell enough.
const LOOKS_MAX: usize = 1_000;
/// Rows that are read a second time: a sweep or a replay at work may have written as many between
/// two pages.
const DOUBTFUL_MAX: usize = 100_000;

/// What the tables leave open.
pub(super) struct Open {
    seen: Sequences,
    /// Met twice, under two times: of two envelopes.
    twice: Sequences,
    /// Rows that contradict one another: or one was written between the reading of two tables.
    doubtful: Vec<(u64, Timestamp)>,
    suspects: Suspects,
}

/// Reads all rows of the scope, and of what was stored since.
pub(super) async fn read(
    scope: &Scope<'_>,
    overdue: Timestamp,
    client: &Client,
    spill: &mut Spill,
    report: &mut Report,
) -> Result<Open, ReconcileError> {
    let mut open = Open {
        seen: Sequences::default(),
        twice: Sequences::default(),
        doubtful: Vec::new(),
        suspects: Suspects::since(scope.extent.first),
    };
    let mut books = Books::open(client, scope.stream, scope.from);
    while let Some(entry) = books.next().await? {
        let settled = scope.contains(entry.sequence);
        for claim in claims(&entry, settled, overdue) {
            spill.claim(&claim)?;
        }
        if settled {
            open.enter(&entry, report)?;
        }
    }
    Ok(open)
}

impl Open {
    fn enter(&mut self, entry: &Entry, report: &mut Report) -> Result<(), ReconcileError> {
        let sequence = entry.sequence;
        self.suspects.pass(entry.stored_at, sequence);
        if !Shape::of(entry).is_consistent() {
            if self.doubtful.len() < DOUBTFUL_MAX {
                self.doubtful.push((sequence, entry.stored_at));
            } else {
                report.contradictory.add(sequence);
            }
        }
        let end = end(entry);
        if end == End::None {
            // Its sequence is a gap, too.
            return Ok(());
        }
        if end == End::Several {
            report.with_several.add(sequence);
        }
        if !self.seen.insert(sequence)? {
            if self.twice.insert(sequence)? {
                report.of_another_time += 1;
            }
            return Ok(());
        }
        match end {
            End::Once(Disposition::Applied) => report.dispositions.applied += 1,
            End::Once(Disposition::Recorded) => report.dispositions.recorded += 1,
            End::Once(Disposition::Parked) => report.dispositions.parked += 1,
            End::Once(Disposition::Rejected) => report.dispositions.rejected += 1,
            End::Several | End::None => {}
        }
        if entry.parked.is_some() {
            let resolution = entry.resolution.as_ref();
            count(&mut report.parked, resolution.map(|row| &*row.resolution));
        }
        Ok(())
    }

    /// Asks the stream about what is missing or there twice.
    pub(super) async fn close(
        self,
        scope: &Scope<'_>,
        client: &Client,
        witness: &Witness<'_>,
        report: &mut Report,
    ) -> Result<(), ReconcileError> {
        for (sequence, stored_at) in self.doubtful {
            let key = RowKey {
                stored_at,
                stream: scope.stream.into(),
                sequence,
            };
            let rows = story::read(client, &key).await?;
            if !Shape::of_all(&rows).is_consistent() {
                report.contradictory.add(sequence);
            }
        }
        let mut gaps = self.seen.gaps(scope.first..=scope.last);
        let unchecked = &mut report.unchecked;
        let reused = self.suspects.reused(scope, client, witness, unchecked);
        gaps.extend(reused.await?);
        let mut looks = 0;
        for gap in merged(gaps) {
            let (mut rest, last) = gap.into_inner();
            while rest <= last && looks < LOOKS_MAX {
                looks += 1;
                let envelope = witness.fetch(scope.stream, rest).await?;
                let in_stream = envelope.is_some();
                // Stored before the scope began, by a clock that went back.
                let elsewhere = match envelope {
                    Some(it) => has_disposition(client, &it.identity.row_key()).await?,
                    None => false,
                };
                if !elsewhere {
                    report.without_disposition.add(rest..=rest, in_stream);
                }
                rest += 1;
            }
            if rest <= last {
                // Nobody is told of it when there is no room.
                let in_stream = !report.without_disposition.is_full()
                    && witness.fetch(scope.stream, rest).await?.is_some();
                report.without_disposition.add(rest..=last, in_stream);
            }
        }
        Ok(())
    }
}

/// In their order, and none within another.
fn merged(mut ranges: Vec<RangeInclusive<u64>>) -> Vec<RangeInclusive<u64>> {
    ranges.sort_unstable_by_key(|range| *range.start());
    let mut merged: Vec<RangeInclusive<u64>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start() <= last.end() => {
                *last = *last.start()..=*last.end().max(range.end());
            }
            _ => merged.push(range),
        }
    }
    merged
}

fn count(parked: &mut Parked, resolution: Option<&str>) {
    *match resolution {
        None => &mut parked.open,
        Some("matched") => &mut parked.matched,
        Some("lapsed") => &mut parked.lapsed,
        Some(_) => &mut parked.discarded,
    } += 1;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_overlap_are_one() {
        let ranges = vec![7..=9, 1..=4, 2..=3, 4..=5, 8..=12];
        assert_eq!(merged(ranges), [1..=5, 7..=12]);
    }
}
