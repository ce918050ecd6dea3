//! Every way of writing that a profile can express and that the ids at hand make worth a try.
//!
//! The list is bounded: two prefixes and two suffixes learned from the ids, two bases, two cases,
//! the widths that are common in the wild and those that these ids have.

use std::collections::HashSet;

use super::affixes::{prefixes, suffixes, usual_length};
use super::rules::{Form, Letters, Rules, SourceRule, StoredForm, StoredRule};
use super::sighting::{SOURCES, Sighting};
use crate::receipt::sources::IdSource;

/// Widths of padded numbers as carriers are known to write them (SMPP 3.4: ten decimal digits).
const DECIMAL_WIDTHS: [u8; 3] = [10, 16, 20];
const HEX_WIDTHS: [u8; 2] = [8, 16];

/// Stored ids from which their width can be told.
const STORED_MIN: usize = 20;

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
        for strip_zeros in [false, true] {
            for case in [None, Some(Letters::Lower), Some(Letters::Upper)] {
                rules.push(SourceRule {
                    case,
                    strip_zeros,
                    ..bare.clone()
                });
            }
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

fn stored_rules(
    in_force: &StoredRule,
    sightings: &[Sighting],
    stored_ids: &[String],
) -> Vec<StoredRule> {
    let stored: Vec<&str> = stored_ids.iter().map(String::as_str).collect();
    let mut around = vec![
        (in_force.prefix.clone(), in_force.suffix.clone()),
        Default::default(),
    ];
    let (prefixes, suffixes) = (prefixes(&stored), suffixes(&stored));
    around.extend(prefixes.first().map(|it| (it.clone(), String::new())));
    around.extend(suffixes.first().map(|it| (String::new(), it.clone())));
    if let ([prefix, ..], [suffix, ..]) = (&*prefixes, &*suffixes) {
        around.push((prefix.clone(), suffix.clone()));
    }
    around.dedup(); // the one in force and none
    let written = SOURCES.map(|source| {
        let written = sightings.iter().filter_map(move |it| it.written(source));
        usual_length(written)
    });
    let mut rules = Vec::new();
    for (prefix, suffix) in around {
        let bare = stored.iter().filter_map(|id| {
            let id = id.strip_prefix(prefix.as_str())?;
            id.strip_suffix(suffix.as_str())
        });
        // Ids of one length tell their width, if they have one. Otherwise it may be any in use, or
        // that of a source, for the orchestrator has what the carrier answered.
        let width = usual_length(bare);
        let known = width.is_some() && stored.len() >= STORED_MIN;
        let widths = |common: &[u8]| {
            let mut widths = vec![1, in_force.width];
            if !known {
                widths.extend(common);
            }
            let learned = width
                .into_iter()
                .chain(written.into_iter().flatten().filter(|_| !known));
            let learned = learned.filter_map(|length| u8::try_from(length).ok());
            widths.extend(learned.filter(|width| (1..=128).contains(width)));
            widths.sort_unstable();
            widths.dedup();
            widths
        };
        let mut add = |form, case, width| {
            rules.push(StoredRule {
                form,
                width,
                case,
                prefix: prefix.clone(),
                suffix: suffix.clone(),
            });
        };
        for width in widths(&DECIMAL_WIDTHS) {
            add(StoredForm::Decimal, Letters::Lower, width);
        }
        for width in widths(&HEX_WIDTHS) {
            add(StoredForm::Hex, Letters::Lower, width);
            add(StoredForm::Hex, Letters::Upper, width);
        }
    }
    rules
}
