//! The meaning of a receipt, without any I/O.
//!
//! [`Receipt::read`] is the one door: any bytes give a receipt that keeps every rule of CONTRACT §3
//! or a named [`Rejection`], in linear time, without a panic. What comes after may trust it.

pub mod archive;
mod check;
mod dates;
pub mod decision;
pub mod explain;
pub mod group;
pub mod ids;
pub mod json;
pub mod network_error;
pub mod notation;
pub mod phone;
pub mod privacy;
pub mod profile;
mod rejection;
pub mod smpp_text;
pub mod sources;
pub mod status;
mod text;
mod wire;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use uuid::Uuid;

pub use self::check::is_carrier_id;
pub use self::phone::PhoneNumber;
use self::profile::{Meaning, Profile, Profiles};
pub use self::rejection::{Field, Rejection};
use self::status::{MessageState, Status};
use self::text::{Span, Text};
use self::wire::Wire;

/// Bytes of the largest payload that is read (CONTRACT §3).
pub const PAYLOAD_MAX: usize = 16 * 1024;

/// Who published an envelope, as its subject says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publisher<'a> {
    /// The trusted gateway, on the bare subject: the payload names the carrier.
    Gateway,
    /// A carrier on a subject of its own: the subject is its identity, whatever the payload says.
    Carrier(&'a str),
}

/// A carrier's report about one message, valid, and borrowing from its payload.
///
/// `Debug` shows no field that may hold personal data.
pub struct Receipt {
    text: Text,
    carrier: Span,
    operator_message_id: Span,
    written_id: Span,
    stat: Option<Span>,
    /// The carrier's word for what was decided.
    word: Option<Span>,
    err: Option<Span>,
    network_error_code: Option<Span>,
    submit_date: Option<Span>,
    done_date: Option<Span>,
    source: Option<Span>,
    dest: Option<Span>,
    message_state: Option<MessageState>,
    meaning: Option<Meaning>,
    profile: Arc<Profile>,
    pub account_id: Option<Uuid>,
    pub message_id: Option<Uuid>,
    pub submitted_at: Option<Timestamp>,
    pub done_at: Option<Timestamp>,
    pub received_at: Option<Timestamp>,
    /// Whether the id is written as its carrier's profile says. Where it is not, it is what the
    /// carrier wrote, and nothing may be matched by it.
    pub id_in_notation: bool,
    /// Two sources of the id, or of the state, disagree.
    pub id_disagrees: bool,
    pub state_disagrees: bool,
}

impl Receipt {
    /// Reads a payload in either encoding.
    pub fn read(
        payload: Bytes,
        publisher: Publisher<'_>,
        profiles: &Profiles,
    ) -> Result<Self, Rejection> {
        open(payload, |wire, text| {
            check::receipt(wire, publisher, profiles, text)
        })
    }

    pub fn carrier(&self) -> &str {
        self.text.get(self.carrier)
    }

    /// Half of the match key, in the orchestrator's notation; the other half is the carrier.
    pub fn operator_message_id(&self) -> &str {
        self.text.get(self.operator_message_id)
    }

    /// The id as the carrier wrote it.
    pub fn written_id(&self) -> &str {
        self.text.get(self.written_id)
    }

    /// The profile it was read by.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The carrier's own word, as written.
    pub fn stat(&self) -> Option<&str> {
        self.optional(self.stat)
    }

    pub fn err(&self) -> Option<&str> {
        self.optional(self.err)
    }

    pub fn network_error_code(&self) -> Option<&str> {
        self.optional(self.network_error_code)
    }

    pub fn submit_date(&self) -> Option<&str> {
        self.optional(self.submit_date)
    }

    pub fn done_date(&self) -> Option<&str> {
        self.optional(self.done_date)
    }

    pub fn source(&self) -> Option<PhoneNumber<'_>> {
        self.optional(self.source).map(PhoneNumber::new)
    }

    pub fn dest(&self) -> Option<PhoneNumber<'_>> {
        self.optional(self.dest).map(PhoneNumber::new)
    }

    pub fn message_state(&self) -> Option<MessageState> {
        self.message_state
    }

    /// What the carrier reports; `None` when no table knows its word.
    pub fn status(&self) -> Option<Status> {
        self.meaning.map(|meaning| meaning.status)
    }

    /// `dlr_status` of the message: see [`privacy::Parted::status_word`].
    pub fn status_word(&self) -> Cow<'_, str> {
        privacy::Parted::of(self).status_word
    }

    /// The carrier's word for what was decided, as written.
    fn word(&self) -> Option<&str> {
        self.optional(self.word)
    }

    /// The SMPP word for what was decided.
    fn smpp_word(&self) -> &'static str {
        let says = |state: &MessageState| self.profile.state(*state) == self.meaning;
        let word = self.message_state.filter(says).and_then(MessageState::word);
        word.unwrap_or_else(|| match self.meaning {
            Some(meaning) => meaning.status.smpp_word(),
            None => "UNKNOWN",
        })
    }

    fn optional(&self, span: Option<Span>) -> Option<&str> {
        span.map(|span| self.text.get(span))
    }
}

/// Opens a payload in either encoding, which its first bytes tell apart.
fn open<T>(
    payload: Bytes,
    then: impl FnOnce(&Wire<'_>, Text) -> Result<T, Rejection>,
) -> Result<T, Rejection> {
    let first = payload.iter().find(|byte| !byte.is_ascii_whitespace());
    let first = first.ok_or(Rejection::Empty)?;
    if payload.len() > PAYLOAD_MAX {
        return Err(Rejection::Oversized);
    }
    let mut wire = Wire::default();
    if *first == b'{' {
        let text = Text::new(payload)?;
        let payload = text.shared();
        json::read(&payload, &mut wire)?;
        then(&wire, text)
    } else if payload.starts_with(archive::MAGIC) {
        let text = archive::read(&payload, &mut wire)?;
        then(&wire, text)
    } else {
        Err(Rejection::UnknownEncoding)
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipt")
            .field("carrier", &self.carrier())
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
