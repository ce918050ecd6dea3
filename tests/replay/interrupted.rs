//! A replay that somebody stops.

use std::fs::{self, File};

use rustix::process::Signal;
use serde_json::{Value, json};

use super::{RECORDED, map_words};
use crate::support::{PATIENCE, Process, TestApp, eventually, receipt, report, servers};

/// Receipts of one page.
const PAGE: usize = 500;

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_replay_says_what_it_did() {
    let app = TestApp::start().await;
    app.message("7").await;
    let message = app.message("8").await;
    app.publish(receipt("7", "DELIVRD")).await;
    let page = (0..PAGE).map(|_| app.publish(receipt("7", "RT:1")));
    futures_util::future::join_all(page).await;
    app.publish(receipt("8", "RT:1")).await;
    app.drained().await;
    map_words(&app.sql, 1, &json!({"RT:1": "accepted"})).await;

    // Nobody takes this subject, so the one receipt that has events is never done with.
    let mut astray = app.config.clone();
    astray.streams.webhook_subject = "webhook.nowhere".into();
    let folder = servers().await.supervisor.folder();
    let file = |ending: &str| folder.join(format!("{}.{ending}", app.database.name()));
    let out = file("out");
    let printed = File::create(&out).unwrap();
    let mut process = Process::start_printing(&astray, &RECORDED, &file("log"), printed);
    eventually(PATIENCE, "it says what it waits for", async || {
        process.log().contains("trying again")
    })
    .await;
    process.signal(Signal::TERM);
    assert_eq!(process.ended(PATIENCE).await.code(), Some(1));
    assert!(process.log().contains("interrupted by SIGTERM"));
    let said: Value = serde_json::from_slice(&fs::read(&out).unwrap()).unwrap();
    assert_eq!(said["planned"]["applied"], json!(1));
    assert_eq!(said["done"]["recorded"], json!({"not_higher": PAGE}));
    assert_eq!(said["done"]["applied"], json!(0));
    assert_eq!(said["complete"], json!(false));

    let next = report(&app.config, &RECORDED).await;
    assert_eq!(next["publishedAgain"], json!(1));
    assert_eq!(next["done"]["replayedBefore"], json!(PAGE + 1));
    assert_eq!(next["complete"], json!(true));
    assert_eq!(app.status(message).await.0, "accepted");
}
