//! Version 1 of the archived receipt. Not one type or field here may ever change.
//!
//! The texts are boxed, not strings: rkyv keeps a short string inside the root, among bytes that are
//! no text, while it puts what is boxed in front of the root, one after the other. So an archive is
//! a run of texts and then a root of fixed length. That the texts fill the run without a gap is
//! checked, which leaves no room for bytes that nobody reads, and makes the run as a whole the
//! UTF-8 that [`Text`](super::Text) borrows from: checked once, then as cheap to read as JSON's.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use jiff::Timestamp;
use rkyv::boxed::ArchivedBox;
use rkyv::option::ArchivedOption;
use rkyv::primitive::ArchivedI64;
use rkyv::rancor::{Failure, Fallible, Source, fail};
use rkyv::ser::{Positional, Writer};
use rkyv::with::{ArchiveWith, Map, SerializeWith};
use rkyv::{Archive, Place, Serialize};
use uuid::Uuid;

use super::{PREFIX, V1};
use crate::clock;
use crate::receipt::rejection::Field;
use crate::receipt::wire::{Value, Wire};
use crate::receipt::{PAYLOAD_MAX, Rejection};

/// A receipt as a gateway writes it. The fields are those of the JSON form, with the same rules;
/// nothing is checked here.
///
/// `Debug` shows no field that may hold personal data.
#[derive(Clone, Default, PartialEq, Eq, Archive, Serialize)]
pub struct ReceiptV1 {
    /// 1 to 64 of `a-z 0-9 _ -`; may be absent if the subject names the carrier.
    pub carrier_id: Option<Box<str>>,
    /// 1 to 128 printable ASCII characters, no white space, exactly as the carrier wrote it.
    pub operator_message_id: Option<Box<str>>,
    /// The carrier's word: 1 to 32 of `A-Z a-z 0-9 _ : -`.
    pub stat: Option<Box<str>>,
    /// SMPP `message_state`.
    pub message_state: Option<u8>,
    /// The carrier's error, at most 32 characters.
    pub err: Option<Box<str>>,
    /// At most 16 characters.
    pub network_error_code: Option<Box<str>>,
    /// As the carrier wrote it, at most 32 characters: SMPP digits or RFC 3339.
    pub submit_date: Option<Box<str>>,
    /// As the carrier wrote it, at most 32 characters: SMPP digits or RFC 3339.
    pub done_date: Option<Box<str>>,
    /// A phone number or a sender's name, at most 21 characters.
    pub source_addr: Option<Box<str>>,
    /// A phone number, at most 21 characters.
    pub dest_addr: Option<Box<str>>,
    /// When the gateway knows it; must be that of the message then.
    pub account_id: Option<Uuid>,
    /// When the gateway knows it; must be that of the message then.
    pub message_id: Option<Uuid>,
    /// At most 8 characters.
    pub sub: Option<Box<str>>,
    /// At most 8 characters.
    pub dlvrd: Option<Box<str>>,
    /// What came in TLVs rather than in text.
    pub tlv: TlvV1,
    /// The carrier's own text, at most 4,096 characters.
    pub raw_payload: Option<Box<str>>,
    /// When the gateway had it, kept to the microsecond; 1900 or later.
    #[rkyv(with = Map<Micros>)]
    pub received_at: Option<Timestamp>,
}

/// What a carrier sent in TLVs.
#[derive(Clone, Default, PartialEq, Eq, Archive, Serialize)]
pub struct TlvV1 {
    /// `receipted_message_id`: 1 to 128 printable ASCII characters.
    pub receipted_message_id: Option<Box<str>>,
    /// `message_state`.
    pub message_state: Option<u8>,
    /// `network_error_code`, at most 16 characters.
    pub network_error_code: Option<Box<str>>,
}

impl ReceiptV1 {
    /// The payload to publish.
    pub fn to_bytes(&self) -> Result<Bytes, TooLong> {
        let mut payload = Payload(Vec::with_capacity(512));
        payload.0.extend(V1);
        payload.0.extend([0; PREFIX - V1.len()]);
        rkyv::api::serialize_using(self, &mut payload).map_err(|Failure| TooLong)?;
        let Payload(mut bytes) = payload;
        let length = u16::try_from(bytes.len() - PREFIX).map_err(|_wider| TooLong)?;
        bytes[V1.len()..PREFIX].copy_from_slice(&length.to_le_bytes());
        Ok(bytes.into())
    }
}

impl fmt::Debug for ReceiptV1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceiptV1").finish_non_exhaustive()
    }
}

impl fmt::Debug for TlvV1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlvV1").finish_non_exhaustive()
    }
}

/// The receipt would be longer than [`PAYLOAD_MAX`], and rejected as `oversized`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a receipt has at most {PAYLOAD_MAX} bytes")]
pub struct TooLong;

/// Takes no more than fits a receipt, so that a text of any length costs a writer nothing.
struct Payload(Vec<u8>);

impl Positional for Payload {
    fn pos(&self) -> usize {
        self.0.len()
    }
}

impl<E: Source> Writer<E> for Payload {
    fn write(&mut self, bytes: &[u8]) -> Result<(), E> {
        if bytes.len() > PAYLOAD_MAX - self.0.len() {
            fail!(TooLong);
        }
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

/// Archives a time as microseconds since 1970.
struct Micros;

impl ArchiveWith<Timestamp> for Micros {
    type Archived = ArchivedI64;
    type Resolver = ();

    fn resolve_with(at: &Timestamp, (): (), out: Place<ArchivedI64>) {
        let micros = clock::truncate_to_micros(*at).as_microsecond();
        out.write(ArchivedI64::from_native(micros));
    }
}

impl<S: Fallible + ?Sized> SerializeWith<Timestamp, S> for Micros {
    fn serialize_with(_: &Timestamp, _: &mut S) -> Result<(), S::Error> {
        Ok(())
    }
}

/// Bytes of the root, with which an archive ends.
pub(super) const ROOT_LENGTH: usize = size_of::<ArchivedReceiptV1>();
const _: () = assert!(ROOT_LENGTH == 173 && align_of::<ArchivedReceiptV1>() == 1);

/// Reads an archive; `texts` is what it holds in front of its root.
pub(super) fn read<'a>(
    archive: &'a [u8],
    texts: &str,
    wire: &mut Wire<'a>,
) -> Result<(), Rejection> {
    // The low-level door has no shared pointers: only what owns its part of the archive passes.
    let receipt: &'a ArchivedReceiptV1 =
        rkyv::api::low::access(archive).map_err(|Failure| Rejection::MalformedArchive)?;
    let claimed = receipt.fill(wire);
    if claimed != texts.len() {
        return Err(Rejection::MalformedArchive);
    }
    if texts.contains('\0') {
        return Err(Rejection::ContainsNul);
    }
    wire.received_at = receipt.received_at()?;
    Ok(())
}

type ArchivedText = ArchivedOption<ArchivedBox<str>>;

impl ArchivedReceiptV1 {
    /// All fields but the time; returns how many bytes their texts claim. No two texts share a
    /// byte: rkyv wants each one behind the one before.
    fn fill<'a>(&'a self, wire: &mut Wire<'a>) -> usize {
        let mut claimed = 0;
        let mut text = |text: &'a ArchivedText| -> Value<'a> {
            let text = text.as_deref()?;
            claimed += text.len();
            Some(Cow::Borrowed(text))
        };
        // All of them by name, so that none is forgotten.
        let Wire {
            carrier_id,
            operator_message_id,
            stat,
            message_state,
            err,
            network_error_code,
            submit_date,
            done_date,
            source_addr,
            dest_addr,
            account_id,
            message_id,
            sub,
            dlvrd,
            raw_payload,
            tlv_receipted_message_id,
            tlv_message_state,
            tlv_network_error_code,
            received_at: _,
        } = wire;
        *carrier_id = text(&self.carrier_id);
        *operator_message_id = text(&self.operator_message_id);
        *stat = text(&self.stat);
        *message_state = self.message_state.as_ref().copied();
        *err = text(&self.err);
        *network_error_code = text(&self.network_error_code);
        *submit_date = text(&self.submit_date);
        *done_date = text(&self.done_date);
        *source_addr = text(&self.source_addr);
        *dest_addr = text(&self.dest_addr);
        *account_id = self.account_id.as_ref().copied();
        *message_id = self.message_id.as_ref().copied();
        *sub = text(&self.sub);
        *dlvrd = text(&self.dlvrd);
        *raw_payload = text(&self.raw_payload);
        *tlv_receipted_message_id = text(&self.tlv.receipted_message_id);
        *tlv_message_state = self.tlv.message_state.as_ref().copied();
        *tlv_network_error_code = text(&self.tlv.network_error_code);
        claimed
    }

    fn received_at(&self) -> Result<Option<Timestamp>, Rejection> {
        let Some(micros) = self.received_at.as_ref() else {
            return Ok(None);
        };
        match Timestamp::from_microsecond(micros.to_native()) {
            Ok(at) if clock::is_sensible(at) => Ok(Some(at)),
            _ => Err(Rejection::BadTimestamp(Field::ReceivedAt)),
        }
    }
}
