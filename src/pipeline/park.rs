//! Seals what could not be matched: the payload as it came, so that a later reader or profile can
//! read it anew.

use zeroize::Zeroizing;

use crate::receipt::decision::Parked;
use crate::seal::{KeyRing, OpenError, Place, Purpose, Sealer};
use crate::store::StoreError;

/// The payload of a parked receipt, bound to its row and carrier. It has no account yet.
pub(super) fn seal(
    sealer: &mut Sealer,
    payload: &[u8],
    parked: &Parked<'_>,
) -> Result<Vec<u8>, StoreError> {
    Ok(sealer.seal(&place(parked), payload)?)
}

/// The payload back again.
pub(crate) fn open(
    ring: &KeyRing,
    parked: &Parked<'_>,
    payload_sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    ring.open(Purpose::Parked, &place(parked), payload_sealed)
}

/// Where the payload of a parked receipt is stored.
pub fn place<'a>(parked: &Parked<'a>) -> Place<'a> {
    Place {
        table: "orphaned_receipts",
        column: "payload_sealed",
        row: parked.receipt_id.0,
        carrier: parked.carrier_id,
        account: None,
    }
}
