//! What every encoding gives, and the rules are applied to.

use std::borrow::Cow;

use jiff::Timestamp;
use uuid::Uuid;

use super::rejection::Field;

pub(super) type Value<'a> = Option<Cow<'a, str>>;

/// The fields as they stand in the payload: of the right type, without U+0000, otherwise unchecked.
#[derive(Default)]
pub(super) struct Wire<'a> {
    pub(super) carrier_id: Value<'a>,
    pub(super) operator_message_id: Value<'a>,
    pub(super) stat: Value<'a>,
    pub(super) message_state: Option<u8>,
    pub(super) err: Value<'a>,
    pub(super) network_error_code: Value<'a>,
    pub(super) submit_date: Value<'a>,
    pub(super) done_date: Value<'a>,
    pub(super) source_addr: Value<'a>,
    pub(super) dest_addr: Value<'a>,
    pub(super) account_id: Option<Uuid>,
    pub(super) message_id: Option<Uuid>,
    pub(super) sub: Value<'a>,
    pub(super) dlvrd: Value<'a>,
    pub(super) raw_payload: Value<'a>,
    pub(super) received_at: Option<Timestamp>,
    pub(super) tlv_receipted_message_id: Value<'a>,
    pub(super) tlv_message_state: Option<u8>,
    pub(super) tlv_network_error_code: Value<'a>,
}

/// Where a field's value goes.
pub(super) enum Slot<'w, 'a> {
    Text(&'w mut Value<'a>),
    State(&'w mut Option<u8>),
    Id(&'w mut Option<Uuid>),
    Time(&'w mut Option<Timestamp>),
    /// An object with fields of its own.
    Tlv,
}

impl<'a> Wire<'a> {
    pub(super) fn slot(&mut self, field: Field) -> Slot<'_, 'a> {
        match field {
            Field::CarrierId => Slot::Text(&mut self.carrier_id),
            Field::OperatorMessageId => Slot::Text(&mut self.operator_message_id),
            Field::Stat => Slot::Text(&mut self.stat),
            Field::MessageState => Slot::State(&mut self.message_state),
            Field::Err => Slot::Text(&mut self.err),
            Field::NetworkErrorCode => Slot::Text(&mut self.network_error_code),
            Field::SubmitDate => Slot::Text(&mut self.submit_date),
            Field::DoneDate => Slot::Text(&mut self.done_date),
            Field::SourceAddr => Slot::Text(&mut self.source_addr),
            Field::DestAddr => Slot::Text(&mut self.dest_addr),
            Field::AccountId => Slot::Id(&mut self.account_id),
            Field::MessageId => Slot::Id(&mut self.message_id),
            Field::Sub => Slot::Text(&mut self.sub),
            Field::Dlvrd => Slot::Text(&mut self.dlvrd),
            Field::RawPayload => Slot::Text(&mut self.raw_payload),
            Field::ReceivedAt => Slot::Time(&mut self.received_at),
            Field::Tlv => Slot::Tlv,
            Field::TlvReceiptedMessageId => Slot::Text(&mut self.tlv_receipted_message_id),
            Field::TlvMessageState => Slot::State(&mut self.tlv_message_state),
            Field::TlvNetworkErrorCode => Slot::Text(&mut self.tlv_network_error_code),
        }
    }
}
