use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;
use validator::{Validate, ValidationError};

/// Logs.
#[derive(Debug, Clone, Serialize, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct Telemetry {
    /// What is logged: a level (`info`), or levels by module (`info,dlr::store=debug`).
    /// Default `info`. `DLR__TELEMETRY__LOG`
    #[validate(custom(function = filter))]
    pub log: String,

    /// `json`: one JSON object a line. `text`: for people. `auto`: text on a terminal, else JSON.
    /// Default `auto`. `DLR__TELEMETRY__FORMAT`
    pub format: LogFormat,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    #[default]
    Auto,
    Json,
    Text,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self {
            log: "info".into(),
            format: LogFormat::default(),
        }
    }
}

fn filter(directives: &str) -> Result<(), ValidationError> {
    EnvFilter::try_new(directives).map(|_| ()).map_err(|error| {
        ValidationError::new("filter").with_message(format!("is no log filter: {error}").into())
    })
}
