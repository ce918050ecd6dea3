//! The one way of writing that explains the parked receipts, and what may speak against it.

use std::ops::Range;

use jiff::Timestamp;
use serde::Serialize;

use super::answers::Outcome;
use super::rules::Rules;
use super::sighting::Sighting;
use super::trial::{Plan, Tried, plans};

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

/// The reading that finds the most for the least change.
pub(super) struct Best {
    pub(super) plan: Plan,
    pub(super) evidence: Evidence,
    /// The rival's rules, if there is one.
    pub(super) rival: Option<Rules>,
}

/// What another change has to bring, in receipts, to be worth it.
fn price(studied: usize) -> usize {
    (studied / 100).max(1)
}

/// What the rules in force come to, and what is better.
pub(super) struct Ranking {
    pub(super) matching_now: usize,
    /// `None` if nothing finds more than the rules in force.
    pub(super) other: Option<Best>,
}

pub(super) fn best(tried: &[Tried], sightings: &[Sighting], in_force: &Rules) -> Ranking {
    let plans = plans(tried, in_force);
    let present = plans.iter().find(|plan| plan.rules == *in_force);
    let now: Vec<Option<Outcome>> = (0..sightings.len())
        .map(|at| present?.outcome(tried, at))
        .collect();
    let matches = |it: &&Option<Outcome>| matches!(it, Some(Outcome::Match(_)));
    Ranking {
        matching_now: now.iter().filter(matches).count(),
        other: better(&plans, tried, sightings, in_force, &now),
    }
}

fn better(
    plans: &[Plan],
    tried: &[Tried],
    sightings: &[Sighting],
    in_force: &Rules,
    now: &[Option<Outcome>],
) -> Option<Best> {
    let judged = plans.iter().map(|plan| {
        let evidence = evidence(plan, tried, sightings, now);
        let costs = price(evidence.counts.studied) * plan.rules.changes(in_force);
        let against = evidence.counts.ambiguous + evidence.counts.contradicting;
        let gain = evidence.gained.cast_signed() - (evidence.lost + costs).cast_signed();
        ((gain, -against.cast_signed()), plan, evidence)
    });
    // Of equals the first, which changes the least.
    let (_, plan, evidence) = judged
        .filter(|((gain, _), ..)| *gain > 0)
        .reduce(|best, next| if next.0 > best.0 { next } else { best })?;
    let mut best = Best {
        plan: plan.clone(),
        evidence,
        rival: None,
    };
    best.find_rival(tried, in_force);
    Some(best)
}

fn evidence(
    plan: &Plan,
    tried: &[Tried],
    sightings: &[Sighting],
    now: &[Option<Outcome>],
) -> Evidence {
    let mut evidence = Evidence::default();
    for (at, (sighting, now)) in sightings.iter().zip(now).enumerate() {
        let outcome = plan.outcome(tried, at);
        evidence.counts.add(outcome);
        let matches_now = matches!(now, Some(Outcome::Match(_)));
        evidence.matching_now += usize::from(matches_now);
        evidence.lost += usize::from(matches_now && outcome != *now);
        if let Some(Outcome::Match(found)) = outcome {
            evidence.gained += usize::from(!matches_now);
            evidence.confirmed += usize::from(sighting.message_id == Some(found.message));
            evidence.sent_later += usize::from(found.was_sent_after(sighting));
            evidence.final_already += usize::from(found.is_final);
        }
    }
    evidence
}

impl Best {
    /// The other way to read any one source that finds the most other messages for the receipts
    /// that this one matches.
    fn find_rival(&mut self, tried: &[Tried], in_force: &Rules) {
        for other in tried {
            let finds_another = |at: &usize| {
                let ours = self.plan.outcome(tried, *at);
                match (ours, other.outcomes[*at]) {
                    (Some(Outcome::Match(ours)), Some(Outcome::Match(theirs))) => {
                        ours.message != theirs.message
                    }
                    _ => false,
                }
            };
            let found = (0..other.outcomes.len()).filter(finds_another).count();
            if found > self.evidence.rival {
                let mut rules = in_force.clone();
                *rules.source_mut(other.column.source) = other.column.way.rule.clone();
                rules.stored = other.column.way.stored.clone();
                self.evidence.rival = found;
                self.rival = Some(rules);
            }
        }
    }

    /// From when the receipts are that it matches, without the first and the last twentieth: there
    /// are always some that match by another rule, or late.
    pub(super) fn span(&self, tried: &[Tried], sightings: &[Sighting]) -> Option<Range<Timestamp>> {
        let is_match =
            |at: &usize| matches!(self.plan.outcome(tried, *at), Some(Outcome::Match(_)));
        let matched = (0..sightings.len()).filter(is_match);
        let mut came: Vec<Timestamp> = matched.map(|at| sightings[at].came_at).collect();
        came.sort_unstable();
        let cut = came.len() / 20;
        let (first, last) = (came.get(cut)?, came.get(came.len() - 1 - cut)?);
        Some(*first..*last)
    }

    /// The ids by which it matches.
    pub(super) fn matching_ids<'a>(&self, tried: &'a [Tried]) -> Vec<&'a str> {
        let receipts = tried.first().map_or(0, |tried| tried.outcomes.len());
        (0..receipts)
            .filter(|at| matches!(self.plan.outcome(tried, *at), Some(Outcome::Match(_))))
            .filter_map(|at| self.plan.id(tried, at))
            .collect()
    }
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
