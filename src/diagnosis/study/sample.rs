//! Some of a carrier's open receipts, opened and read.

use std::ops::Range;

use bytes::Bytes;
use jiff::Timestamp;
use uuid::Uuid;

use crate::diagnosis::lately::Lately;
use crate::diagnosis::sighting::{SOURCES, Sighting};
use crate::pipeline::park;
use crate::receipt::notation::Notation;
use crate::receipt::profile::{Ids, Profile, Profiles};
use crate::receipt::sources::IdSource;
use crate::receipt::{Publisher, Receipt};
use crate::seal::KeyRing;
use crate::store::StoreError;
use crate::store::studies::{SealedParked, Studies};

/// Receipts that are studied of one carrier.
const STUDIED_MAX: usize = 500;

/// Where a carrier's receipts are drawn from.
pub(super) struct Sample<'a> {
    pub(super) studies: &'a Studies,
    pub(super) ring: &'a KeyRing,
    pub(super) carrier: &'a str,
    /// How many of its receipts are open.
    pub(super) open: u64,
}

/// What was drawn.
#[derive(Default)]
pub(super) struct Studied {
    /// In no order.
    pub(super) sightings: Vec<Sighting>,
    /// What their dates say, and when they came.
    pub(super) lately: Lately,
    pub(super) unreadable: usize,
}

impl Sample<'_> {
    pub(super) async fn draw(
        &self,
        stretches: &[Range<Timestamp>],
        profile: &Profile,
    ) -> Result<Studied, StoreError> {
        let mut rows = Vec::new();
        // Somewhat more, since a sample is seldom exact.
        let highest = self.highest(STUDIED_MAX + STUDIED_MAX / 10);
        for stretch in stretches {
            rows.extend(self.rows(stretch, highest, STUDIED_MAX).await?);
        }
        rows.sort_unstable_by_key(|row| row.parked().receipt_id);
        rows.truncate(STUDIED_MAX);
        let in_force = Profiles::every(profile.clone());
        let alone = SOURCES.map(|source| (source, Profiles::every(with_only(source, profile))));
        let mut studied = Studied::default();
        for row in &rows {
            let Some(receipt) = self.read(row, &in_force) else {
                studied.unreadable += 1;
                continue;
            };
            let came = receipt.received_at.unwrap_or_else(|| row.stored_at());
            studied
                .lately
                .add_date(receipt.done_date(), receipt.done_at, came);
            let mut sighting = Sighting::new(row.stored_at());
            sighting.account_id = receipt.account_id;
            sighting.message_id = receipt.message_id;
            for (source, profiles) in &alone {
                let receipt = self.read(row, profiles);
                if let Some(receipt) = receipt.filter(|it| it.id_in_notation) {
                    sighting.write(*source, receipt.written_id());
                }
            }
            studied.sightings.push(sighting);
        }
        Ok(studied)
    }

    /// Those open receipts of one stretch that have a receipt id up to `highest`.
    pub(super) async fn rows(
        &self,
        stretch: &Range<Timestamp>,
        highest: Uuid,
        limit: usize,
    ) -> Result<Vec<SealedParked>, StoreError> {
        self.studies
            .open_sample(stretch, self.carrier, highest, limit)
            .await
    }

    /// Receipt ids are hashes: about `wanted` of the open receipts have one up to this.
    pub(super) fn highest(&self, wanted: usize) -> Uuid {
        let (wanted, open) = (wanted as u128, u128::from(self.open));
        if open <= wanted {
            return Uuid::max();
        }
        Uuid::from_u128(u128::MAX / open * wanted)
    }

    /// `None` for what cannot be opened or read; what to do about that the sweeper tells.
    pub(super) fn read(&self, row: &SealedParked, profiles: &Profiles) -> Option<Receipt> {
        let parked = row.parked();
        let payload = park::open(self.ring, &parked, row.payload_sealed()).ok()?;
        let publisher = Publisher::Carrier(parked.carrier_id);
        Receipt::read(Bytes::from_owner(payload), publisher, profiles).ok()
    }
}

/// A profile by which an id is taken from one source, as it stands, or from none.
fn with_only(source: IdSource, profile: &Profile) -> Profile {
    let form = |of| {
        if of == source {
            Notation::default()
        } else {
            Notation::Ignored
        }
    };
    Profile {
        ids: Ids {
            field: form(IdSource::Field),
            tlv: form(IdSource::Tlv),
            text: form(IdSource::Text),
        },
        ..profile.clone()
    }
}
