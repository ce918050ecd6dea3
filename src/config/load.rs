use std::collections::BTreeMap;
use std::path::Path;

use config::Value;
use validator::Validate;

use super::source::{self, Layer, Merged, SECRETS, Variables};
use super::{Config, ConfigError, Setting, SignIn, report, tls_rule};

/// A configuration and where each of its values came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub config: Config,
    /// Of what was given. The values themselves are dropped, because they hold secrets.
    origins: BTreeMap<String, String>,
}

impl Loaded {
    /// Every setting with its effective value, secrets masked, and its origin.
    pub fn settings(&self) -> Vec<Setting> {
        report::settings(&self.config, |name| self.origins.get(name).cloned())
    }

    /// What `dlr run` needs, beyond what holds for every subcommand.
    pub fn require_pipeline(&self) -> Result<&Config, ConfigError> {
        self.require_nats()?;
        self.require_postgres()?;
        self.config.require_key_ring()?;
        Ok(&self.config)
    }

    pub fn require_nats(&self) -> Result<&Config, ConfigError> {
        self.config.require_nats()?;
        Ok(&self.config)
    }

    pub fn require_postgres(&self) -> Result<&Config, ConfigError> {
        self.config.require_postgres()?;
        Ok(&self.config)
    }

    /// What whoever looks at parked receipts needs: PostgreSQL, and the keys to open them.
    pub fn require_parked(&self) -> Result<&Config, ConfigError> {
        self.config.require_postgres()?;
        self.config.require_key_ring()?;
        Ok(&self.config)
    }

    /// What `dlr carriers` needs: the URL of its own role, or else the one of everybody.
    pub fn require_profiles(&self) -> Result<(&Config, SignIn), ConfigError> {
        let sign_in = self.config.postgres.for_profiles();
        if sign_in == SignIn::Main {
            self.config.require_postgres()?;
        }
        Ok((&self.config, sign_in))
    }
}

impl Config {
    /// Reads the file (or the one that `DLR_CONFIG` names), lays the environment over it, and
    /// checks everything that was given. What a subcommand needs to be given is its own to
    /// require.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Loaded, ConfigError> {
        let variables = Variables::read(environment);
        let mut given = Layer::new();
        if let Some(path) = file.or(variables.config_file.as_deref()) {
            source::overlay(&mut given, source::read_file(path)?)?;
        }
        source::overlay(&mut given, variables.conventional)?;
        source::overlay(&mut given, variables.own)?;
        read_secret_files(&mut given)?;

        let check = || {
            let config = deserialize(&given)?;
            config.validate()?;
            tls_rule::check(&config)?;
            Ok(config)
        };
        match check() {
            Ok(config) => Ok(Loaded {
                config,
                origins: source::origins(&given),
            }),
            Err(error) => {
                let error: ConfigError = error;
                Err(error.with_origin(|setting| source::origin(&given, setting)))
            }
        }
    }
}

/// Reads the files of those secrets that every command may need.
fn read_secret_files(given: &mut Layer) -> Result<(), ConfigError> {
    for (setting, file) in SECRETS {
        if file == SignIn::Profiles.settings().1 {
            continue;
        }
        let Some(value) = given.get(file) else {
            continue;
        };
        let path = value.to_string();
        let secret = std::fs::read_to_string(&path).map_err(|error| {
            ConfigError::new(file, format!("{path}: {error}"))
                .with_origin(|_| source::origin(given, file))
        })?;
        let secret = Value::new(Some(&path), secret.trim());
        given.insert(setting.to_owned(), secret);
    }
    Ok(())
}

fn deserialize(given: &Layer) -> Result<Config, ConfigError> {
    let tree = config::Config::builder()
        .add_source(Merged(given.clone()))
        .build()
        .expect("a source of plain names always builds");
    serde_path_to_error::deserialize(tree)
        .map_err(|error| ConfigError::new(&error.path().to_string(), plain(error.inner())))
}

/// The cause alone: key and origin are named by our own error.
fn plain(error: &config::ConfigError) -> String {
    match error {
        config::ConfigError::Type {
            unexpected,
            expected,
            ..
        } => {
            format!("is {unexpected}; must be {expected}")
        }
        config::ConfigError::At { error, .. } => plain(error),
        other => other.to_string().replace('\n', "; "),
    }
}
