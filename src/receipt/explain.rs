//! How one payload is read, source by source: for whoever writes gateways and profiles.

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;

use super::network_error::NetworkError;
use super::privacy::{self, Parted};
use super::profile::Profiles;
use super::sources::{Given, GivenId, Sources, States};
use super::status::{MessageState, Status};
use super::wire::Wire;
use super::{Publisher, Receipt, Rejection, check, open, smpp_text};

/// What may be a phone number is left out of all but the receipt itself.
#[derive(Debug)]
pub struct Explanation {
    pub receipt: Receipt,
    pub ids: Vec<ToldId>,
    pub states: Vec<ToldState>,
    pub dates: Vec<ToldDate>,
    pub network_error: Option<String>,
}

/// What one source of the id says.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ToldId {
    pub source: &'static str,
    /// How the profile says that it is written there.
    pub notation: &'static str,
    /// As the carrier wrote it; `None` if withheld.
    pub written: Option<String>,
    /// As the orchestrator has it; `None` if withheld, not in its notation, or not to be used.
    pub key: Option<String>,
    pub is_in_notation: bool,
    /// It is the one that counts.
    pub counts: bool,
}

/// What one source of the state says.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ToldState {
    pub source: &'static str,
    /// The word, or the number of the state; `None` if withheld.
    pub said: Option<String>,
    /// `None` if neither table nor profile knows it.
    pub status: Option<&'static str>,
    /// It is the one that counts.
    pub counts: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ToldDate {
    pub field: &'static str,
    /// As the carrier wrote it; `None` if withheld.
    pub written: Option<String>,
    /// `None` if it is no date.
    pub at: Option<Timestamp>,
}

impl Explanation {
    /// Reads as [`Receipt::read`] does, and tells what it saw.
    pub fn of(
        payload: Bytes,
        publisher: Publisher<'_>,
        profiles: &Profiles,
    ) -> Result<Self, Rejection> {
        open(payload, |wire, text| {
            let receipt = check::receipt(wire, publisher, profiles, text)?;
            Ok(Self::tell(receipt, wire))
        })
    }

    fn tell(receipt: Receipt, wire: &Wire<'_>) -> Self {
        let text = wire.raw_payload.as_deref().and_then(smpp_text::read);
        let sources = Sources::of(wire, text.as_ref(), receipt.profile());
        let ids = sources.ids.iter();
        let counts = sources.ids.chosen().map(|id| id.source);
        let ids = ids.map(|id| ToldId::of(id, &receipt, counts == Some(id.source)));
        let parted = Parted::of(&receipt);
        let date = |field, given: Option<&str>, open: Option<&str>, at| {
            given.map(|_| ToldDate {
                field,
                written: open.map(str::to_owned),
                at,
            })
        };
        let dates = [
            date(
                "submitDate",
                receipt.submit_date(),
                parted.submit_date,
                receipt.submitted_at,
            ),
            date(
                "doneDate",
                receipt.done_date(),
                parted.done_date,
                receipt.done_at,
            ),
        ];
        let network_error = parted.network_error_code.and_then(NetworkError::read);
        Self {
            ids: ids.collect(),
            states: told_states(&sources.states, &receipt),
            dates: dates.into_iter().flatten().collect(),
            network_error: network_error.map(|error| error.to_string()),
            receipt,
        }
    }
}

impl ToldId {
    fn of(id: &GivenId<'_>, receipt: &Receipt, counts: bool) -> Self {
        let texts = [Some(id.written), id.key.as_deref()];
        let withheld = texts
            .into_iter()
            .flatten()
            .any(|text| privacy::tells_own_number(text, receipt));
        let told = |text: &str| (!withheld).then(|| text.to_owned());
        Self {
            source: id.source.name(),
            notation: receipt.profile().ids.of(id.source).name(),
            written: told(id.written),
            key: id.key.as_deref().and_then(told),
            is_in_notation: id.key.is_some(),
            counts,
        }
    }
}

/// In the order in which they count.
fn told_states(states: &States<'_>, receipt: &Receipt) -> Vec<ToldState> {
    let number = |given: Given<MessageState>| (Some(given.said.0.to_string()), given.meaning);
    let word = |given: Given<&str>| {
        let open = !privacy::is_personal(given.said, receipt);
        (open.then(|| given.said.to_owned()), given.meaning)
    };
    let given = [
        ("tlv.messageState", states.tlv.map(number)),
        ("messageState", states.field.map(number)),
        ("stat", states.stat.map(word)),
        ("text", states.text.map(word)),
    ];
    let mut open = true;
    let mut told = Vec::new();
    for (source, given) in given {
        let Some((said, meaning)) = given else {
            continue;
        };
        let counts = open && meaning.is_some() && meaning == states.decided;
        open &= !counts;
        told.push(ToldState {
            source,
            said,
            status: meaning.map(|meaning| Status::as_str(meaning.status)),
            counts,
        });
    }
    told
}

#[cfg(test)]
mod tests;
