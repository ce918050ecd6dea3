//! From parked receipts to the way of writing that explains them: which questions are asked of the
//! messages, and in which order.

use std::collections::BTreeSet;
use std::ops::Range;

use jiff::Timestamp;

use super::answers::{Answers, Found, Outcome};
use super::choice::{Best, best};
use super::decoys::decoys;
use super::evidence::Evidence;
use super::hypotheses::{Way, ways};
use super::rules::Rules;
use super::sighting::{SOURCES, Sighting};
use super::trial::{Column, Tried, survivors, wanted};
use crate::receipt::sources::IdSource;

/// Receipts on which every way is tried. Of a way that matches half of all receipts, at least two
/// of these match, but for one time in ten thousand million.
const PILOT: usize = 40;

/// Made-up ids that are looked for.
const DECOYS: usize = 200;

/// Where messages are looked up: at most two of each id.
pub(super) trait Messages {
    type Error;

    /// What is found, each with the place of its id among those asked for.
    fn find(
        &mut self,
        ids: &[String],
    ) -> impl Future<Output = Result<Vec<(usize, Found)>, Self::Error>>;
}

/// The ids under which a receipt was looked for, and nothing was found.
pub(super) type Unfound = Vec<String>;

/// What an inquiry comes to.
pub(super) struct Findings {
    /// How many match by the rules in force.
    pub(super) matching_now: usize,
    pub(super) rules: Option<(Rules, Evidence)>,
    /// The rules of the likeliest other reading.
    pub(super) rival: Option<Rules>,
    /// From when those are that would match: most of them.
    pub(super) span: Option<Range<Timestamp>>,
    /// Receipts whose id is no message's in any way of writing that was tried.
    pub(super) unfound: Vec<Unfound>,
}

/// `sightings` are in no order; `stored_ids` are some ids that the orchestrator has of the carrier.
pub(super) async fn inquire<M: Messages>(
    in_force: &Rules,
    sightings: &[Sighting],
    stored_ids: &[String],
    messages: &mut M,
) -> Result<Findings, M::Error> {
    let mut answers = Answers::default();
    let pilot = &sightings[..sightings.len().min(PILOT)];
    let all = SOURCES.into_iter().flat_map(|source| {
        let ways = ways(source, in_force, pilot, stored_ids);
        ways.into_iter().map(move |way| (source, way))
    });
    let tried = attempt(all, pilot, &mut answers, messages).await?;
    let left = survivors(&tried, in_force);
    let tried = attempt(left, sightings, &mut answers, messages).await?;
    let best = best(&tried, sightings, in_force);
    let mut findings = Findings {
        matching_now: best.matching_now,
        rules: None,
        rival: None,
        span: None,
        unfound: unfound(&tried, sightings.len()),
    };
    if let Some(mut best) = best.other {
        control(&mut best, &tried, &mut answers, messages).await?;
        findings.span = best.span(&tried, sightings);
        findings.rival = best.rival;
        findings.rules = Some((best.plan.rules, best.evidence));
    }
    Ok(findings)
}

fn unfound(tried: &[Tried], receipts: usize) -> Vec<Unfound> {
    let is_unfound = |at: &usize| {
        let mut outcomes = tried.iter().filter_map(|tried| tried.outcomes[*at]);
        outcomes.all(Outcome::is_no_message)
    };
    let ids = |at: usize| {
        let ids = tried
            .iter()
            .filter_map(|tried| tried.column.ids[at].as_deref());
        let ids: BTreeSet<&str> = ids.collect();
        ids.into_iter().map(str::to_owned).collect()
    };
    (0..receipts).filter(is_unfound).map(ids).collect()
}

/// Tries ways on receipts, with answers that are there or are asked for.
async fn attempt<M: Messages>(
    ways: impl IntoIterator<Item = (IdSource, Way)>,
    sightings: &[Sighting],
    answers: &mut Answers,
    messages: &mut M,
) -> Result<Vec<Tried>, M::Error> {
    let ways = ways.into_iter();
    let columns: Vec<Column> = ways
        .map(|(source, way)| Column::new(source, way, sightings))
        .collect();
    ask(answers, wanted(&columns), messages).await?;
    let columns = columns.into_iter();
    Ok(columns
        .map(|column| column.answered(sightings, answers))
        .collect())
}

/// Looks for ids that nobody gave to anything, unless they are somebody's all the same.
async fn control<M: Messages>(
    best: &mut Best,
    tried: &[Tried],
    answers: &mut Answers,
    messages: &mut M,
) -> Result<(), M::Error> {
    const SEED: u64 = 0x646c_7200;
    let made_up = decoys(&best.matching_ids(tried), DECOYS, SEED);
    ask(answers, made_up.iter().cloned(), messages).await?;
    best.evidence.decoys = made_up.len();
    let found = made_up.iter().filter(|decoy| answers.has(decoy));
    best.evidence.decoys_found = found.count();
    Ok(())
}

async fn ask<M: Messages>(
    answers: &mut Answers,
    ids: impl IntoIterator<Item = String>,
    messages: &mut M,
) -> Result<(), M::Error> {
    let unknown = answers.unknown(ids);
    let found = messages.find(&unknown).await?;
    answers.learn(unknown, found);
    Ok(())
}

#[cfg(test)]
mod tests;
