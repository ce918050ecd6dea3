//! Every way of writing that a profile can express and that the ids at hand make worth a try.
//!
//! The list is bounded: two prefixes and two suffixes learned from the ids, two bases, two cases,
//! the widths that are common in the wild and those that these ids have.

mod stored;

use std::collections::HashSet;

use self::stored::stored_rules;
use super::affixes::{prefixes, suffixes};
use super::rules::{Form, Letters, Rules, SourceRule, StoredForm, StoredRule};
use super::sighting::Sighting;
use crate::receipt::sources::IdSource;

/// One way to read one source.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Way {
    pub(super) rule: SourceRule,
    /// How the orchestrator would have it written; of no account unless the id is a number.
    pub(super) stored: StoredRule,
}

/// The ways to read `source`. The one in force is the first, if a profile may say it.
pub(super) fn ways(
    source: IdSource,
    in_force: &Rules,
    sightings: &[Sighting],
    stored_ids: &[String],
) -> Vec<Way> {
    let written = || sightings.iter().filter_map(move |it| it.written(source));
    let present = Way {
        rule: in_force.source(source).clone(),
        stored: in_force.stored.clone(),
    };
    let mut known = HashSet::from([present.clone()]);
    let mut ways = vec![present];
    let mut add = |rule: &SourceRule, stored: &StoredRule| {
        let way = Way {
            rule: rule.clone(),
            stored: stored.clone(),
        };
        if known.insert(way.clone()) {
            ways.push(way);
        }
    };
    let ids: Vec<&str> = written().collect();
    let stored_rules = stored_rules(&in_force.stored, sightings, stored_ids);
    for rule in source_rules(in_force.source(source), &ids) {
        // Most of the ids have to be written so, or it is not how they are written.
        let readable = ids.iter().filter(|id| is_written_so(&rule, id)).count();
        if readable * 2 < ids.len() {
            continue;
        }
        if rule.is_number() {
            for stored in &stored_rules {
                add(&rule, stored);
            }
        } else {
            add(&rule, &in_force.stored);
        }
    }
    ways
}

fn is_written_so(rule: &SourceRule, id: &str) -> bool {
    let decimal = StoredRule {
        form: StoredForm::Decimal,
        ..StoredRule::default()
    };
    let notation = rule.notation(&decimal);
    notation.is_some_and(|notation| notation.key(id).is_some())
}

fn source_rules(in_force: &SourceRule, ids: &[&str]) -> Vec<SourceRule> {
    let mut strips = vec![
        (in_force.strip_prefix.clone(), in_force.strip_suffix.clone()),
        Default::default(),
    ];
    let (prefixes, suffixes) = (prefixes(ids), suffixes(ids));
    strips.extend(prefixes.iter().map(|it| (it.clone(), String::new())));
    strips.extend(suffixes.iter().map(|it| (String::new(), it.clone())));
    if let ([prefix, ..], [suffix, ..]) = (&*prefixes, &*suffixes) {
        strips.push((prefix.clone(), suffix.clone()));
    }
    let mut rules = Vec::new();
    for (strip_prefix, strip_suffix) in strips {
        let bare = SourceRule {
            strip_prefix,
            strip_suffix,
            ..SourceRule::default()
        };
        // Where there is nothing to change, no way of changing it is another way.
        let bares = || {
            ids.iter()
                .map(|id| id.trim_start_matches(&*bare.strip_prefix))
        };
        let zeros: &[bool] = if bares().any(|id| id.starts_with('0')) {
            &[false, true]
        } else {
            &[false]
        };
        let cases: &[Option<Letters>] =
            if bares().any(|id| id.contains(|c: char| c.is_alphabetic())) {
                &[None, Some(Letters::Lower), Some(Letters::Upper)]
            } else {
                &[None]
            };
        for &strip_zeros in zeros {
            rules.extend(cases.iter().map(|&case| SourceRule {
                case,
                strip_zeros,
                ..bare.clone()
            }));
        }
        for form in [Form::Decimal, Form::Hex] {
            // What could be digits has to be there, or it would be taken off other numbers.
            let is_digit = |c: u8| match form {
                Form::Decimal => c.is_ascii_digit(),
                _ => c.is_ascii_hexdigit(),
            };
            let affixes = [&bare.strip_prefix, &bare.strip_suffix];
            let may_be_digits = |it: &&String| !it.is_empty() && it.bytes().all(is_digit);
            rules.push(SourceRule {
                form,
                strip_required: affixes.iter().any(may_be_digits),
                ..bare.clone()
            });
        }
    }
    rules
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::diagnosis::sighting::SOURCES;

    proptest! {
        /// The pilot asks for as many ids of each receipt, and no more.
        #[test]
        fn whatever_ids_there_are_the_ways_to_read_them_are_few(
            ids in proptest::collection::vec("(a-|0x|x@)?[0-9a-fA-F]{1,20}(@mx1|-7|h)?", 5..30),
            stored in proptest::collection::vec("(V-|0)?[0-9a-fA-F]{1,20}(!|@b)?", 0..30),
        ) {
            let sightings: Vec<Sighting> = ids
                .iter()
                .map(|id| {
                    let mut sighting = Sighting::new(Timestamp::UNIX_EPOCH);
                    for source in SOURCES {
                        sighting.write(source, id);
                    }
                    sighting
                })
                .collect();
            let in_force = Rules::of(&json!({"ids": {
                "text": {"form": "hex", "stripPrefix": "x-"},
                "stored": {"form": "decimal", "width": 7, "prefix": "y-"},
            }}));
            for source in SOURCES {
                let ways = ways(source, &in_force, &sightings, &stored);
                prop_assert!(ways.len() <= 2_000, "{}", ways.len());
                prop_assert_eq!(&ways[0].rule, in_force.source(source));
                let distinct: HashSet<&Way> = ways.iter().collect();
                prop_assert_eq!(distinct.len(), ways.len());
            }
        }
    }
}
