//! The program as an operator meets it: what it refuses, what it shows, and how it ends.

mod receipts;
mod refusals;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use dlr::dev::nats::Identity;
use dlr::dev::postgres::Role;
use dlr::seal::KeyRing;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::support::{DLR, TestApp};

const REFUSED: i32 = 78;

/// A folder of a test's own, with what a complete configuration needs.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("dlr-cli-{}", uuid::Uuid::new_v4()));
        fs::create_dir(&folder).unwrap();
        let folder = Self(folder);
        folder.write("ring", 0o600, KeyRing::generate().as_bytes());
        folder.write("pem", 0o600, b"");
        folder.write("open", 0o644, b"");
        folder
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    fn write(&self, name: &str, mode: u32, content: &[u8]) -> String {
        fs::write(self.0.join(name), content).unwrap();
        fs::set_permissions(self.0.join(name), Permissions::from_mode(mode)).unwrap();
        self.path(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn dlr(args: &[&str], variables: &[(String, String)]) -> Output {
    let mut command = Command::new(DLR);
    command.args(args).env_clear();
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Complete, and pointing at nobody: what is refused is refused before anything is connected to.
fn complete(folder: &Folder) -> Vec<(String, String)> {
    [
        ("DLR__NATS__URL", "nats://127.0.0.1:1".to_owned()),
        (
            "DLR__POSTGRES__URL",
            "postgres://dlr_svc:hunter2@127.0.0.1:1/dlr".to_owned(),
        ),
        ("DLR__SEAL__KEYRING_FILE", folder.path("ring")),
        ("DLR__PROBES__BIND", "127.0.0.1:0".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

/// The complete configuration with some variables set otherwise; an empty one counts as unset.
fn with(folder: &Folder, changes: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut variables = complete(folder);
    for (name, value) in changes {
        variables.retain(|(known, _)| known != name);
        variables.push(((*name).to_owned(), (*value).to_owned()));
    }
    variables
}

#[test]
fn check_config_shows_what_counts_whence_and_no_password() {
    let folder = Folder::new();
    let file = folder.write(
        "dlr.toml",
        0o600,
        b"[pipeline]\nlanes = 3\nbatch_max = 10\n",
    );
    let variables = with(
        &folder,
        &[("DLR__PIPELINE__BATCH_MAX", "20"), ("DLR_CONFIG", &file)],
    );

    let lines = dlr(&["check-config"], &variables);
    let shown = text(&lines.stdout);
    assert!(lines.status.success(), "{}", text(&lines.stderr));
    for line in [
        format!("pipeline.lanes = 3   ({file})"),
        "pipeline.batch_max = 20   (DLR__PIPELINE__BATCH_MAX)".to_owned(),
        "pipeline.horizon = \"73h\"   (default)".to_owned(),
        "postgres.url = \"postgres://dlr_svc:********@127.0.0.1:1/dlr\"   (DLR__POSTGRES__URL)"
            .to_owned(),
        "nats.ca_file is unset   (default)".to_owned(),
    ] {
        assert!(
            shown.lines().any(|it| it == line),
            "{line} is missing in\n{shown}"
        );
    }

    let document = dlr(&["check-config", "--json"], &variables);
    let parsed: Value = serde_json::from_slice(&document.stdout).unwrap();
    let settings = parsed["settings"].as_array().unwrap();
    assert_eq!(settings.len(), shown.lines().count());
    let lanes = json!({"name": "pipeline.lanes", "value": 3, "origin": file});
    assert!(settings.contains(&lanes));
    for output in [lines, document] {
        let said = [output.stdout, output.stderr].concat();
        assert!(!text(&said).contains("hunter2"), "{}", text(&said));
    }

    // What is there is shown beside what is missing.
    let missing = dlr(&["check-config"], &with(&folder, &[("DLR__NATS__URL", "")]));
    assert_eq!(missing.status.code(), Some(REFUSED));
    assert!(text(&missing.stderr).starts_with("dlr: nats.url: not set"));
    assert!(text(&missing.stdout).contains("nats.url is unset"));
}

#[test]
fn every_help_is_as_it_was() {
    let all: [&[&str]; 20] = [
        &[],
        &["run"],
        &["dev"],
        &["migrate"],
        &["migrate", "up"],
        &["migrate", "down"],
        &["provision"],
        &["receipts"],
        &["receipts", "check"],
        &["carriers"],
        &["carriers", "list"],
        &["carriers", "show"],
        &["carriers", "diagnose"],
        &["carriers", "set"],
        &["replay"],
        &["events"],
        &["events", "replay"],
        &["inspect"],
        &["reconcile"],
        &["check-config"],
    ];
    let mut shown = String::new();
    for subcommand in all {
        let output = dlr(&[subcommand, &["--help"]].concat(), &[]);
        assert!(output.status.success());
        let command = [&["dlr"], subcommand].concat().join(" ");
        shown.extend(["$ ", &command, " --help\n", text(&output.stdout), "\n"]);
    }
    insta::assert_snapshot!("help", shown);
    // What is not for hands does not show.
    assert!(!shown.contains("supervise"));
}

fn path(file: Option<&Path>) -> String {
    file.unwrap().display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn migrate_status_and_provision_check_say_what_is_missing_by_their_exit_code() {
    let app = TestApp::unprovisioned(|_| {}).await;
    let postgres = app.database.config(Role::Admin);
    let nats = app.nats.config(Identity::Provisioner);
    let variables: Vec<(String, String)> = [
        (
            "DLR__POSTGRES__URL",
            postgres.url.expose_secret().to_owned(),
        ),
        ("DLR__POSTGRES__CA_FILE", path(postgres.ca_file.as_deref())),
        (
            "DLR__POSTGRES__CERT_FILE",
            path(postgres.cert_file.as_deref()),
        ),
        (
            "DLR__POSTGRES__KEY_FILE",
            path(postgres.key_file.as_deref()),
        ),
        ("DLR__NATS__URL", nats.url.clone()),
        ("DLR__NATS__CA_FILE", path(nats.ca_file.as_deref())),
        ("DLR__NATS__CERT_FILE", path(nats.cert_file.as_deref())),
        ("DLR__NATS__KEY_FILE", path(nats.key_file.as_deref())),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec();
    let run = |args: &[&str]| tokio::task::block_in_place(|| dlr(args, &variables));

    let status = run(&["migrate", "status", "--json"]);
    assert!(status.status.success(), "{}", text(&status.stderr));
    let report: Value = serde_json::from_slice(&status.stdout).unwrap();
    let migrations = report["migrations"].as_array().unwrap();
    assert!(
        !migrations.is_empty() && migrations.iter().all(|it| it["state"] == "applied"),
        "{report}"
    );
    assert!(run(&["migrate", "down", "--to", "0"]).status.success());
    let status = run(&["migrate", "status"]);
    assert_eq!(status.status.code(), Some(1));
    assert!(
        text(&status.stdout)
            .lines()
            .all(|line| line.starts_with("pending")),
        "{}",
        text(&status.stdout)
    );

    let check = run(&["provision", "--check"]);
    assert_eq!(check.status.code(), Some(1));
    for item in [
        "stream SMS_DLR: missing",
        "consumer SMS_DLR/dlr-processor: missing",
    ] {
        assert!(
            text(&check.stdout).contains(item),
            "{}",
            text(&check.stdout)
        );
    }
    assert!(run(&["provision"]).status.success());
    assert!(run(&["provision", "--check"]).status.success());
}
