use std::path::PathBuf;

use validator::{ValidationError, ValidationErrors, ValidationErrorsKind};

/// Why a configuration is refused, in one line. Never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error("{setting}: {problem}{}", from(origin.as_deref()))]
    Setting {
        setting: String,
        problem: String,
        origin: Option<String>,
    },
    #[error("configuration file {}: {problem}", path.display())]
    File { path: PathBuf, problem: String },
}

impl ConfigError {
    pub fn new(setting: &str, problem: impl Into<String>) -> Self {
        Self::Setting {
            setting: setting.to_owned(),
            problem: problem.into(),
            origin: None,
        }
    }

    /// Adds where the value came from, for whom it is not obvious.
    pub(super) fn with_origin(mut self, of: impl FnOnce(&str) -> Option<String>) -> Self {
        if let Self::Setting {
            setting, origin, ..
        } = &mut self
        {
            *origin = of(setting);
        }
        self
    }

    /// The refused setting, unless the file itself could not be read.
    pub fn setting(&self) -> Option<&str> {
        match self {
            Self::Setting { setting, .. } => Some(setting),
            Self::File { .. } => None,
        }
    }
}

fn from(origin: Option<&str>) -> String {
    origin.map_or_else(String::new, |origin| format!(" (from {origin})"))
}

impl From<ValidationErrors> for ConfigError {
    /// One at a time: the first in the order of the names.
    fn from(errors: ValidationErrors) -> Self {
        let mut found = Vec::new();
        collect("", &errors, &mut found);
        found.sort();
        let (setting, problem) = found
            .into_iter()
            .next()
            .expect("a failed validation names at least one setting");
        Self::new(&setting, problem)
    }
}

fn collect(prefix: &str, errors: &ValidationErrors, found: &mut Vec<(String, String)>) {
    for (field, kind) in errors.errors() {
        match kind {
            ValidationErrorsKind::Struct(nested) => {
                collect(&format!("{prefix}{field}."), nested, found);
            }
            ValidationErrorsKind::Field(errors) => {
                for error in errors {
                    // A broken relation belongs to the struct; its code names the setting.
                    let field = if field == "__all__" {
                        &error.code
                    } else {
                        field
                    };
                    found.push((format!("{prefix}{field}"), problem(error)));
                }
            }
            ValidationErrorsKind::List(_) => unreachable!("no setting is a list"),
        }
    }
}

fn problem(error: &ValidationError) -> String {
    if let Some(message) = &error.message {
        return message.to_string();
    }
    let parameter = |name| error.params.get(name).map(ToString::to_string);
    let value = parameter("value").unwrap_or_default();
    let min = parameter("min").unwrap_or_else(|| "0".to_owned());
    let max = parameter("max").unwrap_or_default();
    format!("is {value}; must be {min} to {max}")
}
