//! What can happen to a message, and how it should come out.

use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

/// What happens to one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Delivered,
    InTransitFirst,
    /// Reported as failed, then as delivered after all.
    Corrected,
    /// The same payload twice.
    Duplicate,
    /// Delivered, then the older in-transit report.
    OutOfOrder,
    /// The receipt is there before the message's row.
    Early,
    /// No such message, ever.
    Unmatched,
    Invalid,
}

impl Kind {
    pub(super) const ALL: [Self; 8] = [
        Self::Delivered,
        Self::InTransitFirst,
        Self::Corrected,
        Self::Duplicate,
        Self::OutOfOrder,
        Self::Early,
        Self::Unmatched,
        Self::Invalid,
    ];

    /// The receipts of such a message, in order, and the disposition each is due.
    pub(super) fn reports(self) -> &'static [(Report, Disposition)] {
        use Disposition::{Applied, Parked, Recorded, Rejected};
        use Report::{Broken, Delivrd, Enroute, Undeliv};
        match self {
            Self::Delivered | Self::Early => &[(Delivrd, Applied)],
            Self::InTransitFirst => &[(Enroute, Applied), (Delivrd, Applied)],
            Self::Corrected => &[(Undeliv, Applied), (Delivrd, Applied)],
            Self::Duplicate => &[(Delivrd, Applied), (Delivrd, Recorded)],
            Self::OutOfOrder => &[(Delivrd, Applied), (Enroute, Recorded)],
            Self::Unmatched => &[(Delivrd, Parked)],
            Self::Invalid => &[(Broken, Rejected)],
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Report {
    Enroute,
    Undeliv,
    Delivrd,
    Broken,
}

/// The simulator's own idea of the four dispositions: who judges from outside shares no type with
/// the judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Disposition {
    Applied,
    Recorded,
    Parked,
    Rejected,
}

impl Disposition {
    pub const ALL: [Self; 4] = [Self::Applied, Self::Recorded, Self::Parked, Self::Rejected];

    pub fn name(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Recorded => "recorded",
            Self::Parked => "parked",
            Self::Rejected => "rejected",
        }
    }
}

/// Who hands a receipt in, and so under which subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// The trusted gateway on the bare subject; the payload names the carrier.
    Gateway,
    /// The carrier itself on a subject of its own.
    Carrier,
}

/// Everything that will happen to one message.
#[derive(Debug, Clone)]
pub struct Story {
    pub number: u64,
    pub kind: Kind,
    pub carrier: &'static str,
    pub door: Door,
    pub message_id: Uuid,
    pub account_id: Uuid,
    pub operator_message_id: String,
    pub submitted_at: Timestamp,
    /// Seed for what varies in its payloads.
    pub(super) seed: u64,
}

impl Story {
    pub fn steps(&self) -> u8 {
        u8::try_from(self.kind.reports().len()).expect("a story is a handful of receipts")
    }

    /// When receipt `step` follows the first one.
    pub fn after(&self, step: u8) -> Duration {
        let mut dice = fastrand::Rng::with_seed(self.seed ^ 1);
        (0..step)
            .map(|_| Duration::from_millis(dice.u64(200..1_500)))
            .sum()
    }

    pub fn disposition(&self, step: u8) -> Disposition {
        self.kind.reports()[usize::from(step)].1
    }

    /// Whether `orch.sms_messages` ever holds this message.
    pub fn has_row(&self) -> bool {
        !matches!(self.kind, Kind::Unmatched | Kind::Invalid)
    }

    /// The message's status once the receipts whose steps are in `seen` (a bit each) have arrived,
    /// in whatever order: the highest rank wins.
    pub fn status_after(&self, seen: u8) -> &'static str {
        let reported = self.kind.reports().iter().enumerate();
        let arrived = reported.filter(|(step, _)| seen & (1 << step) != 0);
        arrived
            .map(|(_, (report, _))| report.status())
            .max()
            .map_or("sent", |(_, word)| word)
    }
}

impl Report {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Enroute => "ENROUTE",
            Self::Undeliv => "UNDELIV",
            Self::Delivrd => "DELIVRD",
            Self::Broken => "",
        }
    }

    fn status(self) -> (u8, &'static str) {
        match self {
            Self::Enroute => (1, "in_transit"),
            Self::Undeliv => (5, "failed"),
            Self::Delivrd => (6, "delivered"),
            Self::Broken => (0, "sent"),
        }
    }
}
