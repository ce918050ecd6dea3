//! Documents field by field, for people.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

/// One field that differs between two documents.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// Its way from the top, with dots.
    pub field: String,
    pub before: Option<Value>,
    pub after: Option<Value>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.before, &self.after) {
            (None, Some(after)) => write!(f, "+ {} = {after}", self.field),
            (Some(before), None) => write!(f, "- {} = {before}", self.field),
            (before, after) => {
                let [before, after] = [before, after].map(|it| it.clone().unwrap_or_default());
                write!(f, "~ {} = {after} (was {before})", self.field)
            }
        }
    }
}

/// The fields of a document that are no objects themselves, by their way from the top.
pub fn fields(document: &Value) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    let mut open = vec![(String::new(), document)];
    while let Some((name, value)) = open.pop() {
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                let below = |(key, value)| match name.as_str() {
                    "" => (String::clone(key), value),
                    _ => (format!("{name}.{key}"), value),
                };
                open.extend(inner.iter().map(below));
            }
            // As if it were left out.
            Value::Object(_) | Value::Null => {}
            value => drop(found.insert(name, value.clone())),
        }
    }
    found
}

pub fn differences(before: &Value, after: &Value) -> Vec<Difference> {
    let (mut before, after) = (fields(before), fields(after));
    let mut found: Vec<Difference> = after
        .into_iter()
        .map(|(field, after)| Difference {
            before: before.remove(&field),
            after: Some(after),
            field,
        })
        .filter(|it| it.before != it.after)
        .collect();
    found.extend(before.into_iter().map(|(field, before)| Difference {
        field,
        before: Some(before),
        after: None,
    }));
    found.sort_by(|one, other| one.field.cmp(&other.field));
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_added_changed_and_removed_is_told_by_its_way_from_the_top() {
        let before = json!({"words": {"A": "failed", "B": "expired"}, "horizon": "73h", "id": {}});
        let after = json!({"words": {"A": "delivered", "C": "failed"}, "horizon": "73h"});
        let told: Vec<String> = differences(&before, &after)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            told,
            [
                r#"~ words.A = "delivered" (was "failed")"#,
                r#"- words.B = "expired""#,
                r#"+ words.C = "failed""#,
            ]
        );
        assert!(differences(&after, &after).is_empty());
        assert!(differences(&json!({}), &json!({"words": {}, "horizon": null})).is_empty());
    }
}
