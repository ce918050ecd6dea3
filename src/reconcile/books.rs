//! The tables' side: which sequence has which end, and which events that calls for.

use jiff::Timestamp;
use tokio_postgres::Client;

use super::ReconcileError;
use super::owed::{Disposition, End, Shape, claims, end};
use super::report::{Parked, Report};
use super::scope::Scope;
use super::sequences::Sequences;
use super::spill::Spill;
use crate::broker::fetch::Witness;
use crate::receipt::ids::RowKey;
use crate::store::books::{Books, Entry};
use crate::store::story;

/// Sequences about which the stream is asked one by one. With more than that amiss, the first of
/// them tell enough.
const LOOKS_MAX: usize = 1_000;
/// A stream that was restored from a backup has as many as it had taken in since.
const TWICE_MAX: usize = 200_000;

/// What the tables leave open.
pub(super) struct Open {
    seen: Sequences,
    /// Met twice, under two times.
    twice: Vec<(u64, Timestamp)>,
    /// Rows that contradict one another: or one was written between the reading of two tables.
    doubtful: Vec<(u64, Timestamp)>,
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
        twice: Vec::new(),
        doubtful: Vec::new(),
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
        if !Shape::of(entry).is_consistent() {
            if self.doubtful.len() < LOOKS_MAX {
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
        if !self.seen.insert(sequence)? {
            if self.twice.len() < TWICE_MAX {
                self.twice.push((sequence, entry.stored_at));
            } else {
                report.with_several.add(sequence);
            }
            return Ok(());
        }
        match end {
            End::Several => report.with_several.add(sequence),
            End::Once(Disposition::Applied) => report.dispositions.applied += 1,
            End::Once(Disposition::Recorded) => report.dispositions.recorded += 1,
            End::Once(Disposition::Parked) => report.dispositions.parked += 1,
            End::Once(Disposition::Rejected) => report.dispositions.rejected += 1,
            End::None => {}
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
        for (sequence, stored_at) in self.twice {
            let envelope = witness.fetch(scope.stream, sequence).await?;
            let key = envelope.map(|it| it.identity.row_key());
            let is_one_of_them = match &key {
                Some(key) if key.stored_at == stored_at => true,
                Some(key) => has_disposition(client, key).await?,
                None => false,
            };
            if is_one_of_them {
                report.of_another_time += 1;
            } else {
                report.with_several.add(sequence);
            }
        }
        if scope.length() == 0 {
            return Ok(());
        }
        let mut looks = 0;
        for gap in self.seen.gaps(scope.first..=scope.last) {
            let mut rest = *gap.start();
            while rest <= *gap.end() && looks < LOOKS_MAX {
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
            if rest <= *gap.end() {
                let in_stream = witness.fetch(scope.stream, rest).await?.is_some();
                report.without_disposition.add(rest..=*gap.end(), in_stream);
            }
        }
        Ok(())
    }
}

fn count(parked: &mut Parked, resolution: Option<&str>) {
    *match resolution {
        None => &mut parked.open,
        Some("matched") => &mut parked.matched,
        Some("lapsed") => &mut parked.lapsed,
        Some(_) => &mut parked.discarded,
    } += 1;
}

async fn has_disposition(client: &Client, key: &RowKey) -> Result<bool, ReconcileError> {
    let rows = story::read(client, key).await?;
    Ok(rows.receipt.is_some() || rows.parked.is_some() || rows.rejected.is_some())
}
