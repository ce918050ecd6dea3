//! The messages in parts that a batch is about, with all their segments.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::candidates::Candidates;
use crate::receipt::decision::Message;
use crate::receipt::group::{GroupStatus, Part};
use crate::receipt::profile::Segments;
use crate::receipt::status::Status;
use crate::store::siblings::Sibling;
use crate::store::{Session, StoreError};

/// A segment may be older than the one a receipt is about: the orchestrator sends them one after
/// the other.
const SENDING_MAX: SignedDuration = SignedDuration::from_hours(1);

/// Whether groups are looked at, as whoever watches the database says; not, until he has spoken.
#[derive(Debug, Default)]
pub struct GroupSwitch(AtomicBool);

impl GroupSwitch {
    pub fn set(&self, on: bool) {
        self.0.store(on, Ordering::Relaxed);
    }

    pub fn is_on(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Segments by account and group, locked until the end of the transaction: what they stand at
/// holds, and is what the batch has to begin from.
#[derive(Debug, Default)]
pub struct Groups(HashMap<(Uuid, Uuid), Vec<Sibling>>);

impl Groups {
    /// Of every message in parts among the candidates; nothing is asked if there is none, or if
    /// the switch is off. To be called before any message is updated (see `store::siblings`).
    pub(crate) async fn lock(
        session: &Session,
        candidates: &Candidates<'_>,
        switch: &GroupSwitch,
    ) -> Result<Self, StoreError> {
        let groups = || candidates.groups();
        Self::lock_those(session, groups, candidates.horizon, switch).await
    }

    /// The same of these groups, for messages that are younger than `horizon`.
    pub(crate) async fn lock_those(
        session: &Session,
        groups: impl FnOnce() -> Vec<Uuid>,
        horizon: Timestamp,
        switch: &GroupSwitch,
    ) -> Result<Self, StoreError> {
        if !switch.is_on() {
            return Ok(Self::default());
        }
        let horizon = horizon.checked_sub(SENDING_MAX).unwrap_or(Timestamp::MIN);
        let siblings = session.lock_siblings(&groups(), horizon).await?;
        Ok(siblings.into_iter().collect())
    }

    /// The status of a message's group: each segment as it was locked, unless `running` has another
    /// status of it by now.
    pub(crate) fn status<'a>(
        &self,
        message: &Message<'_>,
        expected: Segments,
        running: impl Fn(Uuid) -> Option<&'a str>,
    ) -> Option<GroupStatus> {
        let (_, segments) = message.group()?;
        let siblings = self.of(message).filter(|siblings| !siblings.is_empty())?;
        let parts = siblings.iter().map(|sibling| Part {
            segment: sibling.segment,
            segments: sibling.segments,
            status: Status::from_stored(running(sibling.id).unwrap_or(&sibling.status)),
        });
        GroupStatus::of(expected, segments, parts)
    }

    /// All segments of a message's group, itself among them. Another account's are none of them,
    /// should the group's id not be unique.
    pub(super) fn of(&self, message: &Message<'_>) -> Option<&[Sibling]> {
        let (group, _) = message.group()?;
        self.0.get(&(message.account_id, group)).map(Vec::as_slice)
    }
}

impl FromIterator<Sibling> for Groups {
    fn from_iter<I: IntoIterator<Item = Sibling>>(siblings: I) -> Self {
        let mut groups: HashMap<_, Vec<_>> = HashMap::new();
        for sibling in siblings {
            let key = (sibling.account_id, sibling.group_id);
            groups.entry(key).or_default().push(sibling);
        }
        Self(groups)
    }
}
