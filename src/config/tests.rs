//! What is read, from where, and what is refused by which name.

mod bounds;
mod secrets;
mod tls_rule;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::ExposeSecret;

use super::*;

struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("dlr-config-{}", uuid::Uuid::new_v4()));
        fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// A file that only its owner may read.
    fn private(&self, name: &str) -> String {
        let path = self.write(name, "");
        set_mode(&path, 0o600);
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn set_mode(path: &str, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn variables(given: &[(&str, &str)]) -> Vec<(String, String)> {
    given
        .iter()
        .map(|&(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn load(given: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
    Config::load(None, variables(given))
}

fn load_file(text: &str, given: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
    let folder = Folder::new();
    let file = folder.write("dlr.toml", text);
    Config::load(Some(file.as_ref()), variables(given))
}

/// The message of a refusal of `setting`; one line.
#[track_caller]
fn refused(loaded: Result<Loaded, ConfigError>, setting: &str) -> String {
    let error = loaded
        .err()
        .unwrap_or_else(|| panic!("{setting} was not refused"));
    let message = error.to_string();
    assert_eq!(error.setting(), Some(setting), "{message}");
    assert!(message.starts_with(&format!("{setting}: ")), "{message}");
    assert!(!message.contains('\n'), "{message}");
    message
}

fn origin(loaded: &Loaded, name: &str) -> String {
    let settings = loaded.settings();
    settings
        .into_iter()
        .find(|setting| setting.name == name)
        .unwrap()
        .origin
}

#[test]
fn defaults_pass_their_own_checks() {
    let loaded = load(&[]).unwrap();
    assert_eq!(loaded.config.pipeline.horizon, Duration::from_hours(73));
    assert!(
        loaded
            .settings()
            .iter()
            .all(|setting| setting.origin == "default")
    );
}

#[test]
fn later_layers_win_and_are_named() {
    let text = r#"
        [nats]
        url = "nats://127.0.0.1:1"
        [postgres]
        url = "postgres://file@localhost/dlr"
        [pipeline]
        lanes = 3
        horizon = "80h"
    "#;
    let given = [
        ("DATABASE_URL", "postgres://conventional@localhost/dlr"),
        ("NATS_URL", "nats://127.0.0.1:2"),
        ("DLR__NATS__URL", "nats://127.0.0.1:3"),
        ("DLR__PIPELINE__LANES", "4"),
        ("DLR__PIPELINE__EARLY_DELAY", "250ms"),
        ("DLR_POSTGRES_BIN", "/not/ours"),
        ("DLR__DEPLOYMENT__NAME", ""),
    ];
    let loaded = load_file(text, &given).unwrap();
    let config = &loaded.config;
    assert_eq!(config.nats.url, "nats://127.0.0.1:3");
    assert_eq!(
        config.postgres.url.expose_secret(),
        "postgres://conventional@localhost/dlr"
    );
    assert_eq!(config.pipeline.lanes, 4);
    assert_eq!(config.pipeline.early_delay, Duration::from_millis(250));
    assert_eq!(config.pipeline.horizon, Duration::from_hours(80));
    assert_eq!(config.deployment.name, "default");

    assert_eq!(origin(&loaded, "nats.url"), "DLR__NATS__URL");
    assert_eq!(origin(&loaded, "postgres.url"), "DATABASE_URL");
    assert!(origin(&loaded, "pipeline.horizon").ends_with("/dlr.toml"));
    assert_eq!(origin(&loaded, "deployment.name"), "default");
}

#[test]
fn configuration_file_can_be_named_by_variable() {
    let folder = Folder::new();
    let file = folder.write("dlr.toml", "[pipeline]\nlanes = 5");
    assert_eq!(
        load(&[("DLR_CONFIG", &file)])
            .unwrap()
            .config
            .pipeline
            .lanes,
        5
    );
}

#[test]
fn pipeline_needs_servers_and_key_ring() {
    let folder = Folder::new();
    let ring = folder.private("ring.json");
    let nats = ("NATS_URL", "nats://localhost");
    let postgres = ("DATABASE_URL", "postgres://dlr_svc@localhost/dlr");
    let refuse = |given: &[(&str, &str)], setting: &str| {
        let error = load(given).unwrap().require_pipeline().unwrap_err();
        assert_eq!(error.setting(), Some(setting), "{error}");
    };
    refuse(&[postgres], "nats.url");
    refuse(&[nats], "postgres.url");
    refuse(&[nats, postgres], "seal.keyring_file");
    refuse(
        &[nats, postgres, ("DLR__SEAL__KEYRING_FILE", "/no/such")],
        "seal.keyring_file",
    );
    load(&[nats, postgres, ("DLR__SEAL__KEYRING_FILE", &ring)])
        .unwrap()
        .require_pipeline()
        .unwrap();
}

#[test]
fn shown_settings_mask_passwords() {
    let url = "postgres://dlr_svc:hunter2@localhost:5433/dlr?sslmode=disable";
    let loaded = load(&[("DATABASE_URL", url)]).unwrap();
    let lines: Vec<String> = loaded.settings().iter().map(ToString::to_string).collect();
    let shown = r#"postgres.url = "postgres://dlr_svc:********@localhost:5433/dlr?sslmode=disable"   (DATABASE_URL)"#;
    assert!(lines.iter().any(|line| line == shown), "{lines:#?}");
    assert!(
        lines.contains(&r#"pipeline.horizon = "73h"   (default)"#.to_owned()),
        "{lines:#?}"
    );
    assert!(
        lines.contains(&"nats.ca_file is unset   (default)".to_owned()),
        "{lines:#?}"
    );
    let everything = format!("{lines:?} {loaded:?}");
    assert!(!everything.contains("hunter2"), "{everything}");
}

/// The doc comment of a field is the documentation of its setting.
#[test]
fn every_variable_is_documented_at_its_field() {
    let source: String = [
        include_str!("deployment.rs"),
        include_str!("events.rs"),
        include_str!("lifecycle.rs"),
        include_str!("nats.rs"),
        include_str!("pipeline.rs"),
        include_str!("postgres.rs"),
        include_str!("probes.rs"),
        include_str!("seal.rs"),
        include_str!("streams.rs"),
        include_str!("sweep.rs"),
        include_str!("telemetry.rs"),
    ]
    .concat();
    for setting in load(&[]).unwrap().settings() {
        let variable = format!("DLR__{}", setting.name.to_uppercase().replace('.', "__"));
        assert!(
            source.contains(&format!("`{variable}`")),
            "{variable} is not documented"
        );
    }
}
