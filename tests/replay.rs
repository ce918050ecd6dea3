//! Second chances: what was decided once is decided anew, beside it.

mod again;
mod interrupted;
mod parked;
mod rejected;

use std::time::Duration;

use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::support::{PATIENCE, Process, TestApp, eventually, receipt, reconcile, report};

const RECORDED: [&str; 5] = ["replay", "--recorded", "--reason", "unknown_word", "--json"];

/// From now on `acme` means this by its own words.
async fn map_words(sql: &Client, revision: i32, words: &Value) {
    let profile = json!({ "words": words }).to_string();
    let insert = "INSERT INTO dlr_conf.carrier_profiles (carrier_id, revision, profile)
        VALUES ('acme', $1, $2::text::jsonb)";
    sql.execute(insert, &[&revision, &profile]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_word_that_is_mapped_later_is_decided_anew_once() {
    let app = TestApp::start().await;
    let message = app.message("7").await;
    app.message("8").await;
    app.message("9").await;
    for (id, stat) in [
        ("7", "RT:0148"),
        ("8", "rt:0148"),
        ("8", "DELIVRD"),
        ("9", "RT:0149"),
    ] {
        app.publish(receipt(id, stat)).await;
    }
    app.drained().await;
    let dispositions = app.dispositions().await;
    assert_eq!(dispositions, [1, 3, 0, 0]);

    map_words(&app.sql, 1, &json!({"RT:0148": "failed"})).await;
    let counts = json!({
        "found": 3, "stillUnknown": 1, "replayedBefore": 0, "beyondHorizon": 0, "applied": 1,
        "recorded": {"conflict": 1}, "refused": 0
    });
    let dry = report(&app.config, &[&RECORDED[..], &["--dry-run"]].concat()).await;
    assert_eq!((&dry["planned"], &dry["done"]), (&counts, &json!(null)));
    assert_eq!(app.status(message).await.0, "sent");

    let wet = report(&app.config, &RECORDED).await;
    assert_eq!((&wet["planned"], &wet["done"]), (&counts, &counts));
    assert_eq!(
        app.status(message).await,
        ("failed".into(), Some("RT:0148".into()))
    );
    let rows = "SELECT concat_ws(' ', seq, replay, disposition, reason, previous_status, status,
            reported_status, profile_revision, replayed_by, why)
        FROM dlr.replayed_receipts ORDER BY seq";
    let rows = app.column(rows).await;
    let why = "dlr_svc dlr replay --recorded --reason unknown_word";
    assert_eq!(
        rows,
        [
            format!("1 1 applied sent failed failed 1 {why}"),
            format!("2 1 recorded conflict delivered delivered failed 1 {why}"),
        ]
    );
    let confirmed = app.column("SELECT seq::text FROM dlr.replay_confirmations");
    assert_eq!(confirmed.await, ["1"]);
    for events in [app.webhooks().await, app.billing().await] {
        let [.., event] = &events[..] else {
            panic!("no event")
        };
        let data = &event.body["data"];
        assert_eq!(data["messageId"], json!(message.id));
        assert_eq!(
            (&data["status"], &data["stat"], &data["previousStatus"]),
            (&json!("failed"), &json!("RT:0148"), &json!("sent"))
        );
        assert_eq!(event.body["time"], data["processedAt"]);
        assert_eq!(events.len(), 2);
    }

    // The second time there is nothing to do, and the dispositions are what they were.
    let again = report(&app.config, &RECORDED).await;
    assert_eq!(again["done"]["replayedBefore"], json!(2));
    assert_eq!(again["done"]["applied"], json!(0));
    let count = app.column("SELECT count(*)::text FROM dlr.replayed_receipts");
    assert_eq!(count.await, ["2"]);
    assert_eq!(app.webhooks().await.len(), 2);
    assert_eq!(app.dispositions().await, dispositions);

    // What stands for something else by now is a further row.
    map_words(&app.sql, 2, &json!({"RT:0148": "delivered"})).await;
    let word = [&RECORDED[..], &["--word", "rt:0148", "--carrier", "acme"]].concat();
    let corrected = report(&app.config, &word).await;
    assert_eq!(corrected["done"]["found"], json!(2));
    assert_eq!(corrected["done"]["applied"], json!(1));
    assert_eq!(app.status(message).await.0, "delivered");
    let replays = app.column("SELECT replay::text FROM dlr.replayed_receipts WHERE seq = 1");
    assert_eq!(replays.await, ["1", "2"]);
    assert_eq!(
        app.billing().await[2].body["data"]["correction"],
        json!(true)
    );
    let (success, books) = reconcile(&app.onlooker(), &[]).await;
    assert!(success, "{books:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_word_that_is_sealed_is_read_with_the_key_and_does_not_show() {
    let app = TestApp::start().await;
    let message = app.message("7").await;
    app.publish(
        r#"{"carrierId":"acme","operatorMessageId":"7","stat":"RT-447700-900123","destAddr":"+447700900123"}"#,
    )
    .await;
    app.drained().await;
    let shown = app.column("SELECT coalesce(stat, 'sealed') FROM dlr.delivery_receipts");
    assert_eq!(shown.await, ["sealed"]);
    map_words(&app.sql, 1, &json!({"RT-447700-900123": "expired"})).await;
    let done = report(&app.config, &RECORDED).await;
    assert_eq!(done["done"]["applied"], json!(1));
    assert_eq!(
        app.status(message).await,
        ("expired".into(), Some("EXPIRED".into()))
    );
    assert_eq!(app.webhooks().await[0].body["data"]["stat"], json!(null));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_beyond_the_horizon_stays_as_it_is() {
    let app = TestApp::start().await;
    let message = app.message("7").await;
    app.publish(receipt("7", "RT:0148")).await;
    app.drained().await;
    app.sql
        .batch_execute("UPDATE orch.sms_messages SET created_at = now() - interval '74 hours'")
        .await
        .unwrap();
    map_words(&app.sql, 1, &json!({"RT:0148": "failed"})).await;
    let done = report(&app.config, &RECORDED).await;
    assert_eq!(done["done"]["beyondHorizon"], json!(1));
    assert_eq!(app.status(message).await.0, "sent");
    assert!(
        app.rows("SELECT FROM dlr.replayed_receipts")
            .await
            .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_that_met_an_unknown_status_is_made_up_for_when_it_is_known() {
    let app = TestApp::start().await;
    let message = app.message("7").await;
    app.publish(receipt("7", "RT:0148")).await;
    app.drained().await;
    let set = async |status: &str| {
        let update = "UPDATE orch.sms_messages SET status = $1";
        app.sql.execute(update, &[&status]).await.unwrap();
    };
    set("on_hold").await;
    map_words(&app.sql, 1, &json!({"RT:0148": "failed"})).await;
    let done = async || report(&app.config, &RECORDED).await["done"].clone();
    assert_eq!(done().await["recorded"], json!({"unknown_status": 1}));
    let again = done().await;
    assert_eq!(again["replayedBefore"], json!(1));
    assert_eq!(again["recorded"], json!({}));
    assert_eq!(app.status(message).await.0, "on_hold");

    set("sent").await;
    assert_eq!(done().await["applied"], json!(1));
    assert_eq!(app.status(message).await.0, "failed");
    assert_eq!(done().await["replayedBefore"], json!(1));
    let rows = app.column("SELECT replay || ' ' || disposition FROM dlr.replayed_receipts");
    assert_eq!(rows.await, ["1 recorded", "2 applied"]);
    assert_eq!(app.webhooks().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_postgresql_refuses_to_change_costs_the_others_nothing() {
    let app = TestApp::start().await;
    for n in 0..20 {
        app.message(&n.to_string()).await;
        app.publish(receipt(&n.to_string(), "RT:0148")).await;
    }
    app.drained().await;
    let constraint = "ALTER TABLE orch.sms_messages ADD CONSTRAINT poison
        CHECK (operator_message_id <> '13' OR status = 'sent')";
    app.sql.batch_execute(constraint).await.unwrap();
    map_words(&app.sql, 1, &json!({"RT:0148": "failed"})).await;
    let done = report(&app.config, &RECORDED).await;
    assert_eq!(done["done"]["applied"], json!(19));
    assert_eq!(done["done"]["refused"], json!(1));
    assert_eq!(app.webhooks().await.len(), 19);

    let mended = "ALTER TABLE orch.sms_messages DROP CONSTRAINT poison";
    app.sql.batch_execute(mended).await.unwrap();
    let again = report(&app.config, &RECORDED).await;
    assert_eq!(again["done"]["applied"], json!(1));
}

/// One message is refused, and another one is changed by somebody while the others get theirs.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_one_by_one_is_counted_though_another_was_faster() {
    let app = TestApp::start().await;
    for n in 0..20 {
        app.message(&n.to_string()).await;
        app.publish(receipt(&n.to_string(), "RT:0148")).await;
    }
    app.drained().await;
    let troubles = "ALTER TABLE orch.sms_messages ADD CONSTRAINT poison
            CHECK (operator_message_id <> '13' OR status = 'sent');
        CREATE SEQUENCE public.tries;
        CREATE FUNCTION public.moved() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
        BEGIN
            IF OLD.operator_message_id = '15' AND nextval('public.tries') <= 2 THEN
                RETURN NULL;
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER moved BEFORE UPDATE ON orch.sms_messages
            FOR EACH ROW EXECUTE FUNCTION public.moved()";
    app.sql.batch_execute(troubles).await.unwrap();
    map_words(&app.sql, 1, &json!({"RT:0148": "failed"})).await;
    let done = report(&app.config, &RECORDED).await;
    let count = |name: &str| done["done"][name].as_u64().unwrap();
    let counted = ["found", "applied", "refused", "replayedBefore"].map(count);
    assert_eq!(counted, [20, 19, 1, 0], "{done:#}");
    let tries = app.column("SELECT (last_value > 2)::text FROM public.tries");
    assert_eq!(tries.await, ["true"]);
    assert_eq!(app.webhooks().await.len(), 19);
}

/// A replay of one receipt that has decided, and can confirm nothing, is killed.
async fn killed_before_confirmation(app: &TestApp) {
    app.message("7").await;
    app.publish(receipt("7", "RT:0148")).await;
    app.drained().await;
    map_words(&app.sql, 1, &json!({"RT:0148": "failed"})).await;

    // Nobody takes this subject, so its events are never confirmed.
    let mut astray = app.config.clone();
    astray.streams.webhook_subject = "webhook.nowhere".into();
    let log = app.log_file().await;
    let mut process = Process::start_with(&astray, &RECORDED, &log);
    eventually(PATIENCE, "the decision is committed", async || {
        !app.rows("SELECT FROM dlr.replayed_receipts")
            .await
            .is_empty()
    })
    .await;
    // Long enough to see that it waits for the confirmation.
    eventually(PATIENCE, "it says what it waits for", async || {
        process.log().contains("trying again")
    })
    .await;
    process.kill();
    assert!(app.webhooks().await.is_empty());
    let confirmed = app.column("SELECT seq::text FROM dlr.replay_confirmations");
    assert_eq!(confirmed.await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_killed_between_commit_and_confirmation_is_announced_by_the_next() {
    let app = TestApp::start().await;
    killed_before_confirmation(&app).await;
    let next = report(&app.config, &RECORDED).await;
    assert_eq!(next["publishedAgain"], json!(1));
    assert_eq!(next["done"]["replayedBefore"], json!(1));
    let [webhook] = &app.webhooks().await[..] else {
        panic!("one webhook")
    };
    assert_eq!(webhook.body["data"]["status"], json!("failed"));
    let replayed = app.column(
        "SELECT to_char(replayed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US')
         FROM dlr.replayed_receipts",
    );
    let time = webhook.body["time"].as_str().unwrap().trim_end_matches('Z');
    assert!(replayed.await[0].starts_with(time.trim_end_matches('0')));
    let confirmed = app.column("SELECT seq::text FROM dlr.replay_confirmations");
    assert_eq!(confirmed.await, ["1"]);
    assert_eq!(
        report(&app.config, &RECORDED).await["publishedAgain"],
        json!(0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_replay_left_behind_is_announced_by_the_sweeper() {
    let mut app = TestApp::start().await;
    killed_before_confirmation(&app).await;
    app.stop_processors().await;
    // Else the next sweeper would think that somebody is at work on it.
    let older = "UPDATE dlr.replayed_receipts SET replayed_at = replayed_at - interval '1 minute'";
    app.sql.batch_execute(older).await.unwrap();
    app.add_processor().await;
    eventually(PATIENCE, "the replay is confirmed", async || {
        app.rows("SELECT FROM dlr.replay_confirmations").await.len() == 1
    })
    .await;
    let [webhook] = &app.webhooks().await[..] else {
        panic!("one webhook")
    };
    assert_eq!(webhook.body["data"]["status"], json!("failed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn replays_at_once_and_receipts_under_way_end_as_one_after_the_other() {
    const MESSAGES: usize = 700;
    let app = TestApp::start().await;
    let mut published = Vec::new();
    for n in 0..MESSAGES {
        app.message(&n.to_string()).await;
    }
    for stat in ["RT:1", "RT:2"] {
        for n in 0..MESSAGES {
            published.push(app.publish(receipt(&n.to_string(), stat)));
        }
    }
    futures_util::future::join_all(published).await;
    app.drained().await;
    map_words(&app.sql, 1, &json!({"RT:1": "accepted", "RT:2": "expired"})).await;
    let under_way = async {
        let failed = (0..MESSAGES).map(|n| app.publish(receipt(&n.to_string(), "UNDELIV")));
        futures_util::future::join_all(failed).await;
    };
    let (one, other, ()) = tokio::join!(
        report(&app.config, &RECORDED),
        report(&app.config, &RECORDED),
        under_way
    );
    app.drained_within(Duration::from_mins(2)).await;
    let decided = |report: &Value| {
        let done = &report["done"];
        let recorded = done["recorded"].as_object().unwrap().values();
        done["applied"].as_u64().unwrap() + recorded.map(|it| it.as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!(decided(&one) + decided(&other), 2 * MESSAGES as u64);
    let rows = app.column("SELECT count(*) || ' ' || max(replay) FROM dlr.replayed_receipts");
    assert_eq!(rows.await, [format!("{} 1", 2 * MESSAGES)]);
    let statuses = app.column("SELECT DISTINCT status FROM orch.sms_messages");
    assert_eq!(statuses.await, ["failed"]);
    // Every step up of every message is one row and one event.
    let steps = app.column(
        "SELECT count(*)::text FROM (
            SELECT disposition FROM dlr.replayed_receipts
            UNION ALL SELECT disposition FROM dlr.delivery_receipts) AS all_of_them
         WHERE disposition = 'applied'",
    );
    let steps: usize = steps.await[0].parse().unwrap();
    assert_eq!(app.distinct_events("WEBHOOK").await, steps);
}
