//! The effective configuration as a list.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use serde::Serialize;
use serde_json::Value;

use super::Config;

/// One setting as it counts. Secrets are masked already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    pub name: String,
    pub value: Value,
    /// `default`, a variable, or a file.
    pub origin: String,
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Value::Null => write!(f, "{} is unset   ({})", self.name, self.origin),
            Value::String(text) if text.is_empty() => {
                write!(f, "{} is unset   ({})", self.name, self.origin)
            }
            value => write!(f, "{} = {value}   ({})", self.name, self.origin),
        }
    }
}

pub(super) fn settings(config: &Config, origin: impl Fn(&str) -> Option<String>) -> Vec<Setting> {
    let Ok(Value::Object(sections)) = serde_json::to_value(config) else {
        unreachable!("a configuration is an object of sections");
    };
    let of_section = |(section, settings): (String, Value)| {
        let Value::Object(settings) = settings else {
            unreachable!("a section is an object of settings");
        };
        settings
            .into_iter()
            .map(move |(key, value)| (format!("{section}.{key}"), value))
    };
    sections
        .into_iter()
        .flat_map(of_section)
        .map(|(name, value)| {
            let origin = origin(&name).unwrap_or_else(|| "default".to_owned());
            Setting {
                name,
                value,
                origin,
            }
        })
        .collect()
}

/// The names of all settings, each with its default.
pub(super) fn defaults() -> &'static BTreeMap<String, Value> {
    static DEFAULTS: LazyLock<BTreeMap<String, Value>> = LazyLock::new(|| {
        settings(&Config::default(), |_| None)
            .into_iter()
            .map(|setting| (setting.name, setting.value))
            .collect()
    });
    &DEFAULTS
}
