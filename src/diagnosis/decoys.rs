//! Made-up ids: the control group of every claim that ids match.
//!
//! Where ids are short and numbers are given out one after the other, nearly every number is
//! somebody's id, and any reading whatsoever finds messages. What tells a reading from such luck is
//! that ids of the same shape, made up at random, find nothing.

use std::collections::BTreeMap;

/// Ids of a length that are too few to show which of their places vary.
const GROUP_MIN: usize = 5;

/// About `count` ids like `keys`: what all of a length have in common stays, and of what varies
/// every place is drawn anew, and one place more. That one keeps a run of neighbours, which
/// fills what varies, from being its own control group.
pub(super) fn decoys(keys: &[&str], count: usize, seed: u64) -> Vec<String> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut groups: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    for key in keys.iter().filter(|key| key.is_ascii()) {
        groups.entry(key.len()).or_default().push(key);
    }
    let mut made = Vec::with_capacity(count);
    for group in groups.values() {
        let share = (count * group.len()).div_ceil(keys.len());
        let shape = Shape::of(group);
        for at in 0..share {
            made.push(shape.draw(group[at % group.len()], &mut random));
        }
    }
    made
}

/// What ids of one length have in common.
struct Shape {
    /// Places before and after these are the same in all of them.
    varies: std::ops::Range<usize>,
    /// Letters are digits, from a to f.
    hex: bool,
    upper: bool,
}

impl Shape {
    fn of(group: &[&str]) -> Self {
        let first = group[0].as_bytes();
        let same = |at: &usize| group.iter().all(|key| key.as_bytes()[*at] == first[*at]);
        let all = 0..first.len();
        let (mut start, mut end) = if group.len() < GROUP_MIN {
            (0, first.len())
        } else {
            let start = all.clone().take_while(same).count();
            (start, first.len() - all.rev().take_while(same).count())
        };
        if start >= end {
            // One id, many times.
            (start, end) = (0, first.len());
        }
        let letters = || {
            let places = group.iter().flat_map(|key| &key.as_bytes()[start..end]);
            places.filter(|byte| byte.is_ascii_alphabetic())
        };
        let hex = letters().next().is_some() && letters().all(u8::is_ascii_hexdigit);
        let upper = letters().any(u8::is_ascii_uppercase);
        let digit =
            |at: usize| first[at].is_ascii_digit() || (hex && first[at].is_ascii_hexdigit());
        if start > 0 && digit(start - 1) {
            start -= 1;
        }
        Self {
            upper,
            varies: start..end,
            hex,
        }
    }

    fn draw(&self, like: &str, random: &mut fastrand::Rng) -> String {
        let draw = |(at, byte): (usize, u8)| {
            let byte = char::from(byte);
            if !self.varies.contains(&at) || !byte.is_ascii_alphanumeric() {
                return byte;
            }
            match (byte, self.hex, self.upper) {
                (_, true, false) => random.digit(16),
                (_, true, true) => random.digit(16).to_ascii_uppercase(),
                ('0'..='9', ..) => random.digit(10),
                ('a'..='z', ..) => random.lowercase(),
                _ => random.uppercase(),
            }
        };
        like.bytes().enumerate().map(draw).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn borrowed(keys: &[String]) -> Vec<&str> {
        keys.iter().map(String::as_str).collect()
    }

    #[test]
    fn what_all_have_in_common_stays() {
        let keys: Vec<String> = (0..50)
            .map(|n| format!("mx1-{:06}@smsc", n * 7919))
            .collect();
        for decoy in decoys(&borrowed(&keys), 100, 1) {
            assert_eq!(decoy.len(), keys[0].len());
            let number = decoy.strip_prefix("mx1-").unwrap();
            let number = number.strip_suffix("@smsc").unwrap();
            assert!(number.bytes().all(|b| b.is_ascii_digit()), "{decoy}");
        }
    }

    #[test]
    fn a_run_of_neighbours_is_not_its_own_control_group() {
        let keys: Vec<String> = (5_000..5_500).map(|n| n.to_string()).collect();
        let made = decoys(&borrowed(&keys), 1_000, 1);
        let taken = made.iter().filter(|decoy| keys.contains(decoy)).count();
        assert!((20..100).contains(&taken), "{taken} of 1,000");
        let keys: Vec<String> = (5_000..6_000).map(|n| n.to_string()).collect();
        let made = decoys(&borrowed(&keys), 1_000, 1);
        let taken = made.iter().filter(|decoy| keys.contains(decoy)).count();
        assert!((60..140).contains(&taken), "{taken} of 1,000");
    }

    #[test]
    fn where_every_number_is_an_id_every_decoy_is_one() {
        let keys: Vec<String> = (100..1_000).map(|n| n.to_string()).collect();
        let made = decoys(&borrowed(&keys), 1_000, 1);
        let taken = made.iter().filter(|decoy| keys.contains(decoy)).count();
        assert!(taken > 850, "{taken}");
    }

    #[test]
    fn letters_of_hexadecimal_numbers_are_digits() {
        let keys: Vec<String> = (0..50_u32)
            .map(|n| format!("{:08X}", n.wrapping_mul(0x9E37_79B1)))
            .collect();
        for decoy in decoys(&borrowed(&keys), 50, 1) {
            assert!(
                decoy
                    .bytes()
                    .all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b))
            );
        }
    }

    #[test]
    fn few_or_equal_ids_give_decoys_too() {
        assert_eq!(decoys(&["7"], 3, 1).len(), 3);
        assert_eq!(decoys(&["77", "77", "77", "77", "77"], 5, 1).len(), 5);
        assert!(decoys(&[], 5, 1).is_empty());
    }
}
