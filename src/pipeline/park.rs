//! Seals what could not be matched: the payload as it came, so that a later reader or profile can
//! read it anew.

use super::envelope::Item;
use crate::receipt::decision::Parked;
use crate::seal::{Place, Sealer};
use crate::store::StoreError;

/// The payload of a parked receipt, bound to its row and carrier. It has no account yet.
pub(super) fn seal(
    sealer: &mut Sealer,
    item: &Item,
    parked: &Parked<'_>,
) -> Result<Vec<u8>, StoreError> {
    let place = Place {
        table: "orphaned_receipts",
        column: "payload_sealed",
        row: parked.receipt_id.0,
        carrier: parked.carrier_id,
        account: None,
    };
    Ok(sealer.seal(&place, &item.envelope.payload)?)
}
