//! The simulator knows how it should have come out.

use std::pin::pin;

use futures_util::StreamExt;
use tokio_postgres::Client;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::books::Books;
use super::{LedgerError, Sample};
use crate::dev::scenario::{Disposition, Kind, Scenario};
use crate::dev::traffic::Published;

const STATUSES: &str = "SELECT id, status FROM orch.sms_messages";

/// The dispositions against those the scenario meant.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Fates {
    /// A sound receipt rejected, a broken one not, an unmatched one matched, a matched one parked.
    pub wrong: Sample,
    /// Early receipts that were parked because their row came too late; the sweep matches them.
    pub early_parked: u64,
    /// Applied where recorded was meant or the other way round: receipts of one message that came
    /// in another order, after a repeated publish or a redelivery. The final status tells whether it
    /// did harm.
    pub reordered: u64,
}

impl Fates {
    pub(super) fn compare(books: &Books, scenario: &Scenario, published: &Published) -> Self {
        let mut fates = Self::default();
        for receipt in &published.confirmed {
            let story = scenario.story(receipt.story);
            let meant = story.disposition(receipt.step);
            match books.disposition(receipt.sequence) {
                // Counted where the books are.
                None => {}
                Some(found) if found == meant => {}
                Some(Disposition::Parked) if story.kind == Kind::Early => fates.early_parked += 1,
                Some(found) if is_matched(found) && is_matched(meant) => fates.reordered += 1,
                Some(_) => fates.wrong.add(receipt.sequence),
            }
        }
        fates
    }
}

fn is_matched(disposition: Disposition) -> bool {
    matches!(disposition, Disposition::Applied | Disposition::Recorded)
}

/// The final status of every message against the truth. Examples are numbers of stories.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Statuses {
    pub right: u64,
    pub wrong: Sample,
}

/// The message's row was found.
const ROW: u8 = 1 << 7;

impl Statuses {
    pub(super) async fn compare(
        database: &Client,
        books: &Books,
        scenario: &Scenario,
        published: &Published,
    ) -> Result<Self, LedgerError> {
        let mut seen = Self::arrived(books, published);
        let mut statuses = Self::default();
        let none: [&(dyn ToSql + Sync); 0] = [];
        let mut rows = pin!(database.query_raw(STATUSES, none).await?);
        while let Some(row) = rows.next().await {
            let row = row?;
            let Some(number) = scenario.number_of(row.try_get::<_, Uuid>(0)?) else {
                continue;
            };
            let arrived = usize::try_from(number)
                .ok()
                .and_then(|number| seen.get_mut(number));
            let steps = arrived.map_or(0, |bits| {
                let steps = *bits;
                *bits |= ROW;
                steps
            });
            if row.try_get::<_, &str>(1)? == scenario.story(number).status_after(steps) {
                statuses.right += 1;
            } else {
                statuses.wrong.add(number);
            }
        }
        for (number, bits) in (0..).zip(seen) {
            if bits != 0 && bits & ROW == 0 && scenario.story(number).has_row() {
                statuses.wrong.add(number);
            }
        }
        Ok(statuses)
    }

    /// For each story the steps (a bit each) that arrived and are not parked still.
    fn arrived(books: &Books, published: &Published) -> Vec<u8> {
        let mut seen: Vec<u8> = Vec::new();
        for receipt in &published.confirmed {
            if !books.has_arrived(receipt.sequence) {
                continue;
            }
            let story = usize::try_from(receipt.story).unwrap_or(usize::MAX);
            if seen.len() <= story {
                seen.resize(story + 1, 0);
            }
            seen[story] |= 1 << receipt.step;
        }
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dev::scenario::Shares;
    use crate::dev::traffic::Receipt;

    fn scenario() -> Scenario {
        let shares = Shares {
            duplicates: 5.0,
            early: 5.0,
            out_of_order: 5.0,
            unmatched: 5.0,
            invalid: 5.0,
        };
        Scenario::new(3, "2026-11-21T12:00:00Z".parse().unwrap(), 100.0, shares).unwrap()
    }

    fn story_of(kind: Kind) -> u64 {
        (0..1_000)
            .find(|&number| scenario().story(number).kind == kind)
            .unwrap()
    }

    fn fates(kind: Kind, step: u8, found: Disposition) -> Fates {
        let receipt = Receipt {
            sequence: 1,
            story: story_of(kind),
            step,
        };
        let published = Published {
            confirmed: vec![receipt],
            ..Published::default()
        };
        Fates::compare(&Books::of(1..2, &[(1, found)]), &scenario(), &published)
    }

    #[test]
    fn a_disposition_that_the_scenario_did_not_mean_is_wrong() {
        for (kind, found) in [
            (Kind::Delivered, Disposition::Rejected),
            (Kind::Delivered, Disposition::Parked),
            (Kind::Invalid, Disposition::Applied),
            (Kind::Unmatched, Disposition::Applied),
            (Kind::Unmatched, Disposition::Rejected),
        ] {
            assert_eq!(fates(kind, 0, found).wrong.first, [1], "{kind:?} {found:?}");
        }
        assert_eq!(
            fates(Kind::Unmatched, 0, Disposition::Parked),
            Fates::default()
        );
    }

    #[test]
    fn a_parked_early_receipt_and_another_order_are_no_errors() {
        assert_eq!(fates(Kind::Early, 0, Disposition::Parked).early_parked, 1);
        assert_eq!(
            fates(Kind::OutOfOrder, 1, Disposition::Applied).reordered,
            1
        );
        assert!(fates(Kind::Early, 0, Disposition::Parked).wrong.is_empty());
    }

    #[test]
    fn a_parked_receipt_has_not_arrived_at_its_message() {
        let receipts = [(1, 0), (2, 1)].map(|(sequence, step)| Receipt {
            sequence,
            story: 4,
            step,
        });
        let published = Published {
            confirmed: receipts.to_vec(),
            ..Published::default()
        };
        let books = Books::of(1..3, &[(1, Disposition::Applied), (2, Disposition::Parked)]);
        assert_eq!(Statuses::arrived(&books, &published), [0, 0, 0, 0, 0b01]);
    }
}
