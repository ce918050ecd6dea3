//! What would become of one receipt.

use bytes::Bytes;
use serde::Serialize;
use serde_json::json;

use super::input::Piece;
use crate::inspect::Shown;
use crate::receipt::decision::{Unmatched, Verdict, judge};
use crate::receipt::explain::{Explanation, ToldDate, ToldId, ToldState};
use crate::receipt::profile::Profiles;
use crate::receipt::status::Status;
use crate::receipt::{Publisher, Rejection, archive, smpp_text};

/// As the disposition would be, if the message is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Outcome {
    Applied,
    Recorded,
    Parked,
    Rejected,
}

impl Outcome {
    pub(super) const ALL: [Self; 4] = [Self::Applied, Self::Recorded, Self::Parked, Self::Rejected];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Recorded => "recorded",
            Self::Parked => "parked",
            Self::Rejected => "rejected",
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    pub(super) line: u64,
    /// `json`, `archive` or `rawPayload`; `None` for what is too long to be looked at.
    pub(super) read_as: Option<&'static str>,
    pub(super) outcome: Outcome,
    /// Why it changes nothing, is parked, or is rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rejection: Option<Refusal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) receipt: Option<Told>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Refusal {
    pub(super) field: Option<&'static str>,
    pub(super) sentence: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Told {
    #[serde(flatten)]
    pub(super) shown: Shown,
    pub(super) is_id_in_notation: bool,
    pub(super) ids: Vec<ToldId>,
    pub(super) states: Vec<ToldState>,
    pub(super) dates: Vec<ToldDate>,
    /// `networkErrorCode`, read.
    pub(super) network_error: Option<String>,
    pub(super) rank: Option<u8>,
    pub(super) is_final: bool,
    /// What the message's `dlr_status` would be.
    pub(super) dlr_status: String,
    pub(super) previous_status: &'static str,
    /// The message's status afterwards.
    pub(super) new_status: &'static str,
}

impl Report {
    /// `current` is the status of the message that it meets.
    pub(super) fn of(
        line: u64,
        piece: Piece,
        publisher: Publisher<'_>,
        profiles: &Profiles,
        current: Status,
    ) -> Self {
        let (read_as, payload) = match piece {
            Piece::Payload(line) => payload(line),
            Piece::Oversized(_) => return Self::rejected(line, None, Rejection::Oversized),
        };
        let told = match Explanation::of(payload, publisher, profiles) {
            Ok(told) => told,
            Err(rejection) => return Self::rejected(line, Some(read_as), rejection),
        };
        let receipt = &told.receipt;
        let verdict = judge(Some(current), receipt.status());
        let (outcome, reason) = match verdict {
            _ if !receipt.id_in_notation => (Outcome::Parked, Some(Unmatched::IdNotation.as_str())),
            Verdict::Applied => (Outcome::Applied, None),
            Verdict::Recorded(because) => (Outcome::Recorded, Some(because.as_str())),
        };
        let status = receipt.status();
        let raised = status.filter(|_| outcome == Outcome::Applied);
        Self {
            line,
            read_as: Some(read_as),
            outcome,
            reason,
            rejection: None,
            receipt: Some(Told {
                shown: Shown::of(receipt),
                is_id_in_notation: receipt.id_in_notation,
                rank: status.map(Status::rank),
                is_final: status.is_some_and(Status::is_final),
                dlr_status: receipt.status_word().into_owned(),
                previous_status: current.as_str(),
                new_status: raised.unwrap_or(current).as_str(),
                ids: told.ids,
                states: told.states,
                dates: told.dates,
                network_error: told.network_error,
            }),
        }
    }

    fn rejected(line: u64, read_as: Option<&'static str>, rejection: Rejection) -> Self {
        let hint = match rejection {
            Rejection::MissingCarrier => " Name it with --carrier.",
            Rejection::UnknownEncoding => " It is no text of an SMPP receipt in UTF-8 either.",
            Rejection::Truncated if read_as == Some("json") => {
                " A receipt has to stand on one line."
            }
            _ => "",
        };
        Self {
            line,
            read_as,
            outcome: Outcome::Rejected,
            reason: Some(rejection.reason()),
            rejection: Some(Refusal {
                field: rejection.field(),
                sentence: rejection.sentence() + hint,
            }),
            receipt: None,
        }
    }
}

/// A line as somebody would publish it.
fn payload(line: Vec<u8>) -> (&'static str, Bytes) {
    if archive::begins(&line) {
        return ("archive", line.into());
    }
    let text = std::str::from_utf8(&line).ok();
    let is_json = line.trim_ascii_start().starts_with(b"{");
    match text.filter(|text| !is_json && smpp_text::read(text).is_some()) {
        Some(text) => {
            let payload = json!({ "rawPayload": text }).to_string();
            ("rawPayload", payload.into())
        }
        None => ("json", line.into()),
    }
}
