//! What speaks for a way of reading, and what speaks against proposing it.

use serde::Serialize;

use super::answers::Outcome;

/// Receipts that a proposal has to match at least.
pub const MATCHES_MIN: usize = 20;

/// Percent of the receipts that match nothing now.
pub const SHARE_MIN: usize = 50;

/// Percent of what it matches that another reading may match otherwise.
const RIVAL_MAX: usize = 10;

/// Percent of what it finds that may be ambiguous or contradict the receipt.
const AGAINST_MAX: usize = 10;

/// Percent of its matches that may have been sent after the receipt came.
const LATER_MAX: usize = 10;

/// Percent of its matches that may have their final status already.
const FINAL_MAX: usize = 50;

/// Percent of what it matches that made-up ids of the same shape may find.
const CHANCE_MAX: usize = 20;

/// Percent of the receipts it would match that it may lose of those that match today.
const LOST_MAX: usize = 5;

/// What a reading comes to for the receipts that were studied. They add up to `studied`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    pub studied: usize,
    /// Would match.
    pub matched: usize,
    pub ambiguous: usize,
    /// Name another account or message than the one they would match.
    pub contradicting: usize,
    pub no_message: usize,
    /// Are not written as the reading says.
    pub not_in_notation: usize,
}

impl Counts {
    pub(super) fn add(&mut self, outcome: Option<Outcome>) {
        self.studied += 1;
        *match outcome {
            Some(Outcome::Match(_)) => &mut self.matched,
            Some(Outcome::Ambiguous) => &mut self.ambiguous,
            Some(Outcome::Contradiction) => &mut self.contradicting,
            Some(Outcome::NoMessage) => &mut self.no_message,
            None => &mut self.not_in_notation,
        } += 1;
    }
}

/// Whether that many matches are enough of that many receipts that match nothing now.
pub(super) fn is_enough(gained: usize, stuck: usize) -> bool {
    gained >= MATCHES_MIN && gained * 100 >= stuck * SHARE_MIN
}

/// What the best reading has to show, over the sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    #[serde(flatten)]
    pub counts: Counts,
    /// Match as they are read now: the sweeper will find them.
    pub matching_now: usize,
    /// Would match, and do not now.
    pub gained: usize,
    /// Match now, and would not any more, or another message.
    pub lost: usize,
    /// Name the very message they would match.
    pub confirmed: usize,
    /// Would match a message that was sent after they came.
    pub sent_later: usize,
    /// Would match a message that has its final status.
    pub final_already: usize,
    /// Would match other messages by the likeliest other reading.
    pub rival: usize,
    pub decoys: usize,
    /// Made-up ids of the same shape that some message carries.
    pub decoys_found: usize,
    /// In some stretches of the time from which they are: receipts that were parked, receipts that
    /// matched as it is now, and how many of those would not have.
    pub parked_today: usize,
    pub matched_today: usize,
    pub lost_today: usize,
    /// Of the receipts that matched in the last 24 hours: those that were looked at, and how many of
    /// them would match no more, or another message.
    pub matched_lately: usize,
    pub lost_lately: usize,
    /// Whether all that matched in that time were looked through for them.
    pub lately_complete: bool,
}

/// Why nothing is proposed although something would match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "camelCase")]
pub enum Refusal {
    #[error("too few for a proposal, which needs {MATCHES_MIN} receipts and {SHARE_MIN} %")]
    TooFew,
    #[error("another reading finds other messages for them: which one is right cannot be told")]
    Tie,
    #[error("too many of them would be ambiguous or contradict their account or message")]
    Contradicted,
    #[error("the messages were sent after the receipts came")]
    SentLater,
    #[error("the messages have their final status already")]
    FinalAlready,
    #[error("ids made up at random match too: it may be chance")]
    Chance,
    #[error("receipts that match today would match no more: the carrier writes ids in two ways")]
    BreaksOthers,
}

impl Evidence {
    /// Everything that speaks against proposing it.
    pub(super) fn refusals(&self) -> Vec<Refusal> {
        let Counts {
            studied,
            matched,
            ambiguous,
            contradicting,
            ..
        } = self.counts;
        let against = ambiguous + contradicting;
        let stuck = studied - self.matching_now;
        let exceeds = |part: usize, percent: usize, whole: usize| part * 100 > percent * whole;
        let speaks = [
            (Refusal::TooFew, !is_enough(self.gained, stuck)),
            (Refusal::Tie, exceeds(self.rival, RIVAL_MAX, matched)),
            (
                Refusal::Chance,
                exceeds(
                    self.decoys_found * studied,
                    CHANCE_MAX,
                    matched * self.decoys,
                ),
            ),
            (
                Refusal::Contradicted,
                exceeds(against, AGAINST_MAX, matched + against),
            ),
            (
                Refusal::SentLater,
                exceeds(self.sent_later, LATER_MAX, matched),
            ),
            (
                Refusal::FinalAlready,
                exceeds(self.final_already, FINAL_MAX, matched),
            ),
            (
                Refusal::BreaksOthers,
                exceeds(self.lost, LOST_MAX, self.gained)
                    // Both of the same stretches of time.
                    || exceeds(self.lost_today * studied, LOST_MAX, self.parked_today * self.gained),
            ),
        ];
        let against = speaks.into_iter().filter(|(_, speaks)| *speaks);
        against.map(|(refusal, _)| refusal).collect()
    }
}
