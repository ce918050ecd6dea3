//! Decisions as rows, with what is personal in them sealed.

use std::borrow::Cow;
use std::sync::Arc;

use super::fates::Fate;
use super::fold::Matched;
use crate::pipeline::decode::subject_carrier;
use crate::pipeline::envelope::Item;
use crate::pipeline::park;
use crate::receipt::decision::{Because, Flags, Parked, Verdict};
use crate::receipt::privacy::{sealed_operator_message_id, sealed_stat};
use crate::receipt::status::Status;
use crate::receipt::{PhoneNumber, Rejection};
use crate::seal::{KeyRing, Place, Purpose, Sealer};
use crate::store::StoreError;
use crate::store::parked::NewParked;
use crate::store::receipts::{NewReceipt, NewReceipts, StoredReceipt};
use crate::store::rejected::NewRejected;

/// Digits below which a sender is a name or a short code and no number to index.
const INDEXED_DIGITS: usize = 7;

/// A lane's keys.
pub struct Sealing {
    ring: Arc<KeyRing>,
    personal: Sealer,
    payloads: Sealer,
    /// Kept between calls for their room only: what is personal of one receipt, and that sealed.
    value: Vec<u8>,
    envelope: Vec<u8>,
}

/// What a batch leaves behind in the tables.
#[derive(Default)]
pub(super) struct Rows<'a> {
    pub(super) receipts: NewReceipts,
    pub(super) parked: Vec<NewParked<'a>>,
    pub(super) rejected: Vec<NewRejected<'a>>,
}

impl Sealing {
    pub fn new(ring: &Arc<KeyRing>) -> Self {
        Self {
            ring: Arc::clone(ring),
            personal: Sealer::new(Arc::clone(ring), Purpose::Msisdn),
            payloads: Sealer::new(Arc::clone(ring), Purpose::Parked),
            value: Vec::new(),
            envelope: Vec::new(),
        }
    }

    /// The row that a fate leaves, if any.
    pub(super) fn row<'a>(
        &mut self,
        fate: &Fate<'a>,
        inbound: &str,
        rows: &mut Rows<'a>,
    ) -> Result<(), StoreError> {
        match fate {
            Fate::Matched(matched) => rows.receipts.push(&self.receipt(matched)?),
            Fate::Parked { item, parked, .. } => {
                let payload_sealed = self.payload(&item.envelope.payload, parked)?;
                rows.parked.push(NewParked {
                    identity: &item.envelope.identity,
                    parked: *parked,
                    deliveries: i32::try_from(item.envelope.deliveries).unwrap_or(i32::MAX),
                    received_at: (item.reading.as_ref().ok())
                        // A row that PostgreSQL refused carries as little as it may.
                        .filter(|_| !item.poison)
                        .and_then(|receipt| receipt.received_at),
                    payload_sealed,
                });
            }
            Fate::Rejected { item, rejection } => {
                rows.rejected.push(self.rejected(item, *rejection, inbound));
            }
            Fate::Early => {}
        }
        Ok(())
    }

    /// The payload of a parked receipt, sealed.
    pub(crate) fn payload(
        &mut self,
        payload: &[u8],
        parked: &Parked<'_>,
    ) -> Result<Vec<u8>, StoreError> {
        park::seal(&mut self.payloads, payload, parked)
    }

    pub fn receipt<'a>(
        &'a mut self,
        matched: &'a Matched<'_>,
    ) -> Result<NewReceipt<'a>, StoreError> {
        let Matched {
            case,
            parted,
            decision,
            exact_price,
        } = matched;
        let receipt = case.receipt;
        self.value.clear();
        parted.personal.write(&mut self.value);
        let is_personal = !self.value.is_empty();
        if is_personal {
            let place = personal_place(
                decision.receipt_id.0,
                decision.carrier_id,
                decision.message.account_id,
            );
            let Self {
                envelope, value, ..
            } = self;
            self.personal.seal_into(envelope, &place, value)?;
        }
        let source = receipt.source().and_then(|number| self.index(number));
        let dest = receipt.dest().and_then(|number| self.index(number));
        let conflict = decision.verdict == Verdict::Recorded(Because::Conflict);
        Ok(NewReceipt {
            key: &case.key,
            decision: *decision,
            exact_price: *exact_price,
            profile_revision: receipt.profile().revision,
            open_operator_message_id: parted.operator_message_id,
            reported_status: receipt.status().map(Status::as_str),
            message_state: receipt.message_state().map(|state| i16::from(state.0)),
            network_error_code: parted.network_error_code,
            flags: Flags::default()
                .with(Flags::ID_DISAGREES, receipt.id_disagrees)
                .with(Flags::STATE_DISAGREES, receipt.state_disagrees)
                .with(Flags::CONFLICT, conflict)
                .with(Flags::WITHHELD, parted.withheld),
            submit_date: parted.submit_date,
            done_date: parted.done_date,
            personal_sealed: is_personal.then_some(self.envelope.as_slice()),
            source_hash: source.map(|(_, hash)| hash),
            dest_hash: dest.map(|(_, hash)| hash),
            hash_kid: source.or(dest).map(|(kid, _)| kid),
        })
    }

    fn rejected<'a>(&self, item: &'a Item, rejection: Rejection, inbound: &str) -> NewRejected<'a> {
        let payload = &item.envelope.payload;
        let (kid, fingerprint) = self.ring.fingerprint(payload);
        NewRejected {
            identity: &item.envelope.identity,
            carrier_id: subject_carrier(&item.envelope.subject, inbound),
            reason: rejection.reason(),
            field: rejection.field(),
            payload_length: i32::try_from(payload.len()).unwrap_or(i32::MAX),
            fingerprint,
            fingerprint_kid: kid.cast_signed(),
        }
    }

    fn index(&self, number: PhoneNumber<'_>) -> Option<(i32, [u8; 16])> {
        let digits = number.digits();
        if digits.as_str().len() < INDEXED_DIGITS {
            return None;
        }
        let index = self.ring.blind_index(digits.as_str());
        Some((index.kid.cast_signed(), index.hash))
    }

    /// The operator message id of a stored receipt, unsealed where its row does not show it.
    pub(crate) fn operator_message_id<'a>(
        &self,
        receipt: &'a StoredReceipt,
    ) -> Result<Cow<'a, str>, StoreError> {
        if let Some(id) = receipt.operator_message_id() {
            return Ok(Cow::Borrowed(id));
        }
        self.open(receipt, sealed_operator_message_id)
            .map(Cow::Owned)
            .ok_or_else(|| {
                StoreError::Unavailable("a sealed operator message id cannot be opened".to_owned())
            })
    }

    /// The carrier's word of a stored receipt, unsealed where its row does not show it.
    pub(crate) fn stat<'a>(&self, receipt: &'a StoredReceipt) -> Option<Cow<'a, str>> {
        match receipt.stat() {
            Some(stat) => Some(Cow::Borrowed(stat)),
            None => self.open(receipt, sealed_stat).map(Cow::Owned),
        }
    }

    fn open(
        &self,
        receipt: &StoredReceipt,
        find: impl FnOnce(&[u8]) -> Option<String>,
    ) -> Option<String> {
        let place = personal_place(
            receipt.receipt_id().0,
            receipt.carrier_id(),
            receipt.account_id(),
        );
        let sealed = receipt.personal_sealed()?;
        find(&self.ring.open(Purpose::Msisdn, &place, sealed).ok()?)
    }
}

fn personal_place(receipt: uuid::Uuid, carrier: &str, account: uuid::Uuid) -> Place<'_> {
    Place {
        table: "delivery_receipts",
        column: "personal_sealed",
        row: receipt,
        carrier,
        account: Some(account),
    }
}
