//! What every encoding gives, and the rules are applied to.

use std::borrow::Cow;

use jiff::Timestamp;
use uuid::Uuid;

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
