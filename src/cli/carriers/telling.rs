//! Revisions in a line, and as JSON.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::carriers::{Refused, fields};

/// Characters of a summary in a line.
const SUMMARY_MAX: usize = 100;

/// To the second: finer is for machines.
pub(super) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// What a document says, as much of it as a line takes.
pub(super) fn summary(document: &Value) -> String {
    let fields = fields(document);
    if fields.is_empty() {
        return "as without a profile".to_owned();
    }
    let mut line = String::new();
    for (told, (field, value)) in fields.iter().enumerate() {
        let next = format!("{field} = {value}");
        let length = line.chars().count() + next.chars().count();
        if told > 0 && length > SUMMARY_MAX {
            return format!("{line}, and {} more", fields.len() - told);
        }
        let comma = if told == 0 { "" } else { ", " };
        line = format!("{line}{comma}{next}");
    }
    line
}

pub(super) fn refused_line(refused: &Refused) -> String {
    let Refused {
        revision,
        created_at,
        created_by,
        fault,
    } = refused;
    let at = time(*created_at);
    format!("revision {revision}, written {at} by {created_by}, is refused: {fault}")
}

pub(super) fn refused_json(refused: &Refused) -> Value {
    json!({
        "revision": refused.revision,
        "createdAt": refused.created_at,
        "createdBy": refused.created_by,
        "field": refused.fault.field(),
        "reason": refused.fault.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_fits_a_line_and_says_what_it_leaves_out() {
        assert_eq!(summary(&json!({})), "as without a profile");
        let short = json!({"horizon": "48h", "words": {"HANDSET": "delivered"}});
        assert_eq!(
            summary(&short),
            r#"horizon = "48h", words.HANDSET = "delivered""#
        );
        let words: Value = (10..60)
            .map(|n| (format!("WORD_{n}"), json!("failed")))
            .collect();
        let long = summary(&json!({ "words": words }));
        assert!(long.ends_with(", and 46 more"), "{long}");
        assert!(long.len() < 130, "{long}");
    }
}
