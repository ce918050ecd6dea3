//! What can happen to a message, and how it should come out.

use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::carriers::{Carrier, Writing};

/// How long after its receipt the row of an early message appears: less than the processor's own
/// delay before it looks a second time.
const EARLY_ROW_LAG: Duration = Duration::from_millis(300);

/// The same for a late message: the second look has been in vain by then, and so has the sweeper's
/// first, a second after parking. Its next is due five seconds after.
const LATE_ROW_LAG: Duration = Duration::from_secs(3);

/// What happens to one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Delivered,
    InTransitFirst,
    /// Reported as failed, then as delivered after all.
    Corrected,
    /// The same payload twice.
    Duplicate,
    /// Delivered, then the older in-transit report.
    OutOfOrder,
    /// The receipt is there before the message's row, by a moment.
    Early,
    /// The same, but by so long that the receipt is parked meanwhile.
    Late,
    /// Reported with a word that no table knows.
    UnknownWord,
    /// Of the carrier whose notation nobody has told: parked until that is diagnosed.
    NotationFault,
    /// No such message, ever.
    Unmatched,
    Invalid,
}

impl Kind {
    pub const ALL: [Self; 11] = [
        Self::Delivered,
        Self::InTransitFirst,
        Self::Corrected,
        Self::Duplicate,
        Self::OutOfOrder,
        Self::Early,
        Self::Late,
        Self::UnknownWord,
        Self::NotationFault,
        Self::Unmatched,
        Self::Invalid,
    ];

    /// The receipts of such a message, in order, and the end each is due.
    pub(super) fn reports(self) -> &'static [(Report, Fate)] {
        use Fate::{Applied, Matched, Parked, Recorded, Rejected};
        use Report::{Broken, Delivrd, Enroute, Undeliv, Vendor};
        match self {
            Self::Delivered | Self::Early => &[(Delivrd, Applied)],
            Self::InTransitFirst => &[(Enroute, Applied), (Delivrd, Applied)],
            Self::Corrected => &[(Undeliv, Applied), (Delivrd, Applied)],
            Self::Duplicate => &[(Delivrd, Applied), (Delivrd, Recorded)],
            Self::OutOfOrder => &[(Delivrd, Applied), (Enroute, Recorded)],
            Self::Late | Self::NotationFault => &[(Delivrd, Matched)],
            Self::UnknownWord => &[(Vendor, Recorded)],
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
    /// A word of the vendor's own.
    Vendor,
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

/// How a receipt ends: its disposition, and for a parked one whether its message was found later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    Applied,
    Recorded,
    /// Parked, and open.
    Parked,
    /// Parked, then matched late.
    Matched,
    Rejected,
}

/// Everything that will happen to one message.
#[derive(Debug, Clone)]
pub struct Story {
    pub number: u64,
    pub kind: Kind,
    pub carrier: &'static Carrier,
    pub message_id: Uuid,
    pub account_id: Uuid,
    /// As the orchestrator stores it.
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

    pub fn fate(&self, step: u8) -> Fate {
        self.kind.reports()[usize::from(step)].1
    }

    /// How receipt `step` is written; `None` for a broken one. A duplicate is written as the first.
    pub fn writing(&self, step: u8) -> Option<Writing> {
        let report = self.kind.reports()[usize::from(step)].0;
        (report != Report::Broken).then(|| self.writing_of(report))
    }

    pub(super) fn writing_of(&self, report: Report) -> Writing {
        let seed = self.seed ^ (4 + report as u64);
        let writings = self.carrier.writings;
        writings[fastrand::Rng::with_seed(seed).usize(0..writings.len())]
    }

    /// Whether `orch.sms_messages` ever holds this message.
    pub fn has_row(&self) -> bool {
        !matches!(self.kind, Kind::Unmatched | Kind::Invalid)
    }

    /// How long after its first receipt the row appears, for a message that has none before.
    pub fn row_lag(&self) -> Option<Duration> {
        match self.kind {
            Kind::Early => Some(EARLY_ROW_LAG),
            Kind::Late => Some(LATE_ROW_LAG),
            _ => None,
        }
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
            Self::Vendor => "HANDSET_OK",
            Self::Broken => "",
        }
    }

    fn status(self) -> (u8, &'static str) {
        match self {
            Self::Enroute => (1, "in_transit"),
            Self::Undeliv => (5, "failed"),
            Self::Delivrd => (6, "delivered"),
            Self::Vendor | Self::Broken => (0, "sent"),
        }
    }
}
