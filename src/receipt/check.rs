//! The rules of CONTRACT §3: from the wire form to a [`Receipt`].

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use super::json::Wire;
use super::profile::Profiles;
use super::rejection::Field;
use super::status::{MessageState, Status};
use super::text::{Span, Text};
use super::{Publisher, Receipt, Rejection, dates, privacy};
use crate::clock;

type Value<'a> = Option<Cow<'a, str>>;

pub(super) fn receipt(
    wire: Wire<'_>,
    publisher: Publisher<'_>,
    profiles: &Profiles,
    mut text: Text,
) -> Result<Receipt, Rejection> {
    let reported = Reported::of(&wire)?;
    let own = [wire.source_addr.as_deref(), wire.dest_addr.as_deref()];
    if publisher == Publisher::Gateway
        && wire
            .carrier_id
            .as_deref()
            .is_some_and(|carrier| privacy::is_number_of(carrier, own))
    {
        return Err(Rejection::CarrierIsNumber);
    }
    let carrier = carrier(wire.carrier_id, publisher)?;
    let profile = Arc::clone(profiles.of(&carrier));
    let carrier = text.keep(&carrier);
    let (id, id_disagrees) = id(wire.operator_message_id, wire.tlv_receipted_message_id)?;
    short(&wire.sub, Field::Sub, 8)?;
    short(&wire.dlvrd, Field::Dlvrd, 8)?;
    short(&wire.raw_payload, Field::RawPayload, 4_096)?;
    let error_code = wire.tlv_network_error_code.or(wire.network_error_code);
    // Some numbers read as a date, which would then tell them in the open.
    let read_date = |date: &Value<'_>| {
        let is_address = |date: &str| {
            let addresses = [&wire.source_addr, &wire.dest_addr].into_iter().flatten();
            addresses.into_iter().any(|it| digits(it).eq(digits(date)))
        };
        dates::read(date.as_deref().filter(|date| !is_address(date))?)
    };
    let (submitted_at, done_at) = (read_date(&wire.submit_date), read_date(&wire.done_date));
    Ok(Receipt {
        carrier,
        operator_message_id: text.keep(&id),
        message_state: reported.state,
        status: reported.status,
        state_disagrees: reported.disagrees,
        id_in_notation: true,
        id_disagrees,
        profile,
        account_id: uuid(wire.account_id.as_deref(), Field::AccountId)?,
        message_id: uuid(wire.message_id.as_deref(), Field::MessageId)?,
        submitted_at,
        done_at,
        received_at: received_at(wire.received_at.as_deref())?,
        stat: wire.stat.map(|stat| text.keep(&stat)),
        err: bounded(&mut text, wire.err, Field::Err, 32)?,
        network_error_code: bounded(&mut text, error_code, Field::NetworkErrorCode, 16)?,
        submit_date: bounded(&mut text, wire.submit_date, Field::SubmitDate, 32)?,
        done_date: bounded(&mut text, wire.done_date, Field::DoneDate, 32)?,
        source: bounded(&mut text, wire.source_addr, Field::SourceAddr, 21)?,
        dest: bounded(&mut text, wire.dest_addr, Field::DestAddr, 21)?,
        text,
    })
}

/// The subject's carrier is the identity; on the bare subject the payload's is.
fn carrier<'a>(named: Value<'a>, publisher: Publisher<'a>) -> Result<Cow<'a, str>, Rejection> {
    if let Some(named) = &named {
        if named.is_empty() || named.len() > 64 {
            return Err(Rejection::WrongLength(Field::CarrierId));
        }
        if !is_carrier_id(named) {
            return Err(Rejection::BadCharacters(Field::CarrierId));
        }
    }
    match (publisher, named) {
        (Publisher::Gateway, Some(named)) => Ok(named),
        (Publisher::Gateway, None) => Err(Rejection::MissingCarrier),
        (Publisher::Carrier(subject), _) if !is_carrier_id(subject) => Err(Rejection::BadSubject),
        (Publisher::Carrier(subject), Some(named)) if named != subject => {
            Err(Rejection::CarrierMismatch)
        }
        (Publisher::Carrier(subject), _) => Ok(Cow::Borrowed(subject)),
    }
}

/// CONTRACT §3: 1 to 64 of `a-z 0-9 _ -`.
pub fn is_carrier_id(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
    (1..=64).contains(&text.len()) && text.bytes().all(allowed)
}

/// The operator message id, from the field, then the TLV, and whether the two disagree.
fn id<'a>(field: Value<'a>, tlv: Value<'a>) -> Result<(Cow<'a, str>, bool), Rejection> {
    for (value, name) in [
        (&field, Field::OperatorMessageId),
        (&tlv, Field::TlvReceiptedMessageId),
    ] {
        let Some(value) = value else { continue };
        if value.is_empty() || value.len() > 128 {
            return Err(Rejection::WrongLength(name));
        }
        if !value.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Rejection::BadCharacters(name));
        }
    }
    let disagrees = matches!((&field, &tlv), (Some(field), Some(tlv)) if field != tlv);
    field
        .or(tlv)
        .map(|id| (id, disagrees))
        .ok_or(Rejection::MissingId)
}

/// What the sources of the state say together: TLV, then `messageState`, then `stat`; UNKNOWN and
/// what no table knows yield to the next.
struct Reported {
    state: Option<MessageState>,
    status: Option<Status>,
    disagrees: bool,
}

impl Reported {
    fn of(wire: &Wire<'_>) -> Result<Self, Rejection> {
        if let Some(stat) = &wire.stat {
            if stat.is_empty() || stat.len() > 32 {
                return Err(Rejection::WrongLength(Field::Stat));
            }
            let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b':' | b'-');
            if !stat.bytes().all(allowed) {
                return Err(Rejection::BadCharacters(Field::Stat));
            }
        }
        let state = wire
            .tlv_message_state
            .or(wire.message_state)
            .map(MessageState);
        if state.is_none() && wire.stat.is_none() {
            return Err(Rejection::MissingState);
        }
        let states = [wire.tlv_message_state, wire.message_state].map(|it| it.map(MessageState));
        let [tlv, field] = states.map(|state| state.and_then(MessageState::status));
        let said = [tlv, field, wire.stat.as_deref().and_then(Status::from_word)];
        let definite = || {
            said.into_iter()
                .flatten()
                .filter(|said| *said != Status::Unknown)
        };
        let status = definite()
            .next()
            .or_else(|| said.into_iter().flatten().next());
        // The one that decided, before one that only says UNKNOWN or what nobody knows.
        let decided = states
            .into_iter()
            .flatten()
            .find(|state| state.status() == status);
        Ok(Self {
            state: decided.or(state),
            status,
            disagrees: definite().any(|said| Some(said) != definite().next()),
        })
    }
}

fn short(value: &Value<'_>, field: Field, limit: usize) -> Result<(), Rejection> {
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
    value: Value<'_>,
    field: Field,
    limit: usize,
) -> Result<Option<Span>, Rejection> {
    short(&value, field, limit)?;
    Ok(value
        .filter(|value| !value.is_empty())
        .map(|value| text.keep(&value)))
}

fn digits(text: &str) -> impl Iterator<Item = u8> {
    text.bytes().filter(u8::is_ascii_digit)
}

fn uuid(value: Option<&str>, field: Field) -> Result<Option<Uuid>, Rejection> {
    let Some(value) = value else { return Ok(None) };
    let Ok(id) = Uuid::try_parse(value) else {
        return Err(Rejection::BadUuid(field));
    };
    Ok(Some(id))
}

fn received_at(value: Option<&str>) -> Result<Option<Timestamp>, Rejection> {
    let Some(value) = value else { return Ok(None) };
    match value.parse() {
        Ok(at) if clock::is_sensible(at) => Ok(Some(clock::truncate_to_micros(at))),
        _ => Err(Rejection::BadTimestamp(Field::ReceivedAt)),
    }
}
