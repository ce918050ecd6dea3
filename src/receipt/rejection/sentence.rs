//! Rejections in plain words, for whoever writes a gateway.

use super::{Field, Rejection};

impl Rejection {
    /// One sentence that says what to mend. It quotes nothing of the payload.
    pub fn sentence(self) -> String {
        let sentence = match self {
            Self::Empty => "There is nothing but white space.",
            Self::Oversized => "A receipt has at most 16,384 bytes.",
            Self::UnknownEncoding => {
                "It begins neither with `{`, as JSON does, nor with the prefix of an archive that \
                 this version reads."
            }
            Self::NotUtf8 => "All text has to be UTF-8.",
            Self::Truncated => "It ends in the middle.",
            Self::MalformedJson => "It is no JSON object, or something follows the object.",
            Self::MalformedArchive => {
                "What follows the prefix is no archive of that version, or has bytes that belong \
                 to no field."
            }
            Self::TooDeep => "Objects and lists may be nested 16 levels deep, and no deeper.",
            Self::ContainsNul => "U+0000 cannot be stored; leave it out.",
            Self::DuplicateField(field) => {
                return format!("`{}` stands there twice.", field.name());
            }
            Self::WrongType(field)
            | Self::WrongLength(field)
            | Self::BadCharacters(field)
            | Self::OutOfRange(field)
            | Self::BadUuid(field)
            | Self::BadTimestamp(field) => {
                return format!("`{}` must be {}.", field.name(), field.rule());
            }
            Self::BadSubject => "The subject names no carrier: 1 to 64 of a-z 0-9 _ -.",
            Self::CarrierMismatch => {
                "The subject belongs to one carrier, and `carrierId` names another."
            }
            Self::CarrierIsNumber => "`carrierId` is one of the receipt's own phone numbers.",
            Self::MissingCarrier => "Neither `carrierId` nor the subject names the carrier.",
            Self::MissingId => {
                "None of `operatorMessageId`, `tlv.receiptedMessageId` and `rawPayload` gives an id."
            }
            Self::MissingState => {
                "None of `tlv.messageState`, `messageState`, `stat` and `rawPayload` gives a state."
            }
        };
        sentence.to_owned()
    }
}

impl Field {
    /// What CONTRACT §3 wants of it.
    fn rule(self) -> &'static str {
        match self {
            Self::CarrierId => "a string of 1 to 64 of a-z 0-9 _ -",
            Self::OperatorMessageId | Self::TlvReceiptedMessageId => {
                "a string of 1 to 128 printable ASCII characters without white space"
            }
            Self::Stat => "a string of 1 to 32 of A-Z a-z 0-9 _ : -",
            Self::MessageState | Self::TlvMessageState => "a whole number from 0 to 255",
            Self::NetworkErrorCode | Self::TlvNetworkErrorCode => {
                "a string of at most 16 characters"
            }
            Self::SourceAddr | Self::DestAddr => "a string of at most 21 characters",
            Self::Err | Self::SubmitDate | Self::DoneDate => "a string of at most 32 characters",
            Self::AccountId | Self::MessageId => "a UUID",
            Self::Sub | Self::Dlvrd => "a string of at most 8 characters",
            Self::Tlv => "an object",
            Self::RawPayload => "a string of at most 4,096 characters",
            Self::ReceivedAt => "a time in RFC 3339, 1900 or later",
        }
    }
}
