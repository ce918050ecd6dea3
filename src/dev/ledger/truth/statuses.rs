//! The final status of every message, against the highest that its receipts reported.

use std::pin::pin;

use futures_util::StreamExt;
use tokio_postgres::Client;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::{ROW, STEPS, TOLD, Told, WRONG};
use crate::dev::ledger::{LedgerError, Sample};
use crate::dev::scenario::Scenario;

const STATUSES: &str = "SELECT id, status FROM orch.sms_messages";

/// Examples are numbers of stories.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Statuses {
    pub right: u64,
    pub wrong: Sample,
}

impl Statuses {
    pub(super) async fn compare(
        database: &Client,
        scenario: &Scenario,
        told: &mut Told,
    ) -> Result<Self, LedgerError> {
        let mut statuses = Self::default();
        let none: [&(dyn ToSql + Sync); 0] = [];
        let mut rows = pin!(database.query_raw(STATUSES, none).await?);
        while let Some(row) = rows.next().await {
            let row = row?;
            if let Some(number) = scenario.number_of(row.try_get::<_, Uuid>(0)?) {
                statuses.see(number, row.try_get(1)?, scenario, told);
            }
        }
        statuses.close(scenario, told);
        Ok(statuses)
    }

    fn see(&mut self, number: u64, status: &str, scenario: &Scenario, told: &mut Told) {
        let marks = told.known(number);
        let steps = marks.as_ref().map_or(0, |marks| **marks & STEPS);
        let is_right = status == scenario.story(number).status_after(steps);
        if is_right {
            self.right += 1;
        } else {
            self.wrong.add(number);
        }
        if let Some(marks) = marks {
            *marks |= ROW | if is_right { 0 } else { WRONG };
        }
    }

    /// A message that should be there and is not has the wrong status, too.
    fn close(&mut self, scenario: &Scenario, told: &mut Told) {
        for (number, marks) in (0..).zip(&mut told.0) {
            let is_due = *marks & TOLD != 0 && scenario.story(number).has_row();
            if is_due && *marks & ROW == 0 {
                *marks |= WRONG;
                self.wrong.add(number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dev::scenario::{Kind, Shares};

    fn scenario() -> Scenario {
        let shares = Shares {
            duplicates: 0.0,
            early: 0.0,
            late: 0.0,
            out_of_order: 0.0,
            unknown_words: 0.0,
            notation_fault: 0.0,
            unmatched: 0.0,
            invalid: 0.0,
        };
        Scenario::new(3, "2026-11-21T12:00:00Z".parse().unwrap(), 100.0, shares).unwrap()
    }

    fn corrected() -> u64 {
        (0..1_000)
            .find(|&number| scenario().story(number).kind == Kind::Corrected)
            .unwrap()
    }

    #[test]
    fn a_status_has_to_be_that_of_the_receipts_that_arrived() {
        let number = corrected();
        for (marks, status, wrong) in [
            (TOLD | 0b01, "failed", 0),
            (TOLD | 0b11, "delivered", 0),
            (TOLD | 0b11, "failed", 1),
            (TOLD, "delivered", 1),
        ] {
            let (mut told, mut statuses) = (Told::default(), Statuses::default());
            *told.of(number) = marks;
            statuses.see(number, status, &scenario(), &mut told);
            statuses.close(&scenario(), &mut told);
            assert_eq!(statuses.wrong.count, wrong, "{marks:b} {status}");
            assert_eq!(*told.of(number) & WRONG != 0, wrong > 0);
        }
    }

    #[test]
    fn a_message_nobody_told_of_is_as_it_was_sent() {
        let (mut told, mut statuses) = (Told::default(), Statuses::default());
        statuses.see(7, "sent", &scenario(), &mut told);
        statuses.see(8, "failed", &scenario(), &mut told);
        assert_eq!((statuses.right, statuses.wrong.first), (1, vec![8]));
    }

    #[test]
    fn a_message_without_its_row_is_wrong() {
        let (mut told, mut statuses) = (Told::default(), Statuses::default());
        *told.of(corrected()) = TOLD | 0b11;
        statuses.close(&scenario(), &mut told);
        assert_eq!(statuses.wrong.first, [corrected()]);
    }
}
