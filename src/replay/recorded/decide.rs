//! The state rule, once more: each receipt meets the status that the ones before it left.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::meaning::Meaning;
use crate::receipt::decision::{Decision, Verdict, judge};
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
}

/// Decides on receipts in stream order, each meeting what those before it left.
pub(super) fn decide<'a, 'b>(
    cases: &'b [Case<'a>],
    present: &'b HashMap<Uuid, String>,
) -> (Vec<Anew<'a>>, Vec<Raise<'b>>) {
    let mut running: HashMap<Uuid, Running<'b>> = HashMap::new();
    let mut decided = Vec::with_capacity(cases.len());
    for case in cases {
        let id = case.row.receipt().message_id();
        let Some(stored) = present.get(&id) else {
            continue;
        };
        let message = running.entry(id).or_insert_with(|| Running {
            status: Cow::Borrowed(stored),
            raise: None,
        });
        let status = case.meaning.status;
        let previous_status = message.status.clone().into_owned();
        let verdict = judge(Status::from_stored(&previous_status), Some(status));
        if verdict == Verdict::Applied {
            message.status = Cow::Borrowed(status.as_str());
            message.raise = Some(Raise {
                id,
                previous: stored,
                status: status.as_str(),
                word: case.meaning.word.clone(),
                received_at: case.row.receipt().decision("").received_at,
            });
        }
        decided.push(Anew {
            row: case.row,
            status,
            profile_revision: case.profile_revision,
            verdict,
            previous_status,
            after: message.status.clone().into_owned(),
        });
    }
    let raises = running
        .into_values()
        .filter_map(|message| message.raise)
        .collect();
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
            group_status: None,
            processed_at: now,
            ..self.row.receipt().decision(operator_message_id)
        }
    }
}
