//! Rules as settings of a document: which of them differ, and how they are written.

use serde_json::{Map, Value, json};

use super::{Form, Letters, Rules, SourceRule, StoredForm, StoredRule};

type Setting = (&'static str, Option<Value>);

impl SourceRule {
    /// What of it is not as without a profile.
    fn leaves(&self) -> Vec<Setting> {
        let form = match self.form {
            Form::Verbatim => None,
            Form::Decimal => Some("decimal"),
            Form::Hex => Some("hex"),
            Form::Ignore => Some("ignore"),
        };
        vec![
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
    fn leaves(&self) -> Vec<Setting> {
        let form = match self.form {
            StoredForm::Verbatim => None,
            StoredForm::Decimal => Some("decimal"),
            StoredForm::Hex => Some("hex"),
        };
        let upper = self.case == Letters::Upper;
        vec![
            ("form", form.map(Value::from)),
            ("width", (self.width != 1).then(|| json!(self.width))),
            ("case", upper.then(|| json!("upper"))),
            ("prefix", text(&self.prefix)),
            ("suffix", text(&self.suffix)),
        ]
    }
}

impl Rules {
    fn sections(&self) -> [(&'static str, Vec<Setting>); 4] {
        [
            ("field", self.field.leaves()),
            ("tlv", self.tlv.leaves()),
            ("text", self.text.leaves()),
            ("stored", self.stored.leaves()),
        ]
    }

    /// How many settings of it are others.
    pub(in crate::diagnosis) fn changes(&self, other: &Self) -> usize {
        let pairs = self.sections().into_iter().zip(other.sections());
        let differ = |((_, ours), (_, theirs)): ((_, Vec<Setting>), (_, Vec<Setting>))| {
            ours.iter().zip(&theirs).filter(|(a, b)| a != b).count()
        };
        pairs.map(differ).sum()
    }

    /// The document with these rules in it; what they do not change stays as it is written.
    pub(in crate::diagnosis) fn write_into(&self, document: &Value) -> Value {
        let before = Self::of(document);
        let mut document = match document {
            Value::Object(fields) => fields.clone(),
            _ => Map::new(),
        };
        let ids = object(&mut document, "ids");
        for ((section, is), (_, was)) in self.sections().into_iter().zip(before.sections()) {
            if was == is {
                continue;
            }
            let section = object(ids, section);
            let changed = is.into_iter().zip(was).filter(|(is, was)| is != was);
            for ((name, is), _) in changed {
                match is {
                    Some(value) => section.insert(name.to_owned(), value),
                    None => section.remove(name),
                };
            }
        }
        if ids.is_empty() {
            document.remove("ids");
        }
        Value::Object(document)
    }
}

fn text(value: &str) -> Option<Value> {
    (!value.is_empty()).then(|| json!(value))
}

fn object<'a>(fields: &'a mut Map<String, Value>, name: &str) -> &'a mut Map<String, Value> {
    let field = fields.entry(name).or_insert_with(|| json!({}));
    if !field.is_object() {
        *field = json!({});
    }
    field.as_object_mut().expect("made an object just now")
}
