//! What is proposed is written, and the parked receipts find their messages.

use serde_json::{Value, json};

use super::planting::{Planted, app, diagnosed, numbers, plant};
use super::text;
use crate::support::{PATIENCE, TestApp, eventually, run};

const APPLY: [&str; 5] = ["carriers", "diagnose", "acme", "--apply", "--json"];

/// Decimal text where hexadecimal is stored, and five receipts without a message.
async fn planted() -> TestApp {
    let app = app().await;
    let receipts = numbers(100).enumerate().map(|(at, n)| {
        let mut one = Planted::new(text(&format!("{n:010}")), format!("{n:x}"));
        one.stored = one.stored.filter(|_| at >= 5);
        one
    });
    plant(&app, "acme", receipts).await;
    app.drained().await;
    assert_eq!(app.dispositions().await, [0, 0, 100, 0]);
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn applied_it_is_the_next_revision_and_the_sweeper_matches_what_is_parked() {
    let mut app = planted().await;
    app.stop_processors().await;
    app.config.sweep.enabled = true;
    app.add_processor().await;

    let output = run(&app.config, &APPLY).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let expected = json!({
        "revision": 1, "openBefore": 100, "resolved": 95, "open": 5, "expected": 95,
    });
    assert_eq!(report["applied"], expected);

    let matched = "SELECT format('%s %s %s', status, dlr_status, count(*))
                   FROM orch.sms_messages GROUP BY status, dlr_status";
    assert_eq!(app.column(matched).await, ["delivered DELIVRD 95"]);
    let late = "SELECT format('%s %s %s', disposition, profile_revision, count(*))
                FROM dlr.delivery_receipts WHERE late GROUP BY disposition, profile_revision";
    assert_eq!(app.column(late).await, ["applied 1 95"]);
    eventually(PATIENCE, "every message is billed", async || {
        app.distinct_events(&app.config.streams.billing).await == 95
    })
    .await;
    let by = "SELECT created_by FROM dlr_conf.carrier_profiles";
    assert_eq!(app.column(by).await, ["dlr_profiles"]);

    let (diagnosis, code) = diagnosed(&app, "acme").await;
    assert_eq!((code, &diagnosis["proposal"]), (0, &Value::Null));
    assert_eq!(diagnosis["parked"]["open"], json!(5));
    let output = run(&app.config, &APPLY).await;
    assert!(output.status.success());
    assert_eq!(app.column(by).await.len(), 1);
    app.stop_processors().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_sweeps_the_command_does() {
    let app = planted().await;
    let output = run(&app.config, &["carriers", "diagnose", "acme", "--apply"]).await;
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success(), "{said}");
    assert!(said.contains("acme: revision 1 is written"), "{said}");
    assert!(said.contains("95 have ended, 5 are still open"), "{said}");
    let late = "SELECT count(*)::text FROM dlr.delivery_receipts WHERE late";
    assert_eq!(app.column(late).await, ["95"]);
    assert_eq!(app.distinct_events(&app.config.streams.billing).await, 95);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_it_from_being_applied_is_said() {
    let app = planted().await;
    // The processor's role may read profiles, not write them.
    let mut config = app.config.clone();
    config.postgres.profiles_url = String::new().into();
    let output = run(&config, &APPLY).await;
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("sign in as dlr_profiles"), "{said}");
    let revisions = "SELECT profile::text FROM dlr_conf.carrier_profiles";
    assert!(app.column(revisions).await.is_empty());

    // Without a way out for events it cannot sweep.
    let mut config = app.config.clone();
    config.nats.url = String::new();
    let output = run(&config, &APPLY).await;
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("nobody sweeps"), "{said}");
    assert_eq!(app.column(revisions).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_that_was_changed_meanwhile_is_not_written_over() {
    let app = planted().await;
    // Not to be seen before it is committed, and in the way of whoever writes the same revision.
    let other = app.database.superuser().await;
    other
        .batch_execute(
            "BEGIN;
             INSERT INTO dlr_conf.carrier_profiles (carrier_id, revision, profile)
             VALUES ('acme', 1, '{\"horizon\": \"48h\"}')",
        )
        .await
        .unwrap();
    let waits = async {
        app.blocked(None, "it waits for the other writer").await;
        other.batch_execute("COMMIT").await.unwrap();
    };
    let (output, ()) = tokio::join!(run(&app.config, &APPLY), waits);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("was changed meanwhile"), "{said}");
    let revisions = "SELECT revision || ' ' || profile FROM dlr_conf.carrier_profiles";
    assert_eq!(app.column(revisions).await, [r#"1 {"horizon": "48h"}"#]);
}

/// A carrier that wrote as the orchestrator does, until receipts came that are written in decimal:
/// it writes otherwise now, or has failed over to an SMSC that does.
#[tokio::test(flavor = "multi_thread")]
async fn what_matched_until_now_is_given_up_only_by_whoever_accepts_that() {
    let app = app().await;
    let hex = |n: u64| format!("{n:x}");
    let field = |id: String| json!({"operatorMessageId": id});
    let before = numbers(400).map(|n| Planted::new(field(hex(n)), hex(n)));
    plant(&app, "acme", before).await;
    app.drained().await;
    let after = numbers(460).skip(400);
    let after = after.map(|n| Planted::new(field(n.to_string()), hex(n)));
    plant(&app, "acme", after).await;
    app.drained().await;
    assert_eq!(app.dispositions().await, [400, 0, 60, 0]);
    // It is one of many carriers, and a busier one was heard first.
    let others = "INSERT INTO dlr.delivery_receipts
        SELECT (jsonb_populate_record(one, jsonb_build_object(
            'seq', 1000000 + n, 'receipt_id', gen_random_uuid(), 'carrier_id', 'other',
            'stored_at', one.stored_at - interval '1 minute'))).*
        FROM dlr.delivery_receipts AS one, generate_series(1, 1300) AS n
        WHERE one.seq = (SELECT min(seq) FROM dlr.delivery_receipts)";
    app.sql.batch_execute(others).await.unwrap();

    let (diagnosis, code) = diagnosed(&app, "acme").await;
    assert_eq!(code, 1);
    let proposal = &diagnosis["proposal"];
    let rules = json!({"field": {"form": "decimal"}, "stored": {"form": "hex"}});
    assert_eq!(
        proposal["profile"],
        json!({ "ids": rules }),
        "{diagnosis:#}"
    );
    assert_eq!(proposal["losses"], json!({"lost": 400, "of": 400}));

    let lost = "400 of 400 that matched in the last 24 h would match no more";
    let output = run(&app.config, &["carriers", "diagnose", "acme", "--apply"]).await;
    assert_eq!(output.status.code(), Some(1));
    let refused = String::from_utf8(output.stderr).unwrap();
    assert!(
        refused.contains(lost) && refused.contains("--accept-losses"),
        "{refused}"
    );
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(
        told.contains("of 400 that matched in the last 24 h 400 would match no more")
            && told.contains("--apply --accept-losses"),
        "{told}"
    );
    let revisions = "SELECT profile::text FROM dlr_conf.carrier_profiles";
    assert!(app.column(revisions).await.is_empty());

    let accepting = [&APPLY[..], &["--accept-losses"]].concat();
    let output = run(&app.config, &accepting).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(app.column(revisions).await.len(), 1);
    let late = "SELECT count(*)::text FROM dlr.delivery_receipts WHERE late";
    assert_eq!(app.column(late).await, ["60"]);
}

/// A busy carrier: more receipts are parked between the study and the writing.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_parked_after_the_study_does_not_count_against_it() {
    let mut app = planted().await;
    app.stop_processors().await;
    app.config.sweep.enabled = true;
    app.add_processor().await;
    let other = app.database.superuser().await;
    other
        .batch_execute(
            "BEGIN;
             INSERT INTO dlr_conf.carrier_profiles (carrier_id, revision, profile)
             VALUES ('acme', 1, '{}')",
        )
        .await
        .unwrap();
    let meanwhile = async {
        app.blocked(None, "the study is over").await;
        let missing = (1..=50).map(|n| Planted::missing(text(&format!("77{n}"))));
        plant(&app, "acme", missing).await;
        app.drained().await;
        other.batch_execute("ROLLBACK").await.unwrap();
    };
    let (output, ()) = tokio::join!(run(&app.config, &APPLY), meanwhile);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let expected = json!({
        "revision": 1, "openBefore": 100, "resolved": 95, "open": 5, "expected": 95,
    });
    assert_eq!(report["applied"], expected);
    app.stop_processors().await;
}
