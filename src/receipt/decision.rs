//! The state rule (CONTRACT §4) and what it decides. It stands here once; SQL only re-checks that
//! the status it started from is still there.

use jiff::Timestamp;
use uuid::Uuid;

use super::group::SEGMENTS_MAX;
use super::ids::ReceiptId;
use super::status::Status;

/// A matched receipt's disposition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It raised the message's status.
    Applied,
    /// It is kept and changed nothing.
    Recorded(Because),
}

/// Why a receipt changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Because {
    /// It reports what is known, or less.
    NotHigher,
    /// A failure after `delivered`.
    Conflict,
    /// No table knows the carrier's word; a profile may map it later.
    UnknownWord,
    /// No table knows the message's present status.
    UnknownStatus,
}

impl Because {
    pub const ALL: [Self; 4] = [
        Self::NotHigher,
        Self::Conflict,
        Self::UnknownWord,
        Self::UnknownStatus,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotHigher => "not_higher",
            Self::Conflict => "conflict",
            Self::UnknownWord => "unknown_word",
            Self::UnknownStatus => "unknown_status",
        }
    }
}

/// Judges a report against the status it meets; `None` is one that no table knows.
pub fn judge(current: Option<Status>, reported: Option<Status>) -> Verdict {
    let Some(reported) = reported else {
        return Verdict::Recorded(Because::UnknownWord);
    };
    let Some(current) = current else {
        return Verdict::Recorded(Because::UnknownStatus);
    };
    if reported.rank() > current.rank() {
        return Verdict::Applied;
    }
    if current == Status::Delivered && matches!(reported, Status::Failed | Status::Expired) {
        return Verdict::Recorded(Because::Conflict);
    }
    Verdict::Recorded(Because::NotHigher)
}

/// A row of `orch.sms_messages` as the match read it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Message<'a> {
    pub id: Uuid,
    pub account_id: Uuid,
    pub segment: Option<i16>,
    pub segments: Option<i16>,
    pub group_id: Option<Uuid>,
    pub client_ref: Option<&'a str>,
    pub mccmnc: Option<&'a str>,
    /// A decimal, as text: no float ever touches money.
    pub price: Option<&'a str>,
    pub currency: Option<&'a str>,
}

impl Message<'_> {
    /// Its group and how many segments that has, if it is one of several. Numbers that no SMS can
    /// have make no group.
    pub fn group(&self) -> Option<(Uuid, i16)> {
        let segments = self
            .segments
            .filter(|count| (2..=SEGMENTS_MAX).contains(count));
        self.group_id.zip(segments)
    }
}

/// What was noticed about a receipt, as bits of `dlr.delivery_receipts.flags`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(pub i32);

impl Flags {
    /// The id differs between field and TLV.
    pub const ID_DISAGREES: Self = Self(1);
    /// The state differs between its sources.
    pub const STATE_DISAGREES: Self = Self(2);
    /// A failure after `delivered`.
    pub const CONFLICT: Self = Self(4);
    /// A text was kept out of the open for looking like a phone number.
    pub const WITHHELD: Self = Self(8);

    #[must_use]
    pub fn with(self, flag: Self, on: bool) -> Self {
        if on { Self(self.0 | flag.0) } else { self }
    }
}

/// Everything that was decided about one matched receipt: a row of `dlr.delivery_receipts`, new or
/// read back. Its events are a pure function of it.
#[derive(Debug, Clone, Copy)]
pub struct Decision<'a> {
    pub receipt_id: ReceiptId,
    pub verdict: Verdict,
    pub message: Message<'a>,
    pub carrier_id: &'a str,
    pub operator_message_id: &'a str,
    /// As stored, since it may be one that no table knows.
    pub previous_status: &'a str,
    /// The message's status afterwards.
    pub status: &'a str,
    /// That of its group afterwards, for a message in parts.
    pub group_status: Option<&'a str>,
    pub stat: Option<&'a str>,
    pub err: Option<&'a str>,
    pub submitted_at: Option<Timestamp>,
    pub done_at: Option<Timestamp>,
    /// When the gateway had it, or JetStream if the gateway did not say.
    pub received_at: Timestamp,
    pub processed_at: Timestamp,
    /// Matched only after parking.
    pub late: bool,
}

/// Why a valid receipt could not be matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unmatched {
    NoMessage,
    /// More than one message carries the id within the horizon.
    Ambiguous,
    /// The id is not written as the carrier's profile says.
    IdNotation,
    AccountMismatch,
    MessageMismatch,
    /// PostgreSQL refuses to store what it says.
    StoreRefused,
    /// Delivered so often without an end that something about it must be wrong.
    RedeliveredTooOften,
}

impl Unmatched {
    pub const ALL: [Self; 7] = [
        Self::NoMessage,
        Self::Ambiguous,
        Self::IdNotation,
        Self::AccountMismatch,
        Self::MessageMismatch,
        Self::StoreRefused,
        Self::RedeliveredTooOften,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoMessage => "no_message",
            Self::Ambiguous => "ambiguous",
            Self::IdNotation => "id_notation",
            Self::AccountMismatch => "account_mismatch",
            Self::MessageMismatch => "message_mismatch",
            Self::StoreRefused => "store_refused",
            Self::RedeliveredTooOften => "redelivered_too_often",
        }
    }
}

/// What is said openly about a parked receipt; its notice is a pure function of it.
#[expect(
    clippy::struct_field_names,
    reason = "`parked_at` is the contract's word"
)]
#[derive(Debug, Clone, Copy)]
pub struct Parked<'a> {
    pub receipt_id: ReceiptId,
    pub carrier_id: &'a str,
    /// `None` when it is itself a phone number.
    pub operator_message_id: Option<&'a str>,
    pub stat: Option<&'a str>,
    /// One of [`Unmatched`], as stored, or [`Parked::REDRIVEN`].
    pub reason: &'a str,
    pub parked_at: Timestamp,
}

impl Parked<'_> {
    /// Its own, for a receipt that was rejected, and parked when it could be read after all. Nobody
    /// but the sweeper announces such a one.
    pub const REDRIVEN: &'static str = "redriven";
}

/// How a parked receipt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// A message was found: the receipt is decided on, late.
    Matched,
    /// Its carrier's horizon has passed.
    Lapsed,
}

impl Resolution {
    pub const ALL: [Self; 2] = [Self::Matched, Self::Lapsed];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Matched => "matched",
            Self::Lapsed => "lapsed",
        }
    }
}

#[cfg(test)]
mod tests;
