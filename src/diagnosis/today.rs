//! What matches today, and whether it still would.

use super::rules::Rules;
use super::sighting::{SOURCES, Sighting, place};
use crate::receipt::notation::{Base, Case, Digits, Notation, Stored, Strip};
use crate::receipt::profile::Ids;
use crate::receipt::sources::IdSource;

/// Percent of the parked receipts that have to have a source, for those that matched to be taken
/// to have had it too.
const USUAL: usize = 90;

/// Receipts that matched under the rules in force, held against other rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Today {
    pub(super) matched: usize,
    /// Would find another message, or none.
    pub(super) lost: usize,
}

/// The sources that this carrier's receipts have.
pub(super) fn usual_sources(sightings: &[Sighting]) -> Vec<IdSource> {
    let is_usual = |source: &IdSource| {
        let with = sightings.iter().filter(|it| it.written(*source).is_some());
        with.count() * 100 >= sightings.len() * USUAL
    };
    SOURCES.into_iter().filter(is_usual).collect()
}

/// `ids` are the orchestrator's, of receipts that matched. What the carrier wrote is not kept, but
/// follows from them: every usual source is taken to have said that id, as the rules in force say.
pub(super) fn hold<'a>(
    ids: impl Iterator<Item = &'a str>,
    usual: &[IdSource],
    in_force: &Rules,
    proposed: &Rules,
) -> Today {
    let mut today = Today::default();
    let (Some(now), Some(then)) = (in_force.ids(), proposed.ids()) else {
        return today;
    };
    for id in ids {
        let written: Vec<(IdSource, String)> = usual
            .iter()
            .filter_map(|source| Some((*source, written(notation(&now, *source), id)?)))
            .collect();
        if written.is_empty() {
            continue;
        }
        today.matched += 1;
        let found = written
            .iter()
            .find_map(|(source, written)| notation(&then, *source).key(written));
        today.lost += usize::from(found.is_none_or(|found| found != id));
    }
    today
}

/// As [`hold`]; but where no source is usual, by the one that would lose the most.
pub(super) fn hold_at_worst(
    ids: &[String],
    usual: &[IdSource],
    in_force: &Rules,
    proposed: &Rules,
) -> Today {
    let ids = || ids.iter().map(String::as_str);
    let by = |sources: &[IdSource]| hold(ids(), sources, in_force, proposed);
    if !usual.is_empty() {
        return by(usual);
    }
    let alone = SOURCES.map(|source| by(&[source]));
    let worst = alone.into_iter().max_by_key(|it| (it.lost, it.matched));
    worst.unwrap_or_default()
}

fn notation(ids: &Ids, source: IdSource) -> &Notation {
    [&ids.field, &ids.tlv, &ids.text][place(source)]
}

/// The shortest text that is read as `id`.
fn written(notation: &Notation, id: &str) -> Option<String> {
    let written = match notation {
        Notation::Ignored => return None,
        Notation::Verbatim { strip, .. } if strip.required => {
            let [prefix, suffix] = [&strip.prefix, &strip.suffix].map(|it| affix(it.as_deref()));
            format!("{prefix}{id}{suffix}")
        }
        Notation::Verbatim { .. } => id.to_owned(),
        Notation::Number {
            strip,
            base,
            stored,
        } => {
            let back = Notation::Number {
                strip: Strip {
                    prefix: Some(stored.prefix.clone()).filter(|it| !it.is_empty()),
                    suffix: Some(stored.suffix.clone()).filter(|it| !it.is_empty()),
                    required: !(stored.prefix.is_empty() && stored.suffix.is_empty()),
                },
                base: match stored.digits {
                    Digits::Decimal => Base::Decimal,
                    Digits::Hex(_) => Base::Hex,
                },
                stored: Stored {
                    digits: match base {
                        Base::Decimal => Digits::Decimal,
                        Base::Hex => Digits::Hex(Case::Lower),
                    },
                    width: 1,
                    prefix: affix(strip.prefix.as_deref()).into(),
                    suffix: affix(strip.suffix.as_deref()).into(),
                },
            };
            back.key(id)?.into_owned()
        }
    };
    // What a profile of before matched in another way tells nothing about this one.
    (notation.key(&written)? == id).then_some(written)
}

fn affix(affix: Option<&str>) -> &str {
    affix.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn held(
        ids: &[&str],
        usual: &[IdSource],
        in_force: &Value,
        proposed: &Value,
    ) -> (usize, usize) {
        let [in_force, proposed] = [in_force, proposed].map(Rules::of);
        let today = hold(ids.iter().copied(), usual, &in_force, &proposed);
        (today.matched, today.lost)
    }

    #[test]
    fn what_matches_as_it_stands_is_lost_to_another_base() {
        let hex = json!({"ids": {"field": {"form": "decimal"}, "stored": {"form": "hex"}}});
        let ids = ["1234", "7", "12ab", "9"];
        assert_eq!(held(&ids, &[IdSource::Field], &json!({}), &hex), (4, 2));
        assert_eq!(
            held(&ids, &[IdSource::Field], &json!({}), &json!({})),
            (4, 0)
        );
    }

    #[test]
    fn what_the_profile_in_force_converts_is_converted_back() {
        let to_hex =
            json!({"ids": {"text": {"form": "decimal"}, "stored": {"form": "hex", "width": 8}}});
        let padded =
            json!({"ids": {"text": {"form": "decimal"}, "stored": {"form": "hex", "width": 9}}});
        let usual = [IdSource::Text];
        assert_eq!(held(&["038601fa"], &usual, &to_hex, &to_hex), (1, 0));
        assert_eq!(held(&["038601fa"], &usual, &to_hex, &padded), (1, 1));
        // Matched before it was in force.
        assert_eq!(held(&["38601fa", "x"], &usual, &to_hex, &padded), (0, 0));
    }

    #[test]
    fn an_ignored_source_leaves_the_next_one_to_say_it() {
        let ignored = json!({"ids": {"field": {"form": "ignore"}}});
        let both = [IdSource::Field, IdSource::Tlv];
        assert_eq!(held(&["7"], &both, &json!({}), &ignored), (1, 0));
        assert_eq!(
            held(&["7"], &[IdSource::Field], &json!({}), &ignored),
            (1, 1)
        );
    }

    #[test]
    fn where_no_source_is_usual_the_worst_counts() {
        let to_hex = json!({"ids": {"text": {"form": "decimal"}, "stored": {"form": "hex"}}});
        let [in_force, proposed] = [json!({}), to_hex].map(|it| Rules::of(&it));
        let held = |usual: &[IdSource]| {
            let today = hold_at_worst(
                &["12ab", "7"].map(String::from),
                usual,
                &in_force,
                &proposed,
            );
            (today.matched, today.lost)
        };
        assert_eq!(held(&[IdSource::Field]), (2, 0));
        assert_eq!(held(&[]), (2, 1));
    }

    #[test]
    fn a_source_is_usual_that_nearly_all_have() {
        let mut sightings = vec![Sighting::new(jiff::Timestamp::UNIX_EPOCH); 20];
        for (at, sighting) in sightings.iter_mut().enumerate() {
            sighting.write(IdSource::Text, "7");
            if at % 2 == 0 {
                sighting.write(IdSource::Tlv, "7");
            }
        }
        assert_eq!(usual_sources(&sightings), [IdSource::Text]);
    }
}
