//! What the commands say about receipts full of numbers.

use dlr::config::Config;
use dlr::dev::nats::Identity;

use crate::support::{TestApp, run};

/// Everything that every command prints, in both of its forms.
pub(super) async fn said(app: &TestApp) -> String {
    let profile = "INSERT INTO dlr_conf.carrier_profiles (carrier_id, revision, profile)
        VALUES ('acme', 1, '{\"words\": {\"RT:0148\": \"failed\"}}')";
    app.sql.batch_execute(profile).await.unwrap();
    let auditor = Config {
        nats: app.nats.config(Identity::Reconcile),
        ..app.config.clone()
    };
    let recorded = ["replay", "--recorded", "--reason", "unknown_word"];
    let span = ["--from", "2h ago", "--to", "1ms ago", "--dry-run"];
    let mut said = String::new();
    let commands = [
        [&recorded[..], &["--dry-run"]].concat(),
        [&recorded[..], &["--json"]].concat(),
        vec!["replay", "--parked"],
        [
            &["events", "replay", "--subject", "webhook.dispatch"],
            &span[..],
        ]
        .concat(),
        [
            &["events", "replay", "--subject", "sms.dlr.unmatched"],
            &span[..],
        ]
        .concat(),
        vec!["carriers", "list"],
        vec!["carriers", "show", "hexa", "--json"],
    ];
    for args in commands {
        said += &told(&app.config, &args).await;
    }
    said += &told(&auditor, &["replay", "--rejected", "--dry-run"]).await;
    for sequence in 1..=app.dispositions().await.iter().sum::<i64>() {
        let sequence = sequence.to_string();
        let args = ["inspect", &sequence, "--json"];
        let (lines, json) = tokio::join!(told(&auditor, &args[..2]), told(&auditor, &args));
        assert!(!lines.contains('\u{1b}'), "a carrier moves the cursor");
        said += &lines;
        said += &json;
    }
    said
}

async fn told(config: &Config, args: &[&str]) -> String {
    let output = run(config, args).await;
    let [out, err] = [output.stdout, output.stderr].map(|it| String::from_utf8(it).unwrap());
    assert!(output.status.success(), "{args:?}: {err}");
    format!("{out}\n{err}\n")
}
