//! The rules of CONTRACT §3: from the wire form to a [`Receipt`].

use std::sync::Arc;

use super::notation::WRITTEN_MAX;
use super::profile::Profiles;
use super::rejection::Field;
use super::sources::{Sources, is_id};
use super::status::{WORD_MAX, is_word};
use super::text::{Span, Text};
use super::wire::Wire;
use super::{Publisher, Receipt, Rejection, dates, privacy, smpp_text};

/// Characters of the longest carrier's name.
const CARRIER_MAX: usize = 64;

/// Characters of the longest error, and of the longest date.
const SHORT_MAX: usize = 32;

pub(super) fn receipt(
    wire: &Wire<'_>,
    publisher: Publisher<'_>,
    profiles: &Profiles,
    mut text: Text,
) -> Result<Receipt, Rejection> {
    let own = [wire.source_addr.as_deref(), wire.dest_addr.as_deref()];
    let carrier = carrier(wire.carrier_id.as_deref(), publisher, own)?;
    let profile = Arc::clone(profiles.of(carrier));
    short(wire.sub.as_deref(), Field::Sub, 8)?;
    short(wire.dlvrd.as_deref(), Field::Dlvrd, 8)?;
    short(wire.raw_payload.as_deref(), Field::RawPayload, 4_096)?;
    let (id, tlv_id) = (&wire.operator_message_id, &wire.tlv_receipted_message_id);
    form(id.as_deref(), Field::OperatorMessageId, WRITTEN_MAX, is_id)?;
    form(
        tlv_id.as_deref(),
        Field::TlvReceiptedMessageId,
        WRITTEN_MAX,
        is_id,
    )?;
    form(wire.stat.as_deref(), Field::Stat, WORD_MAX, is_word)?;
    let says = wire.raw_payload.as_deref().and_then(smpp_text::read);
    let says = says.as_ref();
    let Sources { ids, states } = &Sources::of(wire, says, &profile);
    let id = ids.chosen().ok_or(Rejection::MissingId)?;
    if states.is_empty() {
        return Err(Rejection::MissingState);
    }
    let err = says.and_then(|says| says.err);
    let err = given(wire.err.as_deref(), Field::Err, err)?;
    let date = says.and_then(|says| says.submit_date);
    let submit_date = given(wire.submit_date.as_deref(), Field::SubmitDate, date)?;
    let date = says.and_then(|says| says.done_date);
    let done_date = given(wire.done_date.as_deref(), Field::DoneDate, date)?;
    let error_code = wire.tlv_network_error_code.as_deref();
    let error_code = error_code.or(wire.network_error_code.as_deref());
    // Some numbers read as a date, which would then tell them in the open.
    let read_date = |date: Option<&str>| {
        let date = date.filter(|date| !privacy::is_number_of(date, own))?;
        dates::read(date, &profile, wire.received_at)
    };
    let written_id = text.keep(id.written);
    let key = id.key.as_ref().map(|key| text.keep(key));
    Ok(Receipt {
        carrier: text.keep(carrier),
        operator_message_id: key.unwrap_or(written_id),
        written_id,
        id_in_notation: key.is_some(),
        id_disagrees: ids.disagree(),
        message_state: states.message_state(),
        meaning: states.decided,
        state_disagrees: states.disagree,
        word: states.word().map(|word| text.keep(word)),
        account_id: wire.account_id,
        message_id: wire.message_id,
        submitted_at: read_date(submit_date),
        done_at: read_date(done_date),
        received_at: wire.received_at,
        stat: states.written_word().map(|stat| text.keep(stat)),
        err: err.map(|err| text.keep(err)),
        network_error_code: bounded(&mut text, error_code, Field::NetworkErrorCode, 16)?,
        submit_date: submit_date.map(|date| text.keep(date)),
        done_date: done_date.map(|date| text.keep(date)),
        source: bounded(&mut text, own[0], Field::SourceAddr, 21)?,
        dest: bounded(&mut text, own[1], Field::DestAddr, 21)?,
        profile,
        text,
    })
}

/// The subject's carrier is the identity; on the bare subject the payload's is.
fn carrier<'a>(
    named: Option<&'a str>,
    publisher: Publisher<'a>,
    own: [Option<&str>; 2],
) -> Result<&'a str, Rejection> {
    form(named, Field::CarrierId, CARRIER_MAX, is_carrier_id)?;
    match (publisher, named) {
        (Publisher::Gateway, Some(named)) if privacy::is_number_of(named, own) => {
            Err(Rejection::CarrierIsNumber)
        }
        (Publisher::Gateway, Some(named)) => Ok(named),
        (Publisher::Gateway, None) => Err(Rejection::MissingCarrier),
        (Publisher::Carrier(subject), _) if !is_carrier_id(subject) => Err(Rejection::BadSubject),
        (Publisher::Carrier(subject), Some(named)) if named != subject => {
            Err(Rejection::CarrierMismatch)
        }
        (Publisher::Carrier(subject), _) => Ok(subject),
    }
}

/// CONTRACT §3: 1 to 64 of `a-z 0-9 _ -`.
pub fn is_carrier_id(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
    (1..=CARRIER_MAX).contains(&text.len()) && text.bytes().all(allowed)
}

/// A field of a form of its own, which nothing empty has.
fn form(
    value: Option<&str>,
    field: Field,
    limit: usize,
    is_well_formed: fn(&str) -> bool,
) -> Result<(), Rejection> {
    match value {
        Some(value) if !is_well_formed(value) => Err(if value.is_empty() || value.len() > limit {
            Rejection::WrongLength(field)
        } else {
            Rejection::BadCharacters(field)
        }),
        _ => Ok(()),
    }
}

/// What the field says, else what the carrier's text says, if that keeps the field's rule. An empty
/// value says nothing.
fn given<'a>(
    value: Option<&'a str>,
    field: Field,
    text: Option<&'a str>,
) -> Result<Option<&'a str>, Rejection> {
    short(value, field, SHORT_MAX)?;
    let text = text.filter(|text| short(Some(text), field, SHORT_MAX).is_ok());
    Ok(value.filter(|value| !value.is_empty()).or(text))
}

fn short(value: Option<&str>, field: Field, limit: usize) -> Result<(), Rejection> {
    match value {
        Some(value) if value.len() > limit && value.chars().count() > limit => {
            Err(Rejection::WrongLength(field))
        }
        _ => Ok(()),
    }
}

/// Keeps a value of at most `limit` characters; an empty one says nothing.
fn bounded(
    text: &mut Text,
    value: Option<&str>,
    field: Field,
    limit: usize,
) -> Result<Option<Span>, Rejection> {
    short(value, field, limit)?;
    let value = value.filter(|value| !value.is_empty());
    Ok(value.map(|value| text.keep(value)))
}
