//! Carriers that write otherwise than the orchestrator stored.

use dlr::dev::postgres::Role;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{TestApp, run};

/// What a gateway publishes, and what the orchestrator stored.
pub(super) struct Planted {
    pub(super) payload: Value,
    pub(super) stored: Option<String>,
}

impl Planted {
    pub(super) fn new(fields: Value, stored: impl Into<String>) -> Self {
        Self {
            payload: fields,
            stored: Some(stored.into()),
        }
    }

    /// Its message was never written.
    pub(super) fn missing(fields: Value) -> Self {
        Self {
            payload: fields,
            stored: None,
        }
    }
}

/// Numbers far from each other, as those of a busy carrier are for one of its customers.
pub(super) fn numbers(count: u32) -> impl Iterator<Item = u64> {
    (1..=count).map(|n| u64::from(n.wrapping_mul(0x9E37_79B1)) | 0x1000_0000)
}

/// An app whose processor does not sweep; the role that writes profiles is at hand.
pub(super) async fn app() -> TestApp {
    let mut app = TestApp::start_with(|config| config.sweep.enabled = false).await;
    let profiles = app.database.config(Role::Profiles);
    let postgres = &mut app.config.postgres;
    postgres.profiles_url = profiles.url;
    postgres.profiles_cert_file = profiles.cert_file;
    postgres.profiles_key_file = profiles.key_file;
    app
}

/// Stores the messages, publishes the receipts and waits for their dispositions.
pub(super) async fn plant(
    app: &TestApp,
    carrier: &str,
    planted: impl IntoIterator<Item = Planted>,
) {
    let mut stored = Vec::new();
    let mut published = Vec::new();
    for mut one in planted {
        one.payload["carrierId"] = json!(carrier);
        if one.payload.get("rawPayload").is_none() {
            one.payload["stat"] = json!("DELIVRD");
        }
        stored.extend(one.stored);
        published.push(app.publish(one.payload.to_string()));
    }
    store(app, carrier, &stored).await;
    futures_util::future::join_all(published).await;
}

/// Messages of a carrier, sent and waiting for their receipts.
pub(super) async fn store(app: &TestApp, carrier: &str, ids: &[String]) {
    let accounts: Vec<Uuid> = ids.iter().map(|_| Uuid::new_v4()).collect();
    app.sql
        .execute(
            "INSERT INTO orch.sms_messages (id, account_id, carrier_id, operator_message_id, status)
             SELECT gen_random_uuid(), account, $1, id, 'sent'
             FROM unnest($2::text[], $3::uuid[]) AS v (id, account)",
            &[&carrier, &ids, &accounts],
        )
        .await
        .unwrap();
}

/// What the command says about one carrier, and its exit code.
pub(super) async fn diagnosed(app: &TestApp, carrier: &str) -> (Value, i32) {
    let output = run(&app.config, &["carriers", "diagnose", carrier, "--json"]).await;
    let said = String::from_utf8_lossy(&output.stderr);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"));
    let code = output.status.code().unwrap();
    (report["carriers"][0].clone(), code)
}
