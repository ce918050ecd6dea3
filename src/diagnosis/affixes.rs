//! What ids have around them, learned from the ids themselves.

use std::collections::BTreeMap;

use super::rules::is_affix;
use crate::receipt::privacy::has_number;

/// Ids below which what they have in common may be chance.
const IDS_MIN: usize = 5;
/// Most prefixes, and most suffixes, worth trying.
const AFFIXES_MAX: usize = 2;

const SEPARATORS: &str = "@!:#/|~_-.,;=+";

/// Beginnings that half of the ids or more share, likeliest first. Digits are never among them:
/// what numbers have in common at their beginning is their size.
pub(super) fn prefixes(ids: &[&str]) -> Vec<String> {
    let separated = |id: &str| id.find(is_separator).map(|at| at + 1);
    let mut tally = Tally::default();
    for id in ids {
        tally.add(separated(id).and_then(|at| id.get(..at)));
    }
    let common = common_prefix(ids);
    let all = [
        common.trim_end_matches(|c: char| c.is_ascii_hexdigit()),
        common.trim_end_matches(|c: char| c.is_ascii_digit()),
    ];
    choose(ids, tally, &all)
}

/// Endings, likewise.
pub(super) fn suffixes(ids: &[&str]) -> Vec<String> {
    let mut tally = Tally::default();
    for id in ids {
        let first = id.find(is_separator);
        let last = id.rfind(is_separator);
        tally.add(first.and_then(|at| id.get(at..)));
        tally.add(last.filter(|_| last != first).and_then(|at| id.get(at..)));
    }
    let common = common_suffix(ids);
    let all = [
        common.trim_start_matches(|c: char| c.is_ascii_hexdigit()),
        common.trim_start_matches(|c: char| c.is_ascii_digit()),
    ];
    choose(ids, tally, &all)
}

fn is_separator(c: char) -> bool {
    SEPARATORS.contains(c)
}

#[derive(Default)]
struct Tally<'a>(BTreeMap<&'a str, usize>);

impl<'a> Tally<'a> {
    fn add(&mut self, affix: Option<&'a str>) {
        if let Some(affix) = affix {
            *self.0.entry(affix).or_default() += 1;
        }
    }
}

fn choose(ids: &[&str], tally: Tally<'_>, shared_by_all: &[&str]) -> Vec<String> {
    if ids.len() < IDS_MIN {
        return Vec::new();
    }
    let mut frequent: Vec<(&str, usize)> = tally.0.into_iter().collect();
    frequent.retain(|(_, count)| count * 2 >= ids.len());
    frequent.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let all = shared_by_all.iter().copied();
    let frequent = frequent.into_iter().map(|(affix, _)| affix);
    let shortest = ids.iter().map(|id| id.len()).min().unwrap_or_default();
    let mut chosen: Vec<String> = Vec::new();
    for affix in frequent.chain(all) {
        let is_number = affix.bytes().all(|b| b.is_ascii_digit());
        let is_new = !chosen.iter().any(|known| known == affix);
        if is_affix(affix) && !is_number && !has_number(affix) && affix.len() < shortest && is_new {
            chosen.push(affix.to_owned());
        }
    }
    chosen.truncate(AFFIXES_MAX);
    chosen
}

fn common_prefix<'a>(ids: &[&'a str]) -> &'a str {
    let Some(first) = ids.first() else { return "" };
    let shared = |id: &&str| {
        let pairs = first.bytes().zip(id.bytes());
        pairs.take_while(|(one, other)| one == other).count()
    };
    let length = ids.iter().map(shared).min().unwrap_or_default();
    first.get(..length).unwrap_or_default()
}

fn common_suffix<'a>(ids: &[&'a str]) -> &'a str {
    let Some(first) = ids.first() else { return "" };
    let shared = |id: &&str| {
        let pairs = first.bytes().rev().zip(id.bytes().rev());
        pairs.take_while(|(one, other)| one == other).count()
    };
    let length = ids.iter().map(shared).min().unwrap_or_default();
    first.get(first.len() - length..).unwrap_or_default()
}

/// The length that four of five ids have, if they have one.
pub(super) fn usual_length<'a>(ids: impl Iterator<Item = &'a str>) -> Option<usize> {
    let mut lengths = BTreeMap::new();
    let mut all = 0;
    for id in ids {
        all += 1;
        *lengths.entry(id.len()).or_insert(0_usize) += 1;
    }
    let (length, count) = lengths.into_iter().max_by_key(|(_, count)| *count)?;
    (all >= IDS_MIN && count * 5 >= all * 4).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(form: impl Fn(u32) -> String) -> Vec<String> {
        (0..20_u32)
            .map(|n| form(n.wrapping_mul(0x9E37_79B1)))
            .collect()
    }

    fn around(ids: &[String]) -> (Vec<String>, Vec<String>) {
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        (prefixes(&ids), suffixes(&ids))
    }

    #[test]
    fn what_a_separator_sets_apart_is_found() {
        let (prefixes, suffixes) = around(&ids(|n| format!("smsc1-{n}@mx2")));
        assert_eq!(prefixes[0], "smsc1-");
        assert!(suffixes.contains(&"@mx2".to_owned()), "{suffixes:?}");
    }

    #[test]
    fn what_all_have_in_common_is_found_without_a_separator() {
        let (prefixes, suffixes) = around(&ids(|n| format!("0x{n:08x}h")));
        assert!(prefixes.contains(&"0x".to_owned()), "{prefixes:?}");
        assert!(suffixes.contains(&"h".to_owned()), "{suffixes:?}");
        let (prefixes, _) = around(&ids(|n| format!("SMab{n:08x}")));
        assert!(prefixes.contains(&"SM".to_owned()), "{prefixes:?}");
    }

    #[test]
    fn digits_in_common_are_no_prefix() {
        let numbers: Vec<String> = (0..20).map(|n| format!("41634{n:04}")).collect();
        assert_eq!(around(&numbers), (vec![], vec![]));
    }

    #[test]
    fn what_a_few_have_or_what_few_have_is_left_alone() {
        let mixed = ids(|n| format!("{n}@node{}", n % 7));
        assert_eq!(around(&mixed).1, Vec::<String>::new());
        assert_eq!(
            around(&["1@a".to_owned(), "2@a".to_owned()]).1,
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_usual_length_is_that_of_most() {
        assert_eq!(
            usual_length(["10", "11", "12", "13", "144"].into_iter()),
            Some(2)
        );
        assert_eq!(
            usual_length(["10", "11", "12", "1", "144"].into_iter()),
            None
        );
        assert_eq!(usual_length([].into_iter()), None);
    }
}
