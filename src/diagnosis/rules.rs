//! How ids are written, as a profile's document says it: what a diagnosis varies and proposes.

use serde::Deserialize;
use serde_json::{Map, Value, json};

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

    /// What of it is not as without a profile.
    fn leaves(&self) -> [(&'static str, Option<Value>); 6] {
        let form = match self.form {
            Form::Verbatim => None,
            Form::Decimal => Some("decimal"),
            Form::Hex => Some("hex"),
            Form::Ignore => Some("ignore"),
        };
        [
            ("form", form.map(Value::from)),
            ("stripPrefix", text(&self.strip_prefix)),
            ("stripSuffix", text(&self.strip_suffix)),
            (
                "stripRequired",
                self.strip_required.then_some(Value::Bool(true)),
            ),
            ("case", self.case.map(|case| json!(case.name()))),
            ("stripZeros", self.strip_zeros.then_some(Value::Bool(true))),
        ]
    }
}

impl StoredRule {
    fn leaves(&self) -> [(&'static str, Option<Value>); 5] {
        let form = match self.form {
            StoredForm::Verbatim => None,
            StoredForm::Decimal => Some("decimal"),
            StoredForm::Hex => Some("hex"),
        };
        let upper = self.case == Letters::Upper;
        [
            ("form", form.map(Value::from)),
            ("width", (self.width != 1).then(|| json!(self.width))),
            ("case", upper.then(|| json!("upper"))),
            ("prefix", text(&self.prefix)),
            ("suffix", text(&self.suffix)),
        ]
    }
}

fn to_strip(affix: &str) -> Option<Box<str>> {
    (!affix.is_empty()).then(|| affix.into())
}

fn text(value: &str) -> Option<Value> {
    (!value.is_empty()).then(|| json!(value))
}

impl Rules {
    /// Of a valid document.
    pub(super) fn of(document: &Value) -> Self {
        let ids = document.get("ids").cloned().unwrap_or_default();
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

    /// How many settings of it are others.
    pub(super) fn changes(&self, other: &Self) -> usize {
        let count = |ours: &[(&str, Option<Value>)], theirs: &[(&str, Option<Value>)]| {
            ours.iter().zip(theirs).filter(|(a, b)| a != b).count()
        };
        count(&self.field.leaves(), &other.field.leaves())
            + count(&self.tlv.leaves(), &other.tlv.leaves())
            + count(&self.text.leaves(), &other.text.leaves())
            + count(&self.stored.leaves(), &other.stored.leaves())
    }

    /// The document with these rules in it; what they do not change stays as it is written.
    pub(super) fn write_into(&self, document: &Value) -> Value {
        let before = Self::of(document);
        let mut document = match document {
            Value::Object(fields) => fields.clone(),
            _ => Map::new(),
        };
        let ids = object(&mut document, "ids");
        let sections = [
            (
                "field",
                before.field.leaves().to_vec(),
                self.field.leaves().to_vec(),
            ),
            (
                "tlv",
                before.tlv.leaves().to_vec(),
                self.tlv.leaves().to_vec(),
            ),
            (
                "text",
                before.text.leaves().to_vec(),
                self.text.leaves().to_vec(),
            ),
            (
                "stored",
                before.stored.leaves().to_vec(),
                self.stored.leaves().to_vec(),
            ),
        ];
        for (section, was, is) in sections {
            if was == is {
                continue;
            }
            let section = object(ids, section);
            for ((name, was), (_, is)) in was.into_iter().zip(is) {
                match is {
                    _ if was == is => {}
                    Some(value) => {
                        section.insert(name.to_owned(), value);
                    }
                    None => {
                        section.remove(name);
                    }
                }
            }
        }
        if ids.is_empty() {
            document.remove("ids");
        }
        Value::Object(document)
    }
}

fn object<'a>(fields: &'a mut Map<String, Value>, name: &str) -> &'a mut Map<String, Value> {
    let field = fields.entry(name).or_insert_with(|| json!({}));
    if !field.is_object() {
        *field = json!({});
    }
    field.as_object_mut().expect("made an object just now")
}

/// Whether a profile may name it as a prefix or suffix.
pub(super) fn is_affix(text: &str) -> bool {
    (1..=AFFIX_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}
