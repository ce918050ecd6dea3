//! The one way of writing that explains the parked receipts.

use std::ops::Range;

use jiff::Timestamp;

use super::answers::Outcome;
use super::evidence::Evidence;
use super::rules::Rules;
use super::sighting::Sighting;
use super::trial::{Plan, Tried, plans};

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
