//! The status of a message in parts as a whole. Each segment has its own message row, its own
//! receipts and its own events; the group's status only sums them up.

use super::profile::Segments;
use super::status::Status;

/// Most segments of a message: SMS numbers them in one byte.
pub const SEGMENTS_MAX: i16 = 255;

/// How a message in parts stands, as far as its expected segments tell (see [`Segments`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupStatus {
    /// Not decided yet. A corrected failure leads back here while other segments are open.
    Pending,
    /// Every expected segment is.
    Delivered,
    /// An expected segment has failed or expired, but one, expected or not, is delivered.
    PartiallyDelivered,
    /// An expected segment has failed or expired, and none is delivered.
    Failed,
}

/// A segment of a group, as it stands.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// From 1.
    pub segment: Option<i16>,
    pub segments: i16,
    /// `None` for one that no table knows.
    pub status: Option<Status>,
}

/// In the order in which a row counts against another of the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Failed,
    Open,
    Delivered,
}

impl GroupStatus {
    /// The status of a group of `segments`, one to [`SEGMENTS_MAX`], of which `parts` are known; a
    /// segment that is not among them is open. The orchestrator may have sent one again, as a row
    /// of the same number: the best of them counts.
    ///
    /// `None` when the numbers contradict each other: no status is better than a wrong one.
    pub fn of(
        expected: Segments,
        segments: i16,
        parts: impl IntoIterator<Item = Part>,
    ) -> Option<Self> {
        let count = usize::try_from(segments.clamp(1, SEGMENTS_MAX)).ok()?;
        let mut standings = [None; SEGMENTS_MAX as usize];
        let standings = &mut standings[..count];
        for part in parts {
            let number = usize::try_from(part.segment?).ok()?.checked_sub(1)?;
            let known = standings.get_mut(number)?;
            if part.segments != segments {
                return None;
            }
            *known = (*known).max(Some(Standing::of(part.status)));
        }
        let reporting = match expected {
            Segments::All | Segments::Any => &standings[..],
            Segments::First => &standings[..1],
            Segments::Last => &standings[count - 1..],
        };
        let (delivered, failed) = (Some(Standing::Delivered), Some(Standing::Failed));
        let is_delivered = match expected {
            Segments::Any => reporting.contains(&delivered),
            _ => reporting.iter().all(|&known| known == delivered),
        };
        Some(if is_delivered {
            Self::Delivered
        } else if !reporting.contains(&failed) {
            Self::Pending
        } else if standings.contains(&delivered) {
            Self::PartiallyDelivered
        } else {
            Self::Failed
        })
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::PartiallyDelivered => "partially_delivered",
            Self::Failed => "failed",
        }
    }
}

impl Standing {
    fn of(status: Option<Status>) -> Self {
        match status {
            Some(Status::Delivered) => Self::Delivered,
            Some(status) if status.is_final() => Self::Failed,
            _ => Self::Open,
        }
    }
}

#[cfg(test)]
mod tests;
