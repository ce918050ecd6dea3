//! The closed list of ways a payload can be wrong.

mod sentence;

use std::fmt;

/// A field of the inbound receipt, version 1 (CONTRACT §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    CarrierId,
    OperatorMessageId,
    Stat,
    MessageState,
    Err,
    NetworkErrorCode,
    SubmitDate,
    DoneDate,
    SourceAddr,
    DestAddr,
    AccountId,
    MessageId,
    Sub,
    Dlvrd,
    Tlv,
    TlvReceiptedMessageId,
    TlvMessageState,
    TlvNetworkErrorCode,
    RawPayload,
    ReceivedAt,
}

impl Field {
    pub fn name(self) -> &'static str {
        match self {
            Self::CarrierId => "carrierId",
            Self::OperatorMessageId => "operatorMessageId",
            Self::Stat => "stat",
            Self::MessageState => "messageState",
            Self::Err => "err",
            Self::NetworkErrorCode => "networkErrorCode",
            Self::SubmitDate => "submitDate",
            Self::DoneDate => "doneDate",
            Self::SourceAddr => "sourceAddr",
            Self::DestAddr => "destAddr",
            Self::AccountId => "accountId",
            Self::MessageId => "messageId",
            Self::Sub => "sub",
            Self::Dlvrd => "dlvrd",
            Self::Tlv => "tlv",
            Self::TlvReceiptedMessageId => "tlv.receiptedMessageId",
            Self::TlvMessageState => "tlv.messageState",
            Self::TlvNetworkErrorCode => "tlv.networkErrorCode",
            Self::RawPayload => "rawPayload",
            Self::ReceivedAt => "receivedAt",
        }
    }
}

/// Why a payload is no receipt. The reason is a metric label, a column and the text after `+TERM`;
/// it never quotes the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejection {
    /// Nothing, or only white space.
    Empty,
    /// More than [`super::PAYLOAD_MAX`] bytes.
    Oversized,
    /// Starts neither like a JSON object nor like an archive this version reads.
    UnknownEncoding,
    NotUtf8,
    /// Ends in the middle of the JSON text or of the archive.
    Truncated,
    MalformedJson,
    /// What follows the prefix is no archive of the version it names, or has bytes that belong to
    /// no field.
    MalformedArchive,
    /// Nested beyond [`super::json::DEPTH_MAX`] levels.
    TooDeep,
    /// U+0000, which PostgreSQL's text cannot hold.
    ContainsNul,
    DuplicateField(Field),
    WrongType(Field),
    /// Empty, or longer than its limit.
    WrongLength(Field),
    BadCharacters(Field),
    OutOfRange(Field),
    /// Not a UUID. An archive cannot say one that is none.
    BadUuid(Field),
    /// Not RFC 3339, or before 1900. Only `receivedAt`, which our own gateways write, can fail so.
    BadTimestamp(Field),
    /// Published on a subject that names no carrier, or a malformed one.
    BadSubject,
    /// The payload names another carrier than the subject.
    CarrierMismatch,
    /// The payload's carrier is one of the receipt's own phone numbers.
    CarrierIsNumber,
    MissingCarrier,
    MissingId,
    MissingState,
}

impl Rejection {
    /// Every reason, for metrics that exist from the start.
    pub const REASONS: [&'static str; 22] = [
        "empty",
        "oversized",
        "unknown_encoding",
        "not_utf8",
        "truncated",
        "malformed_json",
        "malformed_archive",
        "too_deep",
        "contains_nul",
        "duplicate_field",
        "wrong_type",
        "wrong_length",
        "bad_characters",
        "out_of_range",
        "bad_uuid",
        "bad_timestamp",
        "bad_subject",
        "carrier_mismatch",
        "carrier_is_number",
        "missing_carrier",
        "missing_id",
        "missing_state",
    ];

    pub fn reason(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Oversized => "oversized",
            Self::UnknownEncoding => "unknown_encoding",
            Self::NotUtf8 => "not_utf8",
            Self::Truncated => "truncated",
            Self::MalformedJson => "malformed_json",
            Self::MalformedArchive => "malformed_archive",
            Self::TooDeep => "too_deep",
            Self::ContainsNul => "contains_nul",
            Self::DuplicateField(_) => "duplicate_field",
            Self::WrongType(_) => "wrong_type",
            Self::WrongLength(_) => "wrong_length",
            Self::BadCharacters(_) => "bad_characters",
            Self::OutOfRange(_) => "out_of_range",
            Self::BadUuid(_) => "bad_uuid",
            Self::BadTimestamp(_) => "bad_timestamp",
            Self::BadSubject => "bad_subject",
            Self::CarrierMismatch => "carrier_mismatch",
            Self::CarrierIsNumber => "carrier_is_number",
            Self::MissingCarrier => "missing_carrier",
            Self::MissingId => "missing_id",
            Self::MissingState => "missing_state",
        }
    }

    /// The field at fault, where it is one field.
    pub fn field(self) -> Option<&'static str> {
        match self {
            Self::DuplicateField(field)
            | Self::WrongType(field)
            | Self::WrongLength(field)
            | Self::BadCharacters(field)
            | Self::OutOfRange(field)
            | Self::BadUuid(field)
            | Self::BadTimestamp(field) => Some(field.name()),
            _ => None,
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())?;
        if let Some(field) = self.field() {
            write!(f, " ({field})")?;
        }
        Ok(())
    }
}
