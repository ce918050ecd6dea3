//! What was given, by whom: the layers before they become a [`Config`](super::Config).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use config::{Map, Source, Value, ValueKind};

use super::{ConfigError, report};

/// The process's environment. A value that is not Unicode fails its own check later, instead of
/// stopping the process here.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().map(|(name, value)| {
        (
            name.to_string_lossy().into_owned(),
            value.to_string_lossy().into_owned(),
        )
    })
}

const PREFIX: &str = "DLR__";

/// Variables that other software uses too. They stand below our own, which were surely meant for
/// us.
const CONVENTIONAL: [(&str, &str); 3] = [
    ("DATABASE_URL", "postgres.url"),
    ("DATABASE_URL_FILE", "postgres.url_file"),
    ("NATS_URL", "nats.url"),
];

/// Secrets and the settings that hold a file with them. Of the two the later layer's counts.
pub(super) const SECRETS: [(&str, &str); 2] = [
    ("postgres.url", "postgres.url_file"),
    ("postgres.profiles_url", "postgres.profiles_url_file"),
];

/// The settings of one source, by dotted name.
pub(super) type Layer = BTreeMap<String, Value>;

/// The variables, sorted into what they mean to us.
#[derive(Default)]
pub(super) struct Variables {
    pub(super) config_file: Option<PathBuf>,
    pub(super) conventional: Layer,
    pub(super) own: Layer,
}

impl Variables {
    pub(super) fn read(environment: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut variables = Self::default();
        for (name, value) in environment {
            if value.is_empty() {
                continue;
            }
            let conventional = CONVENTIONAL.iter().find(|(variable, _)| *variable == name);
            if let Some(&(_, setting)) = conventional {
                let value = Value::new(Some(&name), value);
                variables.conventional.insert(setting.to_owned(), value);
            } else if let Some(path) = name.strip_prefix(PREFIX) {
                let setting = path.to_lowercase().replace("__", ".");
                variables
                    .own
                    .insert(setting, Value::new(Some(&name), value));
            } else if name == "DLR_CONFIG" {
                variables.config_file = Some(value.into());
            }
        }
        variables
    }
}

pub(super) fn read_file(path: &Path) -> Result<Layer, ConfigError> {
    let refused = |problem| ConfigError::File {
        path: path.to_owned(),
        problem,
    };
    let text = std::fs::read_to_string(path).map_err(|error| refused(error.to_string()))?;
    // The error's own text quotes the line, which may hold a password.
    let sections: Map<String, Value> = toml::from_str(&text).map_err(|error| {
        let before = error
            .span()
            .and_then(|span| text.get(..span.start))
            .unwrap_or_default();
        let line = before.lines().count().max(1);
        refused(format!(
            "line {line}: {}",
            error.message().replace('\n', "; ")
        ))
    })?;
    let mut layer = Layer::new();
    flatten("", sections, &path.display().to_string(), &mut layer);
    Ok(layer)
}

fn flatten(prefix: &str, table: Map<String, Value>, origin: &String, layer: &mut Layer) {
    for (key, value) in table {
        let name = format!("{prefix}{key}");
        match value.kind {
            ValueKind::Table(table) if !table.is_empty() => {
                flatten(&format!("{name}."), table, origin, layer);
            }
            kind => {
                layer.insert(name, Value::new(Some(origin), kind));
            }
        }
    }
}

/// Lays `layer` over `merged`.
pub(super) fn overlay(merged: &mut Layer, layer: Layer) -> Result<(), ConfigError> {
    for (setting, file) in SECRETS {
        match (layer.contains_key(setting), layer.contains_key(file)) {
            (true, true) => {
                let problem = format!("given twice, here and in {file}; leave one out");
                return Err(
                    ConfigError::new(setting, problem).with_origin(|_| origin(&layer, setting))
                );
            }
            (true, false) => drop(merged.remove(file)),
            (false, true) => drop(merged.remove(setting)),
            (false, false) => {}
        }
    }
    let known = report::defaults();
    for (setting, value) in layer {
        let is_section = known
            .keys()
            .any(|name| name.starts_with(&format!("{setting}.")));
        match value.kind {
            ValueKind::Table(_) if is_section => {}
            _ if !known.contains_key(&setting) => {
                return Err(ConfigError::new(&setting, "unknown setting")
                    .with_origin(|_| value.origin().map(str::to_owned)));
            }
            ValueKind::Boolean(_) if known[&setting].is_boolean() => {
                merged.insert(setting, value);
            }
            // The crate would read `true` as 1 and 1.5 as 2.
            ValueKind::Boolean(_) | ValueKind::Float(_) | ValueKind::Array(_) => {
                return Err(
                    ConfigError::new(&setting, "must be a text or a whole number")
                        .with_origin(|_| value.origin().map(str::to_owned)),
                );
            }
            _ => drop(merged.insert(setting, value)),
        }
    }
    Ok(())
}

pub(super) fn origin(layer: &Layer, setting: &str) -> Option<String> {
    layer.get(setting)?.origin().map(str::to_owned)
}

pub(super) fn origins(layer: &Layer) -> BTreeMap<String, String> {
    let origin =
        |(name, value): (&String, &Value)| Some((name.clone(), value.origin()?.to_owned()));
    layer.iter().filter_map(origin).collect()
}

/// All layers as one, for the crate to convert and to hand to serde.
#[derive(Debug, Clone)]
pub(super) struct Merged(pub(super) Layer);

impl Source for Merged {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, config::ConfigError> {
        Ok(self.0.clone().into_iter().collect())
    }
}
