//! The simulator knows how it should have come out.

mod fates;
mod statuses;

use tokio_postgres::Client;

pub use self::fates::Fates;
pub use self::statuses::Statuses;
use super::LedgerError;
use super::books::Books;
use super::handled::Handled;
use crate::dev::scenario::{Fate, Scenario};
use crate::dev::traffic::Published;

/// What was found, against what the scenario meant.
#[derive(Debug, Default)]
pub(super) struct Truth {
    pub(super) fates: Fates,
    pub(super) statuses: Statuses,
    pub(super) handled: Handled,
}

impl Truth {
    /// `repaired` says whether the planted notation fault was found and a profile written for it.
    pub(super) async fn compare(
        database: &Client,
        books: &Books,
        scenario: &Scenario,
        published: &Published,
        repaired: bool,
    ) -> Result<Self, LedgerError> {
        let mut truth = Self {
            handled: Handled::new(repaired),
            ..Self::default()
        };
        let mut told = Told::default();
        for receipt in &published.confirmed {
            let story = scenario.story(receipt.story);
            let found = books.fate(receipt.sequence);
            let well = truth.fates.judge(receipt, &story, found, repaired);
            truth.handled.receipt(&story, receipt.step, well);
            let marks = told.of(receipt.story);
            *marks |= TOLD;
            if matches!(found, Some(Fate::Applied | Fate::Recorded | Fate::Matched)) {
                *marks |= 1 << receipt.step;
            }
            if !well {
                *marks |= WRONG;
            }
        }
        truth.statuses = Statuses::compare(database, scenario, &mut told).await?;
        for (number, marks) in (0..).zip(&told.0).filter(|(_, marks)| *marks & TOLD != 0) {
            let kind = scenario.story(number).kind;
            truth.handled.message(kind, marks & WRONG == 0);
        }
        Ok(truth)
    }
}

/// What is known of each story, in a byte, so that a long run stays small: the steps whose receipts
/// have arrived at the message, a bit each, and the marks below.
#[derive(Debug, Default)]
struct Told(Vec<u8>);

const STEPS: u8 = 0b1111;
/// A receipt about it was confirmed.
const TOLD: u8 = 1 << 4;
/// The message's row was found.
const ROW: u8 = 1 << 5;
/// Something has come out otherwise than meant.
const WRONG: u8 = 1 << 6;

impl Told {
    fn of(&mut self, story: u64) -> &mut u8 {
        let story = usize::try_from(story).unwrap_or(usize::MAX);
        if self.0.len() <= story {
            self.0.resize(story + 1, 0);
        }
        &mut self.0[story]
    }

    /// Nothing about a story of which no receipt was confirmed.
    fn known(&mut self, story: u64) -> Option<&mut u8> {
        self.0.get_mut(usize::try_from(story).ok()?)
    }
}
