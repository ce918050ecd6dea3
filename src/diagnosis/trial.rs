//! Ways of reading, tried on receipts.

use std::cmp::Reverse;

use super::answers::{Answers, Outcome};
use super::hypotheses::Way;
use super::rules::{Form, Rules, SourceRule, StoredRule};
use super::sighting::{SOURCES, Sighting};
use crate::receipt::sources::IdSource;

/// Readings of one source that are tried beyond the pilot.
const READINGS_MAX: usize = 4;
/// Ways of one reading: the pilot's ids are the same in all of them. Their widths may differ, which
/// shows in shorter numbers only.
const WIDTHS_MAX: usize = 3;
/// Ways of one source that a combination is made of.
const COMBINED_MAX: usize = 4;

/// One way of reading one source, and what it comes to for each receipt.
pub(super) struct Column {
    pub(super) source: IdSource,
    pub(super) way: Way,
    /// The ids to look for; `None` for a receipt without this source, or written otherwise.
    pub(super) ids: Vec<Option<Box<str>>>,
}

/// A column with the answers.
pub(super) struct Tried {
    pub(super) column: Column,
    pub(super) outcomes: Vec<Option<Outcome>>,
}

impl Column {
    pub(super) fn new(source: IdSource, way: Way, sightings: &[Sighting]) -> Self {
        let notation = way.rule.notation(&way.stored);
        let id = |sighting: &Sighting| {
            let key = notation.as_ref()?.key(sighting.written(source)?)?;
            Some(key.into())
        };
        Self {
            source,
            ids: sightings.iter().map(id).collect(),
            way,
        }
    }

    pub(super) fn answered(self, sightings: &[Sighting], answers: &Answers) -> Tried {
        let outcome = |(id, sighting): (&Option<Box<str>>, &Sighting)| {
            id.as_deref().map(|id| answers.outcome(id, sighting))
        };
        Tried {
            outcomes: self.ids.iter().zip(sightings).map(outcome).collect(),
            column: self,
        }
    }
}

/// The ids that columns need answers for.
pub(super) fn wanted(columns: &[Column]) -> impl Iterator<Item = String> {
    let ids = columns
        .iter()
        .flat_map(|column| column.ids.iter().flatten());
    ids.map(ToString::to_string)
}

impl Tried {
    fn matches(&self) -> usize {
        let is_match = |it: &&Option<Outcome>| matches!(it, Some(Outcome::Match(_)));
        self.outcomes.iter().filter(is_match).count()
    }
}

/// The ways that found anything worth mentioning, the best first, behind the one in force.
pub(super) fn survivors(tried: &[Tried], in_force: &Rules) -> Vec<(IdSource, Way)> {
    let mut survivors = Vec::new();
    for source in SOURCES {
        let mut of_source: Vec<&Tried> = tried
            .iter()
            .filter(|tried| tried.column.source == source)
            .collect();
        let Some((present, others)) = of_source.split_first_mut() else {
            continue;
        };
        survivors.push((source, present.column.way.clone()));
        let fewest = (present.outcomes.len() / 20).max(1);
        let mut others: Vec<&Tried> = others
            .iter()
            .copied()
            .filter(|tried| tried.matches() >= fewest)
            .collect();
        others.sort_by_cached_key(|tried| {
            let changed = with_way(in_force, source, &tried.column.way);
            (Reverse(tried.matches()), changed.changes(in_force))
        });
        survivors.extend(distinct(&others).map(|way| (source, way.clone())));
    }
    survivors
}

/// The best of several readings, each in a few widths.
fn distinct<'a>(best_first: &[&'a Tried]) -> impl Iterator<Item = &'a Way> {
    let mut readings: Vec<(&[Option<Box<str>>], usize)> = Vec::new();
    best_first.iter().filter_map(move |tried| {
        let ids = &*tried.column.ids;
        if let Some((_, ways)) = readings.iter_mut().find(|(known, _)| *known == ids) {
            *ways += 1;
            let may_differ = tried.column.way.rule.is_number() && *ways <= WIDTHS_MAX;
            return may_differ.then_some(&tried.column.way);
        }
        if readings.len() == READINGS_MAX {
            return None;
        }
        readings.push((ids, 1));
        Some(&tried.column.way)
    })
}

fn with_way(rules: &Rules, source: IdSource, way: &Way) -> Rules {
    let mut rules = rules.clone();
    *rules.source_mut(source) = way.rule.clone();
    rules.stored = way.stored.clone();
    rules
}

/// A whole set of rules, and for each source the column that says what comes of it.
#[derive(Clone)]
pub(super) struct Plan {
    pub(super) rules: Rules,
    columns: [Option<usize>; 3],
}

/// The rules in force, and every combination of what was tried.
pub(super) fn plans(tried: &[Tried], in_force: &Rules) -> Vec<Plan> {
    let mut stored = vec![in_force.stored.clone()];
    for tried in tried {
        if tried.column.way.rule.is_number() && !stored.contains(&tried.column.way.stored) {
            stored.push(tried.column.way.stored.clone());
        }
    }
    let mut plans = Vec::new();
    for stored in &stored {
        let [field, tlv, text] = SOURCES.map(|source| options(tried, in_force, source, stored));
        for field in &field {
            for tlv in &tlv {
                for text in &text {
                    let plan = Plan {
                        rules: Rules {
                            field: field.0.clone(),
                            tlv: tlv.0.clone(),
                            text: text.0.clone(),
                            stored: stored.clone(),
                        },
                        columns: [field.1, tlv.1, text.1],
                    };
                    if plan.rules.ids().is_some() {
                        plans.push(plan);
                    }
                }
            }
        }
    }
    plans
}

/// What a source may be read as when numbers are stored so.
fn options(
    tried: &[Tried],
    in_force: &Rules,
    source: IdSource,
    stored: &StoredRule,
) -> Vec<(SourceRule, Option<usize>)> {
    let present = in_force.source(source);
    let ways = || {
        let of_source = tried.iter().enumerate();
        of_source.filter(|(_, tried)| tried.column.source == source)
    };
    let goes =
        |tried: &Tried| !tried.column.way.rule.is_number() || tried.column.way.stored == *stored;
    // A source that no receipt has stays as it is, if it can.
    let is_seen = ways().any(|(_, tried)| tried.column.ids.iter().any(Option::is_some))
        || present.form == Form::Ignore;
    let mut options: Vec<(SourceRule, Option<usize>)> = ways()
        .filter(|(_, tried)| goes(tried))
        .map(|(at, tried)| (tried.column.way.rule.clone(), Some(at)))
        .take(if is_seen { COMBINED_MAX } else { 1 })
        .collect();
    if !options.iter().any(|(rule, _)| rule == present) {
        // Read as now and stored otherwise: nothing was tried of it, unless it is read verbatim.
        if !is_seen {
            options.push((present.clone(), None));
        }
    }
    if is_seen && present.form != Form::Ignore {
        options.push((SourceRule::ignore(), None));
    }
    options
}

impl Plan {
    /// What the receipt at `at` comes to; `None` if no source is written as the rules say.
    pub(super) fn outcome(&self, tried: &[Tried], at: usize) -> Option<Outcome> {
        let columns = self.columns.iter().flatten();
        columns
            .copied()
            .find_map(|column| tried[column].outcomes[at])
    }

    /// The id that is looked for.
    pub(super) fn id<'a>(&self, tried: &'a [Tried], at: usize) -> Option<&'a str> {
        let columns = self.columns.iter().flatten();
        columns
            .copied()
            .find_map(|column| tried[column].column.ids[at].as_deref())
    }
}
