//! `dlr carriers`, as an operator types it.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use dlr::config;
use dlr::dev::postgres::Role;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::{bad, insert, says};
use crate::support::{DLR, Database};

/// Runs `dlr carriers` with these variables and this standard input.
fn carriers(variables: &[(&str, String)], arguments: &[&str], input: &str) -> Output {
    command("carriers", variables, arguments, input)
}

fn command(name: &str, variables: &[(&str, String)], arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(DLR);
    command
        .arg(name)
        .args(arguments)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    let mut child = command.spawn().unwrap();
    // It need not read what it has no use for.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    child.wait_with_output().unwrap()
}

/// The certificates of a role, and its URL in one of the settings.
fn signed_in(postgres: &config::Postgres, setting: &'static str) -> Vec<(&'static str, String)> {
    let path = |file: &Option<std::path::PathBuf>| file.as_ref().unwrap().display().to_string();
    vec![
        (setting, postgres.url.expose_secret().to_owned()),
        ("DLR__POSTGRES__CA_FILE", path(&postgres.ca_file)),
        ("DLR__POSTGRES__CERT_FILE", path(&postgres.cert_file)),
        ("DLR__POSTGRES__KEY_FILE", path(&postgres.key_file)),
    ]
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Sets a profile and expects that to succeed.
pub(super) fn set(postgres: &config::Postgres, carrier: &str, document: &Value) {
    let variables = signed_in(postgres, "DATABASE_URL");
    let output = carriers(&variables, &["set", carrier, "-"], &document.to_string());
    assert!(output.status.success(), "{}", text(&output.stderr));
}

/// A database and the role that writes profiles in it.
struct Desk {
    database: Database,
    variables: Vec<(&'static str, String)>,
}

impl Desk {
    async fn new() -> Self {
        let database = Database::new().await;
        let postgres = database.config(Role::Profiles);
        Self {
            variables: signed_in(&postgres, "DATABASE_URL"),
            database,
        }
    }

    /// What a command says and with which code it ends, with times written as `<when>`.
    async fn session(&self, steps: &[(&[&str], Value)]) -> String {
        let mut shown = String::new();
        for (arguments, input) in steps {
            let output = carriers(&self.variables, arguments, &input.to_string());
            let code = output.status.code().unwrap();
            let said = [text(&output.stdout), text(&output.stderr)].concat();
            let typed = arguments.join(" ");
            writeln!(shown, "$ dlr carriers {typed}   # {code}\n{said}").unwrap();
        }
        let admin = self.database.superuser().await;
        let times = "SELECT created_at FROM dlr_conf.carrier_profiles";
        for row in admin.query(times, &[]).await.unwrap() {
            let at: jiff::Timestamp = row.get(0);
            let seconds = at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
            shown = shown
                .replace(&at.to_string(), "<when>")
                .replace(&seconds, "<when>");
        }
        shown
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn list_show_and_set_say_what_counts_since_when_and_what_changes() {
    let desk = Desk::new().await;
    let admin = desk.database.superuser().await;
    let first = json!({"words": {"HANDSET": "delivered"}});
    let second = json!({"words": {"HANDSET": "delivered", "EATEN": "failed"}});
    let mut shown = desk
        .session(&[
            (&["list"], Value::Null),
            (&["show", "acme"], Value::Null),
            (&["set", "acme", "-", "--dry-run"], first.clone()),
            (&["set", "acme", "-"], first.clone()),
            (&["set", "acme", "-"], first.clone()),
            (&["set", "acme", "-"], second),
            (&["set", "initech", "-"], json!({})),
            (&["set", "initech", "-", "--json"], first),
        ])
        .await;
    insert(&admin, "acme", 3, &bad()).await;
    insert(&admin, "hooli", 1, &bad()).await;
    shown += &desk
        .session(&[
            (&["list"], Value::Null),
            (&["list", "--json"], Value::Null),
            (&["show", "acme"], Value::Null),
            (&["show", "acme", "--json"], Value::Null),
            (&["show", "acme", "--revision", "1"], Value::Null),
            (&["show", "acme", "--revision", "3"], Value::Null),
            (&["show", "acme", "--revision", "3", "--json"], Value::Null),
            (&["show", "acme", "--revision", "9"], Value::Null),
            (&["show", "acme", "--history"], Value::Null),
            (&["show", "hooli"], Value::Null),
            (&["show", "hooli", "--history", "--json"], Value::Null),
            // As if there were none.
            (&["set", "acme", "-"], json!({})),
            (&["show", "acme"], Value::Null),
        ])
        .await;
    insta::assert_snapshot!("carriers", shown);
}

#[tokio::test(flavor = "multi_thread")]
async fn set_refuses_what_the_processor_would_refuse_and_writes_nothing() {
    let desk = Desk::new().await;
    let shown = desk
        .session(&[
            (&["set", "acme", "-"], bad()),
            (&["set", "acme", "-"], json!({"timezone": "UTC"})),
            (&["set", "acme", "-"], json!(["words"])),
            (&["set", "Acme", "-"], json!({})),
            (&["set", "acme", "/nowhere/acme.json"], Value::Null),
        ])
        .await;
    insta::assert_snapshot!("carriers_refused", shown);
    for input in ["{", "", "{} {}", &" ".repeat(70_000), "\u{1b}[2J"] {
        let output = carriers(&desk.variables, &["set", "acme", "-"], input);
        assert_eq!(output.status.code(), Some(1), "{input}");
        assert_eq!(text(&output.stderr).lines().count(), 1);
    }
    let admin = desk.database.superuser().await;
    let rows = admin
        .query("SELECT FROM dlr_conf.carrier_profiles", &[])
        .await;
    assert!(rows.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_of_profiles_has_a_url_of_its_own_and_another_role_is_told() {
    let database = Database::new().await;
    let service = database.config(Role::Service);
    let profiles = database.config(Role::Profiles);
    let document = says("HANDSET").to_string();
    let try_to_set =
        |variables: &[(&str, String)]| carriers(variables, &["set", "acme", "-"], &document);

    // The processor's role reads and does not write.
    let as_service = signed_in(&service, "DATABASE_URL");
    assert!(carriers(&as_service, &["list"], "").status.success());
    let refused = try_to_set(&as_service);
    assert_eq!(refused.status.code(), Some(1));
    let said = text(&refused.stderr);
    assert!(said.contains("may not write carrier profiles"), "{said}");
    assert!(said.contains("DLR__POSTGRES__PROFILES_URL"), "{said}");
    let as_reader = signed_in(&database.config(Role::Reader), "DATABASE_URL");
    let refused = carriers(&as_reader, &["list"], "");
    assert!(text(&refused.stderr).contains("sign in as dlr_profiles"));

    // Beside the processor's, the role's own URL counts, in a file or in the setting.
    let file = std::env::temp_dir().join(format!("dlr-profiles-url-{}", uuid::Uuid::new_v4()));
    std::fs::write(&file, profiles.url.expose_secret()).unwrap();
    let mut by_file = signed_in(&profiles, "DLR__POSTGRES__PROFILES_URL");
    by_file[0] = (
        "DLR__POSTGRES__PROFILES_URL_FILE",
        file.display().to_string(),
    );
    by_file.push(("DATABASE_URL", service.url.expose_secret().to_owned()));
    let written = try_to_set(&by_file);
    assert!(written.status.success(), "{}", text(&written.stderr));
    std::fs::remove_file(&file).unwrap();
    let missing = try_to_set(&by_file);
    assert!(text(&missing.stderr).starts_with("dlr: postgres.profiles_url_file: "));
    let by_setting = signed_in(&profiles, "DLR__POSTGRES__PROFILES_URL");
    assert!(
        carriers(&by_setting, &["show", "acme"], "")
            .status
            .success()
    );

    let none = carriers(&[], &["list"], "");
    assert_eq!(none.status.code(), Some(78), "{}", text(&none.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_without_profiles_is_told_with_what_to_do() {
    let database = Database::empty().await;
    let admin = signed_in(&database.config(Role::Admin), "DATABASE_URL");
    let refused = carriers(&admin, &["list"], "");
    let said = text(&refused.stderr);
    assert!(said.contains("dlr migrate up"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_are_checked_by_the_profiles_in_force() {
    let desk = Desk::new().await;
    let decimal = json!({"ids": {
        "field": {"form": "decimal"}, "stored": {"form": "hex", "width": 8},
    }});
    set(&desk.database.config(Role::Profiles), "acme", &decimal);
    let receipt = |carrier| json!({"carrierId": carrier, "operatorMessageId": "0059113978", "stat": "DELIVRD"});
    let input = format!("{}\n{}\n", receipt("acme"), receipt("other"));
    let arguments = ["check", "-", "--from-database", "--json"];
    let output = command("receipts", &desk.variables, &arguments, &input);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let lines = text(&output.stdout).lines();
    let reports: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let told = |at: usize| {
        let receipt = &reports[at]["receipt"];
        (&receipt["operatorMessageId"], &receipt["profileRevision"])
    };
    assert_eq!(told(0), (&json!("038601fa"), &json!(1)));
    assert_eq!(told(1), (&json!("0059113978"), &json!(0)));
}
