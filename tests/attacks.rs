//! What somebody hostile or broken may send; the attacks that no other room has.

use std::time::Duration;

use async_nats::HeaderMap;
use dlr::dev::nats::Identity;
use futures_util::{FutureExt as _, StreamExt as _};
use serde_json::json;

use crate::support::nats::OPEN_LEAF;
use crate::support::{PATIENCE, TestApp, eventually, receipt, servers};

#[tokio::test(flavor = "multi_thread")]
async fn c4_sql_and_lookalikes_are_data_or_refused() {
    let app = TestApp::start().await;
    let lower = app.message("1").await;
    let quoted = app.message("x';DELETE/**/FROM/**/dlr.key_checks;--").await;
    let fields = |id: &str, stat: &str, err: &str| {
        json!({"carrierId": "acme", "operatorMessageId": id, "stat": stat, "err": err}).to_string()
    };
    // Words with a Greek iota, a full-width D, and one that is longer in upper case.
    for stat in [
        "DELIVRD'; DROP TABLE dlr.key_checks",
        "DEL\u{399}VRD",
        "\u{ff24}ELIVRD",
        "delıvrd",
    ] {
        app.publish(fields("1", stat, "0")).await;
    }
    app.drained().await;
    assert_eq!(app.dispositions().await, [0, 0, 0, 4]);
    assert_eq!(app.status(lower).await, ("sent".into(), None));

    let err = "'); DROP TABLE dlr.key_checks;--";
    app.publish(fields("1", "delivrd", err)).await;
    app.publish(fields(
        "x';DELETE/**/FROM/**/dlr.key_checks;--",
        "DELIVRD",
        err,
    ))
    .await;
    app.drained().await;
    for message in [lower, quoted] {
        let delivered = ("delivered".to_owned(), Some("DELIVRD".to_owned()));
        assert_eq!(app.status(message).await, delivered);
    }
    let kept = app.column("SELECT stat || ' ' || err FROM dlr.delivery_receipts ORDER BY seq");
    assert_eq!(
        kept.await,
        [format!("delivrd {err}"), format!("DELIVRD {err}")]
    );
    assert!(!app.rows("SELECT FROM dlr.key_checks").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn c8_absurd_dates_are_kept_and_move_nothing_backwards() {
    let app = TestApp::start().await;
    let message = app.message("7").await;
    let tomorrow = app
        .column(
            r#"SELECT to_char(now() AT TIME ZONE 'UTC' + interval '25 hours', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"#,
        )
        .await
        .remove(0);
    let dated = [
        ("DELIVRD", "1970-01-01T00:00:00Z"),
        ("ENROUTE", "2100-01-01T00:00:00Z"),
        ("UNDELIV", tomorrow.as_str()),
        ("EXPIRED", "00-00-00"),
        ("ACCEPTD", "999999"),
    ];
    for (stat, date) in dated {
        let payload = json!({
            "carrierId": "acme", "operatorMessageId": "7", "stat": stat,
            "submitDate": date, "doneDate": date,
        });
        app.publish(payload.to_string()).await;
        app.drained().await;
    }
    assert_eq!(app.status(message).await.0, "delivered");
    let decided = app
        .column(
            "SELECT concat_ws(' ', disposition, reason, done_date, done_at IS NULL)
             FROM dlr.delivery_receipts ORDER BY seq",
        )
        .await;
    assert_eq!(
        decided,
        [
            "applied 1970-01-01T00:00:00Z f".to_owned(),
            "recorded not_higher 2100-01-01T00:00:00Z f".to_owned(),
            format!("recorded conflict {tomorrow} f"),
            "recorded conflict 00-00-00 t".to_owned(),
            "recorded not_higher 999999 t".to_owned(),
        ]
    );
    assert_eq!(app.billing().await.len(), 1);
}

/// The broker de-duplicates a whole stream by an id that the publisher chooses. The window is as
/// short as the server allows, and whoever falls into it is told, so that he repeats.
#[tokio::test(flavor = "multi_thread")]
async fn c11_a_carrier_cannot_silence_anothers_receipt_by_its_message_id() {
    let app = TestApp::start().await;
    let carrier = async_nats::jetstream::new(app.connect(Identity::Carrier).await);
    let victim = app.message_of("other", "7").await;
    let with_id =
        |id: &str| HeaderMap::from_iter([("Nats-Msg-Id".parse().unwrap(), id.parse().unwrap())]);
    let theirs = r#"{"carrierId":"other","operatorMessageId":"7","stat":"DELIVRD"}"#;
    let silenced = async |id: &str| {
        let spoiler = carrier.publish_with_headers("sms.dlr.inbound.acme", with_id(id), "".into());
        spoiler.await.unwrap().await.unwrap();
        let publish =
            app.gateway()
                .publish_with_headers("sms.dlr.inbound", with_id(id), theirs.into());
        publish.await.unwrap().await.unwrap().duplicate
    };
    // Right behind him the victim is told that nothing was stored; on a busy machine not each time.
    let mut attempt = 0;
    eventually(PATIENCE, "the window is hit", async || {
        attempt += 1;
        silenced(&format!("id-{attempt}")).await
    })
    .await;
    // Having been told, he repeats, and is heard.
    let id = format!("id-{attempt}");
    eventually(
        Duration::from_secs(5),
        "the receipt is stored",
        async || {
            let repeat =
                app.gateway()
                    .publish_with_headers("sms.dlr.inbound", with_id(&id), theirs.into());
            !repeat.await.unwrap().await.unwrap().duplicate
        },
    )
    .await;
    app.drained().await;
    assert_eq!(app.status(victim).await.0, "delivered");
}

#[tokio::test(flavor = "multi_thread")]
async fn c12_a_receipt_that_never_gets_through_is_parked_in_the_end() {
    const DELIVERIES_MAX: u32 = 5;
    let mut app = TestApp::around(|config| {
        config.pipeline.deliveries_max = DELIVERIES_MAX;
        // It would get through to the message a second later.
        config.sweep.enabled = false;
    })
    .await;
    let message = app.message("7").await;
    app.publish(receipt("7", "DELIVRD")).await;
    // Somebody with the processor's certificate who gives it back again and again.
    let thief = app.connect(Identity::Processor).await;
    let inbox = thief.new_inbox();
    let mut pulled = thief.subscribe(inbox.clone()).await.unwrap();
    for _ in 0..DELIVERIES_MAX {
        let next = "JSAPI.dlr.CONSUMER.MSG.NEXT.SMS_DLR.dlr-processor";
        thief
            .publish_with_reply(next, inbox.clone(), "1".into())
            .await
            .unwrap();
        let delivery = tokio::time::timeout(PATIENCE, pulled.next())
            .await
            .unwrap()
            .unwrap();
        thief
            .publish(delivery.reply.unwrap(), "-NAK".into())
            .await
            .unwrap();
    }
    thief.flush().await.unwrap();

    app.add_processor().await;
    app.drained().await;
    let parked = app
        .column("SELECT reason || ' ' || deliveries FROM dlr.orphaned_receipts")
        .await;
    assert_eq!(
        parked,
        [format!("redelivered_too_often {}", DELIVERIES_MAX + 1)]
    );
    assert_eq!(app.status(message).await.0, "sent");
    assert_eq!(app.unmatched().await.len(), 1);
}

/// The hub lets nobody write to the processor's inbox, so this is a leaf node in other hands.
#[tokio::test(flavor = "multi_thread")]
async fn c15_what_is_no_delivery_of_our_consumer_is_counted_and_not_answered() {
    // The server itself lets no client name `$JS.ACK.>` as a reply subject.
    const FORGED: [&str; 2] = ["billing.events", "JSAPI.dlr.STREAM.PURGE.SMS_DLR"];
    let mut app = TestApp::around(|_| {}).await;
    app.message("7").await;
    let shared = servers().await;
    let leaf = tokio::task::block_in_place(|| {
        app.nats
            .start_leaf_with(&shared.supervisor, &shared.authority, None, OPEN_LEAF)
            .unwrap()
    });
    app.config.nats = leaf.config(Identity::Processor);
    let forger = dlr::broker::options(&app.config.nats, "forger")
        .unwrap()
        .connect(&app.config.nats.url)
        .await
        .unwrap();
    let mut pulls = forger
        .subscribe("JSAPI.dlr.CONSUMER.MSG.NEXT.>")
        .await
        .unwrap();
    let mut answers = Vec::new();
    for subject in FORGED {
        answers.push(forger.subscribe(subject).await.unwrap());
    }
    app.add_processor().await;

    let pull = tokio::time::timeout(PATIENCE, pulls.next())
        .await
        .unwrap()
        .unwrap();
    let inbox = pull.reply.unwrap();
    for reply in FORGED {
        let forged = receipt("7", "UNDELIV").into();
        forger
            .publish_with_reply(inbox.clone(), reply, forged)
            .await
            .unwrap();
    }
    let without_reply = receipt("7", "UNDELIV").into();
    forger.publish(inbox, without_reply).await.unwrap();
    eventually(PATIENCE, "all are counted", async || {
        app.metrics().contains("dlr_foreign_envelopes_total 3")
    })
    .await;
    // What is ours still goes its way, and is all that goes.
    app.publish(receipt("7", "DELIVRD")).await;
    app.drained().await;
    assert_eq!(app.dispositions().await, [1, 0, 0, 0]);
    // The leaf has passed on what the processor said before it acknowledged; this comes behind.
    let mut echo = forger.subscribe("echo").await.unwrap();
    forger.publish("echo", "".into()).await.unwrap();
    tokio::time::timeout(PATIENCE, echo.next())
        .await
        .unwrap()
        .unwrap();
    let [billing, purge] = &mut answers[..] else {
        unreachable!()
    };
    assert!(purge.next().now_or_never().is_none());
    // Our own event, and nothing before it.
    let event = billing.next().now_or_never().flatten().unwrap();
    assert!(event.headers.is_some());
    assert!(billing.next().now_or_never().is_none());
}
