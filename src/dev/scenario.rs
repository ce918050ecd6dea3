//! What the simulated carriers report, and with it the truth that the ledger judges by.
//!
//! Everything here is a pure function of a seed and a message's number: publisher, table filler and
//! ledger each ask again for what they need, so an endless run keeps no list of its messages.

mod carriers;
mod payload;
mod schedule;
mod shares;
mod story;

use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

pub use carriers::{Carrier, DECIMAL, DECIMAL_PROFILE, DIRECT, Door, UNTOLD, Writing};
use carriers::{Ids, NORTHWIND, TAILSPIN};
pub use schedule::{Planned, Schedule};
use shares::Weights;
pub use shares::{Shares, SharesError};
pub use story::{Disposition, Fate, Kind, Story};

/// All stories of a run.
#[derive(Debug, Clone)]
pub struct Scenario {
    seed: u64,
    epoch: Timestamp,
    /// Receipts a second.
    rate: f64,
    weights: Weights,
}

impl Scenario {
    pub fn new(
        seed: u64,
        epoch: Timestamp,
        rate: f64,
        shares: Shares,
    ) -> Result<Self, SharesError> {
        Ok(Self {
            seed,
            epoch,
            rate,
            weights: shares.weights()?,
        })
    }

    pub fn rate(&self) -> f64 {
        self.rate
    }

    pub fn story(&self, number: u64) -> Story {
        let seed = mix(self.seed ^ mix(number));
        let mut dice = fastrand::Rng::with_seed(seed);
        let kind = self.kind(dice.f64());
        let carrier = match (kind, dice.u8(0..10)) {
            (Kind::NotationFault, _) => &UNTOLD,
            // So that not all that the diagnosis looks at can be explained.
            (Kind::Unmatched, 0) if self.has_notation_fault() => &UNTOLD,
            (_, 0..4) => &DIRECT,
            (_, 4..6) => &NORTHWIND,
            (_, 6..8) => &TAILSPIN,
            _ => &DECIMAL,
        };
        let account = dice.u64(1..=20);
        let submitted_before = dice.i64(2_000..30_000);
        Story {
            number,
            kind,
            carrier,
            message_id: self.message_id(number),
            account_id: Uuid::from_u64_pair(mix(self.seed) & !0xf000 | 0x8000, 1 << 63 | account),
            operator_message_id: match carrier.ids {
                Ids::Long => format!("{:016x}", mix(number ^ self.seed)),
                Ids::Numbers => format!("{:x}", mix_short(number ^ self.seed)),
            },
            submitted_at: self.began(number)
                - Duration::from_millis(submitted_before.unsigned_abs()),
            seed,
        }
    }

    fn has_notation_fault(&self) -> bool {
        let (kind, weight) = self.weights[Kind::NotationFault as usize];
        kind == Kind::NotationFault && weight > 0.0
    }

    /// Message ids carry the number of their story, so that the ledger needs no table of them.
    fn message_id(&self, number: u64) -> Uuid {
        Uuid::from_u64_pair(mix(!self.seed) & !0xf000 | 0x8000, 1 << 63 | number)
    }

    /// The story of a message, if it is one of this scenario's.
    pub fn number_of(&self, message_id: Uuid) -> Option<u64> {
        let number = message_id.as_u64_pair().1 & !(1 << 63);
        (self.message_id(number) == message_id).then_some(number)
    }

    /// Roughly when story `number` begins, for the dates in its receipts.
    fn began(&self, number: u64) -> Timestamp {
        #[expect(clippy::cast_precision_loss, reason = "a date in a simulated receipt")]
        let seconds = number as f64 / self.stories_per_second();
        self.epoch + Duration::from_secs_f64(seconds)
    }

    /// Stories that begin each second: fewer than receipts, as some have two.
    pub fn stories_per_second(&self) -> f64 {
        self.rate * self.weights.iter().map(|(_, weight)| weight).sum::<f64>() / 100.0
    }

    fn kind(&self, dice: f64) -> Kind {
        let total: f64 = self.weights.iter().map(|(_, weight)| weight).sum();
        let mut rest = dice * total;
        for (kind, weight) in self.weights {
            if rest < weight {
                return kind;
            }
            rest -= weight;
        }
        Kind::Delivered
    }
}

/// A bijection on 64 bits that looks random (the finalizer of splitmix64).
fn mix(mut value: u64) -> u64 {
    value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// The same on the lower 32 bits (the finalizer of murmur3): no two of some milliards are alike.
fn mix_short(value: u64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "no run has so many messages"
    )]
    let mut value = value as u32;
    value = (value ^ (value >> 16)).wrapping_mul(0x85eb_ca6b);
    value = (value ^ (value >> 13)).wrapping_mul(0xc2b2_ae35);
    value ^ (value >> 16)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    pub(super) const SHARES: Shares = Shares {
        duplicates: 3.0,
        early: 2.0,
        late: 2.0,
        out_of_order: 2.0,
        unknown_words: 1.0,
        notation_fault: 3.0,
        unmatched: 2.0,
        invalid: 2.0,
    };

    pub(super) fn scenario() -> Scenario {
        let epoch = "2026-11-21T12:00:00Z".parse().unwrap();
        Scenario::new(7, epoch, 1_000.0, SHARES).unwrap()
    }

    #[test]
    fn the_same_seed_tells_the_same_story() {
        for number in [0, 1, 99_999] {
            let (one, other) = (scenario().story(number), scenario().story(number));
            assert_eq!(format!("{one:?}"), format!("{other:?}"));
        }
    }

    #[test]
    fn a_message_id_leads_back_to_its_story_and_a_foreign_one_to_none() {
        let scenario = scenario();
        for number in [0, 1, 12_345, 1 << 40] {
            assert_eq!(
                scenario.number_of(scenario.story(number).message_id),
                Some(number)
            );
        }
        assert_eq!(scenario.number_of(Uuid::nil()), None);
        let message = scenario.story(1).message_id;
        let other = Scenario {
            seed: 8,
            ..scenario
        };
        assert_eq!(other.number_of(message), None);
    }

    #[test]
    fn every_odd_share_is_a_share_of_all_receipts() {
        let scenario = scenario();
        let mut receipts = 0_f64;
        let mut stories: HashMap<String, f64> = HashMap::new();
        for number in 0..100_000 {
            let story = scenario.story(number);
            receipts += f64::from(story.steps());
            *stories.entry(format!("{:?}", story.kind)).or_default() += 1.0;
        }
        for (kind, percent) in [
            ("Duplicate", 3.0),
            ("Early", 2.0),
            ("Late", 2.0),
            ("OutOfOrder", 2.0),
            ("UnknownWord", 1.0),
            ("NotationFault", 3.0),
            ("Unmatched", 2.0),
            ("Invalid", 2.0),
        ] {
            let found = stories[kind] / receipts * 100.0;
            assert!(
                (found - percent).abs() < 0.2,
                "{kind}: {found} % of receipts"
            );
        }
        let per_receipt = 100_000.0 / receipts;
        let promised = scenario.stories_per_second() / scenario.rate();
        assert!(
            (per_receipt - promised).abs() < 0.01,
            "{per_receipt} {promised}"
        );
    }

    #[test]
    fn shares_that_leave_no_ordinary_receipts_are_refused() {
        let all = |percent| Shares {
            duplicates: percent,
            ..SHARES
        };
        assert_eq!(all(43.0).weights().err(), Some(SharesError::TooMuch));
        assert_eq!(all(-1.0).weights().err(), Some(SharesError::OutOfRange));
        assert!(all(41.0).weights().is_ok());
    }

    #[test]
    fn the_truth_is_the_highest_status_among_the_receipts_that_arrived() {
        let scenario = scenario();
        let story = |kind| {
            (0..1_000)
                .map(|n| scenario.story(n))
                .find(|s| s.kind == kind)
                .unwrap()
        };
        assert_eq!(story(Kind::Corrected).status_after(0b00), "sent");
        assert_eq!(story(Kind::Corrected).status_after(0b01), "failed");
        assert_eq!(story(Kind::Corrected).status_after(0b11), "delivered");
        assert_eq!(story(Kind::OutOfOrder).status_after(0b10), "in_transit");
        assert_eq!(story(Kind::OutOfOrder).status_after(0b11), "delivered");
    }
}
