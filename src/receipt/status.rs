//! The status of a message and what carriers' words mean for it (CONTRACT §4).

use std::fmt;

/// Characters of the longest word that `stat` may be (CONTRACT §3).
pub const WORD_MAX: usize = 32;

/// Whether `text` has the form of a carrier's word, known or not.
pub fn is_word(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b':' | b'-');
    (1..=WORD_MAX).contains(&text.len()) && text.bytes().all(allowed)
}

/// A message's status, in the order in which receipts may move it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    Queued,
    Sent,
    InTransit,
    Accepted,
    Unknown,
    Expired,
    Failed,
    Delivered,
}

impl Status {
    pub const ALL: [Self; 8] = [
        Self::Queued,
        Self::Sent,
        Self::InTransit,
        Self::Accepted,
        Self::Unknown,
        Self::Expired,
        Self::Failed,
        Self::Delivered,
    ];

    /// 0 to 6; only a higher rank moves a message.
    pub fn rank(self) -> u8 {
        match self {
            Self::Queued | Self::Sent => 0,
            Self::InTransit => 1,
            Self::Accepted => 2,
            Self::Unknown => 3,
            Self::Expired => 4,
            Self::Failed => 5,
            Self::Delivered => 6,
        }
    }

    pub fn is_final(self) -> bool {
        self.rank() >= Self::Expired.rank()
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::InTransit => "in_transit",
            Self::Accepted => "accepted",
            Self::Unknown => "unknown",
            Self::Expired => "expired",
            Self::Failed => "failed",
            Self::Delivered => "delivered",
        }
    }

    /// The SMPP word for it, for a carrier that gave none.
    pub fn smpp_word(self) -> &'static str {
        match self {
            Self::Queued | Self::Sent => "SCHEDULED",
            Self::InTransit => "ENROUTE",
            Self::Accepted => "ACCEPTD",
            Self::Unknown => "UNKNOWN",
            Self::Expired => "EXPIRED",
            Self::Failed => "UNDELIV",
            Self::Delivered => "DELIVRD",
        }
    }

    /// A status as `orch.sms_messages` holds it; `None` for one that no table knows.
    pub fn from_stored(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// A carrier's word in any case; `None` for one that no table knows.
    pub fn from_word(word: &str) -> Option<Self> {
        if word
            .get(..4)
            .is_some_and(|start| start.eq_ignore_ascii_case("DND_"))
        {
            return Some(Self::Failed);
        }
        // The longest word known; a longer one needs no table.
        let mut upper = [0_u8; 16];
        let upper = upper.get_mut(..word.len())?;
        upper.copy_from_slice(word.as_bytes());
        upper.make_ascii_uppercase();
        Some(match &*upper {
            b"SUBMITD" | b"SCHEDULED" | b"STAGED" => Self::Sent,
            b"ENROUTE" | b"BUFFRED" | b"BUFFERD" | b"BUFFERED" | b"ACKED" | b"SENT" => {
                Self::InTransit
            }
            b"ACCEPTD" | b"ACCEPTED" => Self::Accepted,
            b"UNKNOWN" => Self::Unknown,
            b"EXPIRED" => Self::Expired,
            b"UNDELIV" | b"UNDELIVERABLE" | b"REJECTD" | b"REJECTED" | b"DELETED" | b"FAILED"
            | b"SKIPPED" | b"CANCELLED" | b"NOROUTE" | b"BLIST" => Self::Failed,
            b"DELIVRD" | b"DELIVERED" => Self::Delivered,
            _ => return None,
        })
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// SMPP `message_state` (5.0, table 4-50); 10 and above are vendors' own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageState(pub u8);

impl MessageState {
    /// SMPP says of UNKNOWN that it should never be returned: another source may know better.
    pub const UNKNOWN: Self = Self(7);

    pub fn status(self) -> Option<Status> {
        Some(match self.0 {
            0 => Status::Sent,
            1 => Status::InTransit,
            2 => Status::Delivered,
            3 => Status::Expired,
            4 | 5 | 8 | 9 => Status::Failed,
            6 => Status::Accepted,
            7 => Status::Unknown,
            _ => return None,
        })
    }

    /// The seven-letter word of SMPP 3.4 appendix B; `None` for a vendor's state.
    pub fn word(self) -> Option<&'static str> {
        Some(match self.0 {
            0 => "SCHEDULED",
            1 => "ENROUTE",
            2 => "DELIVRD",
            3 => "EXPIRED",
            4 => "DELETED",
            5 => "UNDELIV",
            6 => "ACCEPTD",
            7 => "UNKNOWN",
            8 => "REJECTD",
            9 => "SKIPPED",
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_reads_back_from_its_stored_form() {
        for status in Status::ALL {
            assert_eq!(Status::from_stored(status.as_str()), Some(status));
        }
        assert_eq!(Status::from_stored("DELIVERED"), None);
    }

    #[test]
    fn words_are_read_in_any_case() {
        assert_eq!(Status::from_word("delivrd"), Some(Status::Delivered));
        assert_eq!(Status::from_word("DND_REJECTED"), Some(Status::Failed));
        assert_eq!(
            Status::from_word("dnd_blocked_by_user"),
            Some(Status::Failed)
        );
        assert_eq!(Status::from_word("DELIVRDX"), None);
        assert_eq!(Status::from_word("A_WORD_LONGER_THAN_ANY_KNOWN"), None);
    }

    #[test]
    fn every_smpp_word_means_what_its_state_means() {
        for state in 0..=9 {
            let state = MessageState(state);
            assert_eq!(Status::from_word(state.word().unwrap()), state.status());
        }
        assert_eq!(MessageState(128).status(), None);
    }
}
