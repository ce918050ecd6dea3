//! The state rule, once more: each receipt meets the status that the ones before it left.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::meaning::Meaning;
use crate::pipeline::matching::groups::Groups;
use crate::receipt::decision::{Because, Decision, Verdict, judge};
use crate::receipt::group::GroupStatus;
use crate::receipt::profile::Segments;
use crate::receipt::status::Status;
use crate::store::messages::Raise;
use crate::store::replays::{NewReplay, Recorded, ReplayKey};
use crate::store::walk::Placed as _;

/// A recorded receipt that has a meaning now.
pub(super) struct Case<'a> {
    pub(super) row: &'a Recorded,
    pub(super) meaning: Meaning,
    pub(super) profile_revision: i32,
    /// How old its message may be, for the carrier may have given the id to another since.
    pub(super) horizon: Option<Duration>,
    /// Which segments of a message report.
    pub(super) segments: Segments,
    /// It was taken to mean the same before, and met a status that no table knew.
    pub(super) was_in_vain: bool,
}

impl Case<'_> {
    /// The group of its message, if that is one of several parts.
    pub(super) fn group(&self) -> Option<Uuid> {
        let (group, _) = self.row.receipt().decision("").message.group()?;
        Some(group)
    }
}

/// What was decided anew.
pub(super) struct Anew<'a> {
    pub(super) row: &'a Recorded,
    status: Status,
    pub(super) profile_revision: i32,
    pub(super) verdict: Verdict,
    previous_status: String,
    /// The message's, afterwards.
    after: String,
    group_status: Option<&'static str>,
}

/// The decisions about a page.
#[derive(Default)]
pub(super) struct Decided<'a> {
    pub(super) anew: Vec<Anew<'a>>,
    /// Receipts whose messages are not among those that are present.
    pub(super) without_message: u64,
    /// Receipts that meet in vain what they met before: nothing is to be added.
    pub(super) in_vain_again: u64,
}

/// Decides on receipts in stream order, each meeting what those before it left.
pub(super) fn decide<'a, 'b>(
    cases: &'b [Case<'a>],
    present: &'b HashMap<Uuid, String>,
    groups: &Groups,
) -> (Decided<'a>, Vec<Raise<'b>>) {
    let mut running: HashMap<Uuid, Running<'b>> = HashMap::new();
    let mut decided = Decided::default();
    for case in cases {
        let receipt = case.row.receipt().decision("");
        let id = receipt.message.id;
        let Some(stored) = present.get(&id) else {
            decided.without_message += 1;
            continue;
        };
        let message = running.entry(id).or_insert_with(|| Running {
            status: Cow::Borrowed(stored),
            raise: None,
        });
        let status = case.meaning.status;
        let previous_status = message.status.clone().into_owned();
        let verdict = judge(Status::from_stored(&previous_status), Some(status));
        if case.was_in_vain && verdict == Verdict::Recorded(Because::UnknownStatus) {
            decided.in_vain_again += 1;
            continue;
        }
        if verdict == Verdict::Applied {
            message.status = Cow::Borrowed(status.as_str());
            message.raise = Some(Raise {
                id,
                place: None,
                previous: stored,
                status: status.as_str(),
                word: Cow::Borrowed(&case.meaning.word),
                received_at: receipt.received_at,
            });
        }
        let after = message.status.clone().into_owned();
        let now = |id| running.get(&id).map(|message| &*message.status);
        let group_status = groups.status(&receipt.message, case.segments, now);
        decided.anew.push(Anew {
            row: case.row,
            status,
            profile_revision: case.profile_revision,
            verdict,
            previous_status,
            after,
            group_status: group_status.map(GroupStatus::as_str),
        });
    }
    let messages = running.into_values();
    let raises = messages.filter_map(|message| message.raise).collect();
    (decided, raises)
}

/// A message in the course of a page.
struct Running<'a> {
    /// As the receipts so far left it.
    status: Cow<'a, str>,
    /// From what the database has to what they left, if that is more.
    raise: Option<Raise<'a>>,
}

impl Anew<'_> {
    pub(super) fn key(&self) -> ReplayKey {
        ReplayKey {
            receipt: self.row.key(),
            replay: self.row.next_replay(),
        }
    }

    pub(super) fn row(&self) -> NewReplay<'_> {
        NewReplay {
            key: self.key(),
            verdict: self.verdict,
            previous_status: &self.previous_status,
            status: &self.after,
            group_status: self.group_status,
            reported_status: self.status.as_str(),
            profile_revision: self.profile_revision,
        }
    }

    /// As it will read back from the rows: what the receipt said, and what was decided at `now`.
    pub(super) fn decision<'a>(
        &'a self,
        operator_message_id: &'a str,
        now: Timestamp,
    ) -> Decision<'a> {
        Decision {
            verdict: self.verdict,
            previous_status: &self.previous_status,
            status: &self.after,
            group_status: self.group_status,
            processed_at: now,
            ..self.row.receipt().decision(operator_message_id)
        }
    }
}
