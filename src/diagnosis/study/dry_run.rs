//! What a profile would come to: the pipeline's own reading and matching, without its updates.

use std::ops::Range;

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::sample::Sample;
use super::{Study, StudyError, Subject};
use crate::diagnosis::evidence::Counts;
use crate::diagnosis::report::{DryRun, Example};
use crate::pipeline::matching::candidates::{Candidates, Reach};
use crate::receipt::Receipt;
use crate::receipt::decision::{Unmatched, Verdict, judge};
use crate::receipt::privacy::Parted;
use crate::receipt::profile::{Profile, Profiles};
use crate::receipt::status::Status;
use crate::store::studies::SealedParked;

/// Receipts matched at once.
const BATCH: usize = 1_000;
const EXAMPLES_MAX: usize = 3;

impl Study<'_> {
    /// Tries a document on as many of the carrier's receipts as the limit allows.
    pub(super) async fn dry_run(
        &self,
        subject: &mut Subject<'_>,
        document: &Value,
        sample: &Sample<'_>,
        stretches: &[Range<Timestamp>],
    ) -> Result<DryRun, StudyError> {
        let mut ran = DryRun::default();
        let Ok(proposed) = Profile::parse(document, subject.head + 1) else {
            return Ok(ran);
        };
        let tried = Tried {
            study: self,
            sample,
            in_force: Profiles::every(subject.profile.clone()),
            proposed: Profiles::every(proposed),
        };
        let highest = sample.highest(self.limit);
        ran.complete = highest == Uuid::max();
        for stretch in stretches {
            let left = self.limit.saturating_sub(ran.counts.studied);
            let rows = sample.rows(stretch, highest, left).await?;
            for rows in rows.chunks(BATCH) {
                tried.batch(rows, &mut ran).await?;
            }
        }
        Ok(ran)
    }
}

struct Tried<'a> {
    study: &'a Study<'a>,
    sample: &'a Sample<'a>,
    in_force: Profiles,
    proposed: Profiles,
}

impl Tried<'_> {
    async fn batch(&self, rows: &[SealedParked], ran: &mut DryRun) -> Result<(), StudyError> {
        let read = |row: &SealedParked| {
            let now = self.sample.read(row, &self.in_force)?;
            let then = self.sample.read(row, &self.proposed)?;
            Some((now, then, row.stored_at()))
        };
        let read: Vec<(Receipt, Receipt, Timestamp)> = rows.iter().filter_map(read).collect();
        let session = self.study.studies.session();
        let reach = Reach {
            horizon: self.study.horizon,
            lag: self.study.message_lag,
        };
        let now = read.iter().map(|(now, _, stored_at)| (now, *stored_at));
        let now = Candidates::find(session, now, reach).await?;
        let then = read.iter().map(|(_, then, stored_at)| (then, *stored_at));
        let then = Candidates::find(session, then, reach).await?;
        for (before, after, stored_at) in &read {
            let matches_now = now.matching(before, *stored_at).is_ok();
            ran.matching_now += usize::from(matches_now);
            ran.counts.studied += 1;
            let found = match then.matching(after, *stored_at) {
                Ok(found) => found,
                Err(unmatched) => {
                    *unmatched_in(&mut ran.counts, unmatched) += 1;
                    continue;
                }
            };
            ran.counts.matched += 1;
            ran.gained += usize::from(!matches_now);
            let verdict = judge(Status::from_stored(found.status), after.status());
            ran.raising += usize::from(verdict == Verdict::Applied);
            if !matches_now && ran.examples.len() < EXAMPLES_MAX {
                ran.examples.extend(example(after));
            }
        }
        Ok(())
    }
}

fn unmatched_in(counts: &mut Counts, unmatched: Unmatched) -> &mut usize {
    match unmatched {
        Unmatched::Ambiguous => &mut counts.ambiguous,
        Unmatched::AccountMismatch | Unmatched::MessageMismatch => &mut counts.contradicting,
        Unmatched::IdNotation => &mut counts.not_in_notation,
        _ => &mut counts.no_message,
    }
}

/// `None` where the id is the number of the phone that the message went to or came from.
fn example(receipt: &Receipt) -> Option<Example> {
    Parted::of(receipt).operator_message_id?;
    Some(Example {
        written: receipt.written_id().to_owned(),
        looked_for: receipt.operator_message_id().to_owned(),
    })
}
