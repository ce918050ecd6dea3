//! What a payload says, as it may be shown.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::receipt::privacy::{Parted, has_grouped_number, has_number};
use crate::receipt::status::Status;
use crate::receipt::{PhoneNumber, Receipt, Rejection};

const WITHHELD: &str = "(withheld)";

/// How a payload is read, with phone numbers and whatever might be one masked.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase", tag = "as")]
pub enum Reading {
    Receipt(Box<Shown>),
    Rejected {
        reason: &'static str,
        field: Option<&'static str>,
    },
}

/// A receipt for eyes.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    pub carrier_id: String,
    pub profile_revision: i32,
    /// In the orchestrator's notation.
    pub operator_message_id: Option<String>,
    pub stat: Option<String>,
    pub message_state: Option<u8>,
    /// What it stands for; `None` when no table knows.
    pub status: Option<&'static str>,
    pub err: Option<String>,
    pub network_error_code: Option<String>,
    pub submitted_at: Option<Timestamp>,
    pub done_at: Option<Timestamp>,
    pub received_at: Option<Timestamp>,
    pub source: Option<String>,
    pub dest: Option<String>,
    pub account_id: Option<String>,
    pub message_id: Option<String>,
    /// What is odd about it.
    pub remarks: Vec<&'static str>,
}

impl Reading {
    pub(super) fn of(read: Result<&Receipt, &Rejection>) -> Self {
        match read {
            Ok(receipt) => Self::Receipt(Box::new(Shown::of(receipt))),
            Err(rejection) => Self::Rejected {
                reason: rejection.reason(),
                field: rejection.field(),
            },
        }
    }
}

impl Shown {
    pub fn of(receipt: &Receipt) -> Self {
        let parted = Parted::of(receipt);
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Self {
            carrier_id: receipt.carrier().to_owned(),
            profile_revision: receipt.profile().revision,
            operator_message_id: owned(parted.operator_message_id),
            stat: owned(parted.stat),
            message_state: receipt.message_state().map(|state| state.0),
            status: receipt.status().map(Status::as_str),
            err: owned(parted.err),
            network_error_code: owned(parted.network_error_code),
            submitted_at: receipt.submitted_at,
            done_at: receipt.done_at,
            received_at: receipt.received_at,
            source: receipt.source().map(PhoneNumber::masked),
            dest: receipt.dest().map(PhoneNumber::masked),
            account_id: receipt.account_id.map(shown_id),
            message_id: receipt.message_id.map(shown_id),
            remarks: remarks(receipt, &parted),
        }
    }
}

fn remarks(receipt: &Receipt, parted: &Parted<'_>) -> Vec<&'static str> {
    let remarks = [
        (
            "the id is not written as the profile says",
            !receipt.id_in_notation,
        ),
        ("two sources of the id disagree", receipt.id_disagrees),
        ("two sources of the state disagree", receipt.state_disagrees),
        (
            "a text that may be a phone number is withheld",
            parted.withheld,
        ),
    ];
    let so = remarks.into_iter().filter(|(_, is_so)| *is_so);
    so.map(|(remark, _)| remark).collect()
}

/// An id that a payload claims: its twelve last digits may be a number.
/// Digits are chance in an id that was drawn; any other could spell a number.
fn shown_id(id: Uuid) -> String {
    let is_drawn = matches!(id.get_version_num(), 4 | 7);
    let text = id.to_string();
    if is_drawn || !has_number(&text) {
        text
    } else {
        WITHHELD.to_owned()
    }
}

/// A text that others chose, if it holds nothing that may be a number, in groups or not.
pub(super) fn without_number(text: &str) -> &str {
    if has_grouped_number(text) {
        WITHHELD
    } else {
        text
    }
}
