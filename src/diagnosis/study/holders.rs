//! Who has an id: the messages, asked in bounded questions.

use jiff::Timestamp;

use crate::diagnosis::answers::Found;
use crate::diagnosis::inquiry::{Messages, Unfound as Ids};
use crate::diagnosis::report::Unfound;
use crate::diagnosis::sighting::{SOURCES, Sighting};
use crate::receipt::is_carrier_id;
use crate::receipt::notation::{Base, Case, Digits, Notation, Stored, Strip};
use crate::receipt::privacy::has_number;
use crate::receipt::status::Status;
use crate::store::StoreError;
use crate::store::studies::Studies;

/// Ids of one question: some hundredths of a second.
const ASKED_MAX: usize = 2_000;
/// Receipts whose neighbours among the messages are looked at.
const NEIGHBOURS_OF: usize = 20;
const STEPS: u32 = 100;
const STORED_MAX: u32 = 200;

/// The messages of one carrier.
pub(super) struct Holders<'a> {
    pub(super) studies: &'a Studies,
    pub(super) carrier: &'a str,
    /// No match is older.
    pub(super) oldest: Timestamp,
}

impl Messages for Holders<'_> {
    type Error = StoreError;

    async fn find(&mut self, ids: &[String]) -> Result<Vec<(usize, Found)>, StoreError> {
        let mut found = Vec::new();
        for (chunk, ids) in ids.chunks(ASKED_MAX).enumerate() {
            let holders = self.studies.holders(self.carrier, self.oldest, ids);
            found.extend(holders.await?.into_iter().map(|holder| {
                let status = Status::from_stored(&holder.status);
                let found = Found {
                    message: holder.message,
                    account: holder.account,
                    created_at: holder.created_at,
                    is_final: status.is_some_and(Status::is_final),
                };
                (chunk * ASKED_MAX + holder.key, found)
            }));
        }
        Ok(found)
    }
}

impl Holders<'_> {
    /// Some ids that the orchestrator has of this carrier: neighbours of those that receipts name,
    /// and whatever comes first behind each beginning. There may be none to be found so.
    pub(super) async fn stored_ids(
        &self,
        sightings: &[Sighting],
    ) -> Result<Vec<String>, StoreError> {
        let near = sightings.iter().take(NEIGHBOURS_OF);
        let near = near.flat_map(|sighting| {
            let written = SOURCES.into_iter().filter_map(|it| sighting.written(it));
            written.flat_map(spellings)
        });
        let characters = ('0'..='9').chain('A'..='Z').chain('a'..='z');
        let numbers = (0..100).map(|number| format!("{number:02}"));
        let places: Vec<String> = near
            .chain(characters.map(String::from))
            .chain(numbers)
            .collect();
        let studies = self.studies;
        let ids = studies.stored_ids(self.carrier, self.oldest, &places, STEPS, STORED_MAX);
        match ids.await {
            Ok(mut ids) => {
                ids.sort_unstable();
                Ok(ids)
            }
            // Over a slow view, say: then the widths in common use have to do.
            Err(StoreError::Unavailable(_)) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Why nothing was found for receipts that were looked for under these ids.
    pub(super) async fn unfound(&self, looked_for: &[Ids]) -> Result<Unfound, StoreError> {
        let ids: Vec<String> = looked_for.iter().flatten().cloned().collect();
        let of: Vec<usize> = (looked_for.iter().enumerate())
            .flat_map(|(receipt, ids)| std::iter::repeat_n(receipt, ids.len()))
            .collect();
        let mut too_old = vec![false; looked_for.len()];
        let mut of_carrier = vec![None; looked_for.len()];
        for (chunk, ids) in ids.chunks(ASKED_MAX).enumerate() {
            for found in self.studies.elsewhere(ids).await? {
                let receipt = of[chunk * ASKED_MAX + found.key];
                if found.carrier.as_deref() == Some(self.carrier) {
                    too_old[receipt] |= found.created_at <= self.oldest;
                } else {
                    // The orchestrator's texts are not ours to show, unless they are what we know.
                    let named = found
                        .carrier
                        .filter(|it| is_carrier_id(it) && !has_number(it));
                    of_carrier[receipt] = Some(named.unwrap_or_else(|| "(another)".to_owned()));
                }
            }
        }
        let mut unfound = Unfound {
            receipts: looked_for.len(),
            ..Unfound::default()
        };
        for (too_old, carrier) in too_old.into_iter().zip(of_carrier) {
            match carrier {
                _ if too_old => unfound.too_old += 1,
                Some(carrier) => *unfound.of_carriers.entry(carrier).or_default() += 1,
                None => {}
            }
        }
        Ok(unfound)
    }
}

/// An id as it stands, and as a number of either base in the other.
fn spellings(id: &str) -> Vec<String> {
    let convert = |base, digits| {
        let notation = Notation::Number {
            strip: Strip::default(),
            base,
            stored: Stored {
                digits,
                width: 1,
                prefix: "".into(),
                suffix: "".into(),
            },
        };
        notation.key(id).map(std::borrow::Cow::into_owned)
    };
    let converted = [
        convert(Base::Decimal, Digits::Hex(Case::Lower)),
        convert(Base::Decimal, Digits::Hex(Case::Upper)),
        convert(Base::Hex, Digits::Decimal),
        convert(Base::Decimal, Digits::Decimal),
    ];
    let converted = converted.into_iter().flatten();
    converted.chain([id.to_owned()]).collect()
}
