//! One envelope's whole story, told to whoever may hear it.

use dlr::config::Config;
use dlr::dev::nats::Identity;
use serde_json::{Value, json};

use crate::support::{TestApp, receipt, report, run};

async fn inspect(config: &Config, sequence: u64) -> Value {
    report(config, &["inspect", &sequence.to_string(), "--json"]).await
}

/// What it prints for eyes.
async fn lines(config: &Config, sequence: u64) -> String {
    let output = run(config, &["inspect", &sequence.to_string()]).await;
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

async fn event_ids(app: &TestApp) -> Vec<String> {
    let mut ids = Vec::new();
    for stream in ["SMS_DLR_UNMATCHED", "BILLING", "WEBHOOK"] {
        ids.extend(app.stream(stream).await.into_iter().map(|event| event.id));
    }
    ids.sort();
    ids
}

fn told_ids(stories: &[&Value]) -> Vec<String> {
    let events = stories
        .iter()
        .flat_map(|story| story["events"].as_array().unwrap());
    let mut ids: Vec<String> = events
        .map(|event| event["id"].as_str().unwrap().to_owned())
        .collect();
    ids.sort();
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn a_story_goes_from_the_stream_to_the_events() {
    let app = TestApp::start().await;
    let message = app.message("7").await;
    let recorded = app.publish(receipt("7", "RT:0148")).await;
    let applied = app.publish(receipt("7", "EXPIRED")).await;
    let parked = app.publish(receipt("nobody", "DELIVRD")).await;
    let rejected = app.publish("no receipt").await;
    app.drained().await;
    let profile = "INSERT INTO dlr_conf.carrier_profiles (carrier_id, revision, profile)
        VALUES ('acme', 1, '{\"words\": {\"RT:0148\": \"delivered\"}}')";
    app.sql.batch_execute(profile).await.unwrap();
    let replay = ["replay", "--recorded", "--reason", "unknown_word", "--json"];
    report(&app.config, &replay).await;

    let onlooker = app.onlooker();
    let mut insider = app.config.clone();
    insider.nats = app.nats.config(Identity::Reconcile);
    let first = inspect(&insider, recorded).await;
    assert_eq!(first["disposition"], json!("recorded"));
    assert_eq!(first["receipt"]["reason"], json!("unknown_word"));
    assert_eq!(first["inStream"]["reading"]["stat"], json!("RT:0148"));
    let replay = &first["replays"][0];
    assert_eq!(
        (
            &replay["disposition"],
            &replay["previousStatus"],
            &replay["status"]
        ),
        (&json!("applied"), &json!("expired"), &json!("delivered"))
    );
    assert!(replay["confirmedAt"].is_string());
    assert_eq!(
        first["message"],
        json!({"status": "delivered", "dlrStatus": "RT:0148"})
    );
    assert_eq!(first["receipt"]["messageId"], json!(message.id));
    assert_eq!(first["unseen"], json!([]));

    let second = inspect(&onlooker, applied).await;
    assert_eq!(second["disposition"], json!("applied"));
    let third = inspect(&onlooker, parked).await;
    assert_eq!(third["disposition"], json!("parked"));
    assert_eq!(third["parked"]["reason"], json!("no_message"));
    assert!(third["looks"]["nextAt"].is_string(), "{third}");
    let fourth = inspect(&onlooker, rejected).await;
    assert_eq!(fourth["rejected"]["reason"], json!("unknown_encoding"));
    assert_eq!(
        fourth["inStream"]["reading"],
        json!({"as": "rejected", "reason": "unknown_encoding", "field": null})
    );
    // Profiles are not for a reader's eyes, and he is told so.
    assert_eq!(third["unseen"].as_array().unwrap().len(), 1);
    assert!(third["unseen"][0].as_str().unwrap().contains("profiles"));
    // What the streams have is what the stories say.
    assert_eq!(
        told_ids(&[&first, &second, &third, &fourth]),
        event_ids(&app).await
    );
    let shown = lines(&insider, recorded).await;
    for said in [
        "stream: has it, 61 bytes on sms.dlr.inbound",
        "disposition: recorded",
        "replay 1: applied at",
        "delivered (RT:0148) now",
        "webhook.dispatch",
    ] {
        assert!(shown.contains(said), "{said} is missing in\n{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_nats_the_tables_tell() {
    let app = TestApp::start().await;
    app.message("7").await;
    let applied = app.publish(receipt("7", "DELIVRD")).await;
    app.drained().await;
    let with = inspect(&app.onlooker(), applied).await;

    let mut config = app.onlooker();
    // Nobody listens there.
    config.nats.url = "tls://127.0.0.1:1".to_owned();
    let without = inspect(&config, applied).await;
    for same in ["receiptId", "storedAt", "receipt", "events", "message"] {
        assert_eq!(without[same], with[same], "{same}");
    }
    assert_eq!(without["inStream"], json!(null));
    assert!(
        without["unseen"][0]
            .as_str()
            .unwrap()
            .starts_with("the stream")
    );
    assert!(lines(&config, applied).await.contains("stream: not seen"));

    // Nor does the processor's own certificate open the stream.
    config.nats = app.nats.config(Identity::Processor);
    let processor = inspect(&config, applied).await;
    assert_eq!(processor["receiptId"], with["receiptId"]);
    let why = processor["unseen"].to_string();
    assert!(why.contains("RECONCILE"), "{why}");

    let unknown = run(&config, &["inspect", "4711"]).await;
    assert_eq!(unknown.status.code(), Some(1));
    assert!(
        String::from_utf8(unknown.stdout)
            .unwrap()
            .contains("disposition: none")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_number_shows() {
    const NUMBER: &str = "447700900123";
    let app = TestApp::start().await;
    app.message(NUMBER).await;
    let full = r#""sourceAddr":"+447700900123","destAddr":"447700900123","err":"447700900123","networkErrorCode":"447700900123","submitDate":"447700900123","rawPayload":"447700900123""#;
    let id = |id: &str, stat: &str| {
        format!(r#"{{"carrierId":"acme","operatorMessageId":"{id}","stat":"{stat}",{full}}}"#)
    };
    let sequences = [
        app.publish(id(NUMBER, "DELIVRD")).await,
        app.publish(id(NUMBER, NUMBER)).await,
        app.publish(id("nobody", NUMBER)).await,
        app.publish(format!(r#"{{"carrierId":"{NUMBER}","#)).await,
    ];
    app.drained().await;
    assert_eq!(app.dispositions().await, [1, 1, 1, 1]);
    let resolved = "INSERT INTO dlr.orphan_resolutions
        SELECT stored_at, stream, seq, receipt_id, 'discarded', now(), 'somebody',
            'the subscriber 447700900123 asked'
        FROM dlr.orphaned_receipts";
    app.sql.batch_execute(resolved).await.unwrap();
    let mut insider = app.config.clone();
    insider.nats = app.nats.config(Identity::Reconcile);
    for sequence in sequences {
        let story = inspect(&insider, sequence).await.to_string();
        let shown = lines(&insider, sequence).await;
        assert!(
            !story.contains(NUMBER) && !shown.contains(NUMBER),
            "{shown}"
        );
    }
    let story = inspect(&insider, sequences[0]).await;
    assert_eq!(story["inStream"]["reading"]["dest"], json!("12 digits"));
    assert_eq!(story["events"][0]["id"], json!(null));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_envelope_is_found_by_its_sequence_alone() {
    let app = TestApp::around(|_| {}).await;
    // Days of receipts, some of them rejected, in a stream that forgot them.
    let fill = "INSERT INTO dlr.rejected_receipts (stored_at, stream, seq, receipt_id, reason,
            payload_length, fingerprint, fingerprint_kid, rejected_at)
        SELECT now() - interval '5 days' + n * interval '11 seconds', 'SMS_DLR', n,
            gen_random_uuid(), 'empty', 0, decode(repeat('00', 16), 'hex'), 1, now()
        FROM generate_series(1, 30000) AS n WHERE n % 1000 = 7;
        INSERT INTO dlr.delivery_receipts (stored_at, stream, seq, receipt_id, disposition, late,
            message_id, account_id, carrier_id, previous_status, status, processed_at)
        SELECT now() - interval '5 days' + n * interval '11 seconds', 'SMS_DLR', n,
            gen_random_uuid(), 'applied', false, gen_random_uuid(), gen_random_uuid(), 'acme',
            'sent', 'delivered', now()
        FROM generate_series(1, 30000) AS n WHERE n % 1000 <> 7";
    app.sql.batch_execute(fill).await.unwrap();
    let config = app.onlooker();
    for (sequence, disposition) in [
        (1, "applied"),
        (7, "rejected"),
        (12_345, "applied"),
        (29_007, "rejected"),
        (30_000, "applied"),
    ] {
        let story = inspect(&config, sequence).await;
        assert_eq!(story["disposition"], json!(disposition), "{sequence}");
        assert_eq!(story["inStream"], json!(null));
    }
    let stored = "SELECT to_char(stored_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SSZ')
        FROM dlr.delivery_receipts WHERE seq = 12345";
    let about = &app.column(stored).await[0];
    let told = [
        "inspect",
        "12345",
        "--json",
        "--stored-at",
        about,
        "--days",
        "1",
    ];
    assert_eq!(
        report(&config, &told).await["disposition"],
        json!("applied")
    );
}
