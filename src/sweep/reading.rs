//! A parked row back to its receipt, by the reader, the keys and the profile of today.

use bytes::Bytes;

use crate::pipeline::park;
use crate::receipt::profile::Profiles;
use crate::receipt::{Publisher, Receipt};
use crate::seal::{KeyRing, OpenFailure};
use crate::store::sweep::OpenParked;

/// An open parked row and what its payload says now.
pub(super) struct Reading<'a> {
    pub(super) row: &'a OpenParked,
    pub(super) receipt: Result<Receipt, Unreadable>,
}

/// Why a row says nothing for now. Another key ring or another reader may change that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unreadable {
    UnknownKey,
    /// Not what was sealed here.
    Damaged,
    /// The reader of today rejects what an earlier one took.
    Rejected,
}

impl Unreadable {
    pub(super) const ALL: [Self; 3] = [Self::UnknownKey, Self::Damaged, Self::Rejected];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::UnknownKey => "unknown_key",
            Self::Damaged => "damaged",
            Self::Rejected => "rejected",
        }
    }
}

impl<'a> Reading<'a> {
    pub(super) fn of(row: &'a OpenParked, ring: &KeyRing, profiles: &Profiles) -> Self {
        Self {
            row,
            receipt: read(row, ring, profiles),
        }
    }
}

fn read(row: &OpenParked, ring: &KeyRing, profiles: &Profiles) -> Result<Receipt, Unreadable> {
    let parked = row.parked();
    let opened = park::open(ring, &parked, row.payload_sealed());
    let payload = opened.map_err(|error| match error.failure() {
        OpenFailure::UnknownKey { .. } => Unreadable::UnknownKey,
        OpenFailure::Malformed | OpenFailure::NotAuthentic => Unreadable::Damaged,
    })?;
    // Whoever published it, the row's carrier was its carrier.
    let publisher = Publisher::Carrier(parked.carrier_id);
    Receipt::read(Bytes::from_owner(payload), publisher, profiles)
        .map_err(|_rejection| Unreadable::Rejected)
}
