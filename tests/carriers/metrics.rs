//! What is counted by carrier.

use crate::support::{TestApp, receipt};

/// The value of a series, by its name and labels.
fn value(text: &str, series: &str) -> Option<f64> {
    let line = text.lines().find(|line| {
        line.strip_prefix(series)
            .is_some_and(|it| it.starts_with(' '))
    })?;
    line.rsplit(' ').next()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_carrier_gets_wrong_is_counted_under_its_name() {
    let app = TestApp::start_with(|config| config.pipeline.early_redeliveries = 0).await;
    for id in ["1", "2", "3"] {
        app.message(id).await;
    }
    app.publish(receipt("1", "HANDSET")).await;
    app.publish(receipt("2", "handset")).await;
    app.publish(receipt("404", "DELIVRD")).await;
    let disagreeing = r#"{"carrierId":"acme","operatorMessageId":"3","stat":"UNDELIV",
        "tlv":{"receiptedMessageId":"4","messageState":2}}"#;
    app.publish(disagreeing).await;
    app.publish(receipt("405", "DELIVRD").replace("acme", "447700900123"))
        .await;
    app.drained().await;
    let text = app.metrics();
    for (series, expected) in [
        (r#"dlr_carrier_unknown_words_total{carrier="acme"}"#, 2.0),
        (
            r#"dlr_carrier_parked_total{carrier="acme",reason="no_message"}"#,
            1.0,
        ),
        (
            r#"dlr_carrier_parked_total{carrier="acme",reason="ambiguous"}"#,
            0.0,
        ),
        (
            r#"dlr_carrier_disagreements_total{carrier="acme",about="id"}"#,
            1.0,
        ),
        (
            r#"dlr_carrier_disagreements_total{carrier="acme",about="state"}"#,
            1.0,
        ),
        (
            r#"dlr_carrier_parked_total{carrier="other",reason="no_message"}"#,
            1.0,
        ),
    ] {
        assert_eq!(value(&text, series), Some(expected), "{series} in\n{text}");
    }
    assert!(!text.contains("7700900123"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_in_another_time_zone_shows_as_hours() {
    let app = TestApp::start().await;
    app.message("1").await;
    app.publish(
        r#"{"carrierId":"acme","operatorMessageId":"1","stat":"DELIVRD","doneDate":"261121140000",
            "receivedAt":"2026-11-21T12:00:03Z"}"#,
    )
    .await;
    app.message("2").await;
    // Not final: the carrier says when it will try again, or nothing of use.
    app.publish(
        r#"{"carrierId":"initech","operatorMessageId":"2","stat":"ENROUTE","doneDate":"261121140000",
            "receivedAt":"2026-11-21T12:00:03Z"}"#,
    )
    .await;
    app.drained().await;
    let text = app.metrics();
    let skew = |carrier: &str| {
        value(
            &text,
            &format!("dlr_carrier_clock_skew_seconds{{carrier=\"{carrier}\"}}"),
        )
    };
    assert_eq!(skew("acme"), Some(7_197.0), "{text}");
    assert!(skew("initech").is_none_or(f64::is_nan), "{text}");
}
