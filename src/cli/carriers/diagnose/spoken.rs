//! Changes of a profile as one would say them.

use serde_json::Value;

use crate::carriers::Difference;

/// What would have to be so: `ids in the text were read as decimal and looked for as hexadecimal`.
pub(super) fn spoken(differences: &[Difference]) -> String {
    let mut clauses = Vec::new();
    for (section, place) in [
        ("field", "operatorMessageId"),
        ("tlv", "the TLV"),
        ("text", "the text"),
    ] {
        let said = of_section(differences, section, of_source);
        if !said.is_empty() {
            clauses.push(format!("ids in {place} were {}", said.join(", ")));
        }
    }
    let stored = of_section(differences, "stored", of_stored);
    if !stored.is_empty() {
        let subject = if clauses.is_empty() { "ids were " } else { "" };
        clauses.push(format!("{subject}looked for {}", stored.join(", ")));
    }
    if clauses.is_empty() {
        return "the profile was changed".to_owned();
    }
    clauses.join(" and ")
}

fn of_section(
    differences: &[Difference],
    section: &str,
    say: fn(&str, Option<&Value>) -> Option<String>,
) -> Vec<String> {
    let of_section = |it: &Difference| {
        let setting = it.field.strip_prefix("ids.")?.strip_prefix(section)?;
        say(setting.strip_prefix('.')?, it.after.as_ref())
    };
    differences.iter().filter_map(of_section).collect()
}

fn of_source(setting: &str, value: Option<&Value>) -> Option<String> {
    let text = value.and_then(Value::as_str);
    Some(match (setting, text) {
        ("form", Some("ignore")) => "ignored".to_owned(),
        ("form", Some(form)) => format!("read as {}", base(form)),
        ("form", None) => "taken as they stand".to_owned(),
        ("stripPrefix", Some(prefix)) => format!("taken without {prefix} before them"),
        ("stripSuffix", Some(suffix)) => format!("taken without {suffix} behind them"),
        ("stripPrefix" | "stripSuffix", None) => "taken with what stands around them".to_owned(),
        ("case", Some(case)) => format!("taken in {case} case"),
        ("case", None) => "taken in their own case".to_owned(),
        ("stripZeros", None) if value.is_some() => "taken without zeros before them".to_owned(),
        ("stripZeros", None) => "taken with the zeros before them".to_owned(),
        // Goes with what it requires.
        _ => return None,
    })
}

fn of_stored(setting: &str, value: Option<&Value>) -> Option<String> {
    let text = value.and_then(Value::as_str);
    Some(match (setting, text) {
        ("form", Some(form)) => format!("as {}", base(form)),
        ("form", None) => "as they stand".to_owned(),
        ("width", None) => match value.and_then(Value::as_u64) {
            Some(width) => format!("in {width} digits"),
            None => "without zeros before them".to_owned(),
        },
        ("case", case) => format!("in {} case", case.unwrap_or("lower")),
        ("prefix", prefix) => format!("with {} before them", prefix.unwrap_or("nothing")),
        ("suffix", suffix) => format!("with {} behind them", suffix.unwrap_or("nothing")),
        _ => return None,
    })
}

fn base(form: &str) -> &str {
    match form {
        "hex" => "hexadecimal",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::carriers::differences;

    #[test]
    fn changes_are_said_as_people_say_them() {
        for (before, after, expected) in [
            (
                json!({}),
                json!({"text": {"form": "decimal"}, "stored": {"form": "hex", "width": 8}}),
                "ids in the text were read as decimal and looked for as hexadecimal, in 8 digits",
            ),
            (
                json!({}),
                json!({"field": {"form": "ignore"}}),
                "ids in operatorMessageId were ignored",
            ),
            (
                json!({"text": {"form": "hex"}, "stored": {"form": "hex", "width": 8}}),
                json!({"text": {"form": "hex"}, "stored": {"form": "hex"}}),
                "ids were looked for without zeros before them",
            ),
            (
                json!({}),
                json!({"tlv": {"stripSuffix": "@mx1", "case": "upper", "stripZeros": true}}),
                "ids in the TLV were taken in upper case, taken without @mx1 behind them, taken \
                 without zeros before them",
            ),
        ] {
            let [before, after] = [before, after].map(|ids| json!({ "ids": ids }));
            assert_eq!(spoken(&differences(&before, &after)), expected);
        }
    }
}
