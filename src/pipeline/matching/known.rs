//! What earlier deliveries of a batch's envelopes left behind: their dispositions stand.

use std::collections::{HashMap, HashSet};

use super::rows::Sealing;
use super::{Disposition, Outcome, Telling};
use crate::pipeline::envelope::Item;
use crate::pipeline::settle::Settlement;
use crate::receipt::ids::RowKey;
use crate::store::parked::StoredParked;
use crate::store::receipts::StoredReceipt;
use crate::store::{Session, StoreError};

#[derive(Default)]
pub(super) struct Known {
    parked: HashMap<u64, StoredParked>,
    rejected: HashSet<u64>,
    receipts: HashMap<u64, StoredReceipt>,
}

impl Known {
    pub(super) async fn find(session: &Session, keys: &[RowKey]) -> Result<Self, StoreError> {
        let (parked, rejected, receipts) = tokio::try_join!(
            session.find_parked(keys),
            session.find_rejected(keys),
            session.find_receipts(keys),
        )?;
        Ok(Self {
            parked: parked
                .into_iter()
                .map(|row| (row.sequence().cast_unsigned(), row))
                .collect(),
            rejected: rejected.into_iter().map(i64::cast_unsigned).collect(),
            receipts: receipts
                .into_iter()
                .map(|row| (row.sequence().cast_unsigned(), row))
                .collect(),
        })
    }

    pub(super) fn has(&self, item: &Item) -> bool {
        let sequence = &item.envelope.identity.sequence;
        self.parked.contains_key(sequence)
            || self.rejected.contains(sequence)
            || self.receipts.contains_key(sequence)
    }

    /// The same end again, with the same events. An envelope may have more rows than one, and the
    /// first in this order is its disposition: what was rejected may have been parked by a re-drive,
    /// and either may have been matched late.
    pub(super) fn outcome(
        &self,
        item: &Item,
        telling: &mut Telling<'_>,
        sealing: &Sealing,
    ) -> Option<Result<Outcome, StoreError>> {
        let sequence = &item.envelope.identity.sequence;
        let mut settlement = Settlement::Acknowledge;
        if self.rejected.contains(sequence) {
            let reason = item.reading.as_ref().err().map(ToString::to_string);
            settlement = Settlement::Terminate(reason.unwrap_or_else(|| "rejected".to_owned()));
        } else if let Some(parked) = self.parked.get(sequence) {
            telling.of_parked(&parked.parked());
        } else {
            let receipt = self.receipts.get(sequence)?;
            // One that was only recorded has no events, so its id need not be opened.
            if receipt.is_applied() {
                let id = match sealing.operator_message_id(receipt) {
                    Ok(id) => id,
                    Err(error) => return Some(Err(error)),
                };
                telling.of_decision(&receipt.decision(&id));
            }
        }
        Some(Ok(Outcome {
            settlement,
            disposition: Disposition::Repeated,
        }))
    }
}
