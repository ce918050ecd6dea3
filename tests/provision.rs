//! `dlr provision`, run as an operator runs it.

use std::process::{Command, Output};

use dlr::{
    broker::{self, BindError},
    config,
    dev::nats::Identity,
};
use serde_json::Value;

use crate::support::{
    DLR,
    nats::{Hub, on_each_version, streams},
};

/// Runs `dlr provision` with the provisioner's certificate.
fn provision(nats: &config::Nats, args: &[&str]) -> Output {
    let streams = streams();
    let file = |path: &Option<std::path::PathBuf>| path.clone().unwrap();
    Command::new(DLR)
        .arg("provision")
        .args(args)
        .env_clear()
        .env("DLR__NATS__URL", &nats.url)
        .env("DLR__NATS__CA_FILE", file(&nats.ca_file))
        .env("DLR__NATS__CERT_FILE", file(&nats.cert_file))
        .env("DLR__NATS__KEY_FILE", file(&nats.key_file))
        .env(
            "DLR__STREAMS__INBOUND_MAX_BYTES",
            streams.inbound_max_bytes.to_string(),
        )
        .env(
            "DLR__STREAMS__OUTPUT_MAX_BYTES",
            streams.output_max_bytes.to_string(),
        )
        .output()
        .unwrap()
}

async fn run(hub: &Hub, args: &'static [&'static str]) -> (bool, String) {
    let nats = hub.server.config(Identity::Provisioner);
    let output = tokio::task::spawn_blocking(move || provision(&nats, args))
        .await
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

#[tokio::test]
async fn makes_everything_once() {
    on_each_version(async |hub| {
        let (ok, said) = run(hub, &["--check"]).await;
        assert!(!ok);
        assert_eq!(said.matches(": missing").count(), 10, "{said}");

        let (ok, said) = run(hub, &[]).await;
        assert!(ok, "{said}");
        assert_eq!(said.matches(": made").count(), 10, "{said}");
        let made = configurations(hub).await;

        let (ok, said) = run(hub, &[]).await;
        assert!(ok, "{said}");
        assert_eq!(said.matches(": as wanted").count(), 10, "{said}");
        assert_eq!(configurations(hub).await, made);

        let (ok, said) = run(hub, &["--check", "--json"]).await;
        assert!(ok, "{said}");
        let report: Value = serde_json::from_str(&said).unwrap();
        let items = report["items"].as_array().unwrap();
        assert_eq!(items.len(), 10);
        assert!(items.iter().all(|it| it["state"] == "as_wanted"), "{said}");
    })
    .await;
}

async fn configurations(hub: &Hub) -> Vec<async_nats::jetstream::stream::Config> {
    let provisioner = hub.connect(Identity::Provisioner).await;
    let mut configs = Vec::new();
    for stream in [
        "SMS_DLR",
        "BILLING",
        "WEBHOOK",
        "SMS_DLR_UNMATCHED",
        "AUDIT",
    ] {
        let stream = provisioner.jetstream.get_stream(stream).await.unwrap();
        configs.push(stream.cached_info().config.clone());
    }
    configs
}

#[tokio::test]
async fn mends_a_consumer_and_says_how_it_differed() {
    on_each_version(async |hub| {
        hub.provision().await;
        let provisioner = hub.connect(Identity::Provisioner).await;
        let stream = provisioner.jetstream.get_stream("SMS_DLR").await.unwrap();
        let mut consumer = stream.consumer_info("dlr-processor").await.unwrap().config;
        consumer.max_ack_pending = 1000;
        provisioner
            .jetstream
            .update_consumer_on_stream(consumer, "SMS_DLR")
            .await
            .unwrap();

        let processor = hub.connect(Identity::Processor).await;
        let nats = hub.server.config(Identity::Processor);
        let error = broker::bind(&processor.client, &nats, &streams())
            .await
            .unwrap_err();
        assert!(matches!(error, BindError::Differs { .. }), "{error:?}");
        assert!(error.to_string().contains("`dlr provision`"), "{error}");

        let difference = r#"max_ack_pending: found "1000", wanted "20000""#;
        let (ok, said) = run(hub, &["--check"]).await;
        assert!(!ok && said.contains(difference), "{said}");
        let (ok, said) = run(hub, &[]).await;
        assert!(
            ok && said.contains("SMS_DLR/dlr-processor: changed"),
            "{said}"
        );
        broker::bind(&processor.client, &nats, &streams())
            .await
            .unwrap();
    })
    .await;
}

#[tokio::test]
async fn lowers_no_retention_without_being_told() {
    on_each_version(async |hub| {
        hub.provision().await;
        let provisioner = hub.connect(Identity::Provisioner).await;
        let stream = provisioner.jetstream.get_stream("BILLING").await.unwrap();
        let mut longer = stream.cached_info().config.clone();
        longer.max_age *= 2;
        longer.description = Some("kept for the auditors".into());
        provisioner.jetstream.update_stream(longer).await.unwrap();
        let before = configurations(hub).await;

        let (ok, said) = run(hub, &[]).await;
        assert!(!ok, "{said}");
        assert!(
            said.contains("BILLING") && said.contains("max_age"),
            "{said}"
        );
        assert!(said.contains("`dlr provision --lower-retention`"), "{said}");
        assert_eq!(configurations(hub).await, before);

        let (ok, said) = run(hub, &["--lower-retention"]).await;
        assert!(ok, "{said}");
        let after = configurations(hub).await;
        assert_eq!(after[1].max_age * 2, before[1].max_age);
        assert_eq!(after[1].description, before[1].description);
    })
    .await;
}

#[tokio::test]
async fn refuses_a_stranger_plainly() {
    on_each_version(async |hub| {
        let mut nats = hub.server.config(Identity::Provisioner);
        let files = crate::support::servers()
            .await
            .authority
            .client_uri("spiffe://x/y")
            .unwrap();
        nats.cert_file = Some(files.cert);
        nats.key_file = Some(files.key);
        let output = tokio::task::spawn_blocking(move || provision(&nats, &["--check"]))
            .await
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success());
        assert!(said.contains("knows no user for our certificate"), "{said}");
    })
    .await;
}
