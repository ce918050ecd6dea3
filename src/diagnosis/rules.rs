//! How ids are written, as a profile's document says it: what a diagnosis varies and proposes.

mod settings;

use serde::Deserialize;
use serde_json::Value;

use crate::receipt::notation::{AFFIX_MAX, Base, Case, Digits, Notation, Stored, Strip};
use crate::receipt::profile::Ids;
use crate::receipt::sources::IdSource;

/// `ids` of a profile's document, with what it leaves out filled in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub(super) struct Rules {
    pub(super) field: SourceRule,
    pub(super) tlv: SourceRule,
    pub(super) text: SourceRule,
    pub(super) stored: StoredRule,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct SourceRule {
    pub(super) form: Form,
    pub(super) strip_prefix: String,
    pub(super) strip_suffix: String,
    pub(super) strip_required: bool,
    pub(super) case: Option<Letters>,
    pub(super) strip_zeros: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Form {
    #[default]
    Verbatim,
    Decimal,
    Hex,
    Ignore,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
pub(super) struct StoredRule {
    pub(super) form: StoredForm,
    pub(super) width: u8,
    pub(super) case: Letters,
    pub(super) prefix: String,
    pub(super) suffix: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum StoredForm {
    #[default]
    Verbatim,
    Decimal,
    Hex,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Letters {
    #[default]
    Lower,
    Upper,
}

impl Letters {
    fn name(self) -> &'static str {
        match self {
            Self::Lower => "lower",
            Self::Upper => "upper",
        }
    }

    fn case(self) -> Case {
        match self {
            Self::Lower => Case::Lower,
            Self::Upper => Case::Upper,
        }
    }
}

impl Default for StoredRule {
    fn default() -> Self {
        Self {
            form: StoredForm::Verbatim,
            width: 1,
            case: Letters::Lower,
            prefix: String::new(),
            suffix: String::new(),
        }
    }
}

impl SourceRule {
    pub(super) fn ignore() -> Self {
        Self {
            form: Form::Ignore,
            ..Self::default()
        }
    }

    pub(super) fn is_number(&self) -> bool {
        matches!(self.form, Form::Decimal | Form::Hex)
    }

    /// What the processor would read by; `None` where a profile may not say so.
    pub(super) fn notation(&self, stored: &StoredRule) -> Option<Notation> {
        let strip = Strip {
            prefix: to_strip(&self.strip_prefix),
            suffix: to_strip(&self.strip_suffix),
            required: self.strip_required,
        };
        let base = match self.form {
            Form::Ignore => return Some(Notation::Ignored),
            Form::Verbatim => {
                return Some(Notation::Verbatim {
                    strip,
                    case: self.case.map(Letters::case),
                    strip_zeros: self.strip_zeros,
                });
            }
            Form::Decimal => Base::Decimal,
            Form::Hex => Base::Hex,
        };
        let digits = match stored.form {
            StoredForm::Verbatim => return None,
            StoredForm::Decimal => Digits::Decimal,
            StoredForm::Hex => Digits::Hex(stored.case.case()),
        };
        Some(Notation::Number {
            strip,
            base,
            stored: Stored {
                digits,
                width: stored.width,
                prefix: stored.prefix.as_str().into(),
                suffix: stored.suffix.as_str().into(),
            },
        })
    }
}

fn to_strip(affix: &str) -> Option<Box<str>> {
    (!affix.is_empty()).then(|| affix.into())
}

impl Rules {
    /// Of a valid document.
    pub(super) fn of(document: &Value) -> Self {
        let ids = document.get("ids").map(without_nulls).unwrap_or_default();
        serde_json::from_value(ids).unwrap_or_default()
    }

    pub(super) fn source(&self, source: IdSource) -> &SourceRule {
        match source {
            IdSource::Field => &self.field,
            IdSource::Tlv => &self.tlv,
            IdSource::Text => &self.text,
        }
    }

    pub(super) fn source_mut(&mut self, source: IdSource) -> &mut SourceRule {
        match source {
            IdSource::Field => &mut self.field,
            IdSource::Tlv => &mut self.tlv,
            IdSource::Text => &mut self.text,
        }
    }

    /// `None` where a profile may not say so.
    pub(super) fn ids(&self) -> Option<Ids> {
        let sources = [&self.field, &self.tlv, &self.text];
        if sources.iter().all(|it| it.form == Form::Ignore) {
            return None;
        }
        Some(Ids {
            field: self.field.notation(&self.stored)?,
            tlv: self.tlv.notation(&self.stored)?,
            text: self.text.notation(&self.stored)?,
        })
    }
}

/// Null is as good as left out.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let given = fields.iter().filter(|(_, value)| !value.is_null());
            let given = given.map(|(name, value)| (name.clone(), without_nulls(value)));
            Value::Object(given.collect())
        }
        other => other.clone(),
    }
}

/// Whether a profile may name it as a prefix or suffix.
pub(super) fn is_affix(text: &str) -> bool {
    (1..=AFFIX_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::receipt::profile::Profile;

    #[test]
    fn a_document_says_to_a_diagnosis_what_it_says_to_the_processor() {
        let stored =
            json!({"form": "hex", "width": 8, "case": "upper", "prefix": "V-", "suffix": "!"});
        for ids in [
            json!({}),
            json!(null),
            json!({"field": null, "tlv": {"form": "ignore"}, "text": {"form": null}}),
            json!({"field": {"case": "lower", "stripZeros": true, "stripPrefix": "a-"}}),
            json!({"field": {"form": "verbatim", "stripSuffix": "@b", "stripRequired": true}}),
            json!({"tlv": {"form": "hex", "stripPrefix": "0x"}, "stored": {"form": "decimal", "width": 10}}),
            json!({"text": {"form": "decimal"}, "field": {"form": "ignore"}, "stored": stored}),
            json!({"stored": {"form": "hex"}}),
        ] {
            let document = json!({ "ids": ids, "horizon": "48h" });
            let Ok(profile) = Profile::parse(&document, 1) else {
                continue;
            };
            let rules = Rules::of(&document);
            assert_eq!(rules.ids().as_ref(), Some(&profile.ids), "{document}");
            assert_eq!(rules.changes(&rules), 0);
            // And to change nothing is to write nothing.
            assert_eq!(
                rules.write_into(&document)["ids"].is_null(),
                ids.is_null() || ids == json!({})
            );
            let written = rules.write_into(&json!({}));
            assert_eq!(
                Profile::parse(&written, 1).unwrap().ids,
                profile.ids,
                "{written}"
            );
        }
    }
}
