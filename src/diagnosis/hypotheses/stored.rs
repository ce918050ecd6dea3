//! How the orchestrator may have numbers written.

use crate::diagnosis::affixes::{prefixes, suffixes, usual_length};
use crate::diagnosis::rules::{Letters, StoredForm, StoredRule};
use crate::diagnosis::sighting::{SOURCES, Sighting};

/// Widths of padded numbers as carriers are known to write them (SMPP 3.4: ten decimal digits).
const DECIMAL_WIDTHS: [u8; 3] = [10, 16, 20];
const HEX_WIDTHS: [u8; 2] = [8, 16];

/// Stored ids from which their width can be told.
const STORED_MIN: usize = 20;

/// Digits among which there would be a letter, were they hexadecimal: but for one time in 10^40.
const LETTERLESS_MIN: usize = 200;

pub(super) fn stored_rules(
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
        let bare: Vec<&str> = bare.collect();
        // Ids of one length tell their width, if they have one. Otherwise it may be any in use, or
        // that of a source, for the orchestrator has what the carrier answered.
        let width = usual_length(bare.iter().copied());
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
        for (form, case) in digits(&bare) {
            let common: &[u8] = match form {
                StoredForm::Decimal => &DECIMAL_WIDTHS,
                _ => &HEX_WIDTHS,
            };
            rules.extend(widths(common).into_iter().map(|width| StoredRule {
                form,
                width,
                case,
                prefix: prefix.clone(),
                suffix: suffix.clone(),
            }));
        }
    }
    rules
}

/// The digits in which the orchestrator may write, judged by some ids that it has.
fn digits(stored: &[&str]) -> Vec<(StoredForm, Letters)> {
    let has = |test: fn(&u8) -> bool| stored.iter().filter(move |id| id.bytes().any(|b| test(&b)));
    let lower = has(u8::is_ascii_lowercase).count();
    let upper = has(u8::is_ascii_uppercase).count();
    let enough = stored.len() >= STORED_MIN;
    // Of so many hexadecimal digits some are letters.
    let no_letters = lower + upper == 0 && stored.concat().len() >= LETTERLESS_MIN;
    // Hardly any hexadecimal number is without a letter, if it is long; of decimal ones all are.
    let letters = enough && (lower + upper) * 20 >= stored.len() * 19;
    let mut forms = Vec::new();
    if !letters {
        forms.push((StoredForm::Decimal, Letters::Lower));
    }
    if !(enough && no_letters) {
        if !(enough && lower == 0 && upper > 0) {
            forms.push((StoredForm::Hex, Letters::Lower));
        }
        if !(enough && upper == 0 && lower > 0) {
            forms.push((StoredForm::Hex, Letters::Upper));
        }
    }
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digits_of_stored_ids_tell_their_base_if_there_are_enough() {
        use Letters::{Lower, Upper};
        use StoredForm::{Decimal, Hex};
        let ids = |write: fn(u64) -> String, count| {
            let numbers = (0..count).map(|n| (n + 1) * 0x0012_3456_789A);
            numbers.map(write).collect::<Vec<_>>()
        };
        let decimal: fn(u64) -> String = |n| n.to_string();
        let hex: fn(u64) -> String = |n| format!("{n:x}");
        let all = vec![(Decimal, Lower), (Hex, Lower), (Hex, Upper)];
        for (ids, expected) in [
            (ids(decimal, 40), vec![(Decimal, Lower)]),
            (ids(hex, 40), vec![(Hex, Lower)]),
            (ids(|n| format!("{n:X}"), 40), vec![(Hex, Upper)]),
            (ids(decimal, 10), all.clone()),
            (ids(hex, 10), all.clone()),
            (
                [ids(decimal, 20), ids(hex, 20)].concat(),
                vec![(Decimal, Lower), (Hex, Lower)],
            ),
            (vec![], all),
        ] {
            let borrowed: Vec<&str> = ids.iter().map(String::as_str).collect();
            assert_eq!(digits(&borrowed), expected, "{ids:?}");
        }
    }
}
