//! Where something would match and nothing is proposed.

use serde_json::{Value, json};

use super::planting::{Planted, app, diagnosed, numbers, plant, store};
use super::text;

/// Nearly every small number is some message's id, read as decimal and as hexadecimal.
#[tokio::test(flavor = "multi_thread")]
async fn readings_that_match_by_chance_are_refused() {
    let app = app().await;
    let stored: Vec<String> = (0..8_000).map(|n| format!("{n}@a")).collect();
    store(&app, "dense", &stored).await;
    let either = (1_000..1_100).map(|n| Planted::missing(text(&n.to_string())));
    plant(&app, "dense", either).await;
    app.drained().await;

    let (diagnosis, code) = diagnosed(&app, "dense").await;
    assert_eq!((code, &diagnosis["proposal"]), (0, &Value::Null));
    let reading = &diagnosis["reading"];
    assert_eq!(reading["evidence"]["gained"], json!(100));
    assert_eq!(reading["evidence"]["rival"], json!(100));
    let refusals = reading["refusals"].to_string();
    assert!(
        refusals.contains("another reading finds other messages"),
        "{refusals}"
    );
    assert!(refusals.contains("made up at random"), "{refusals}");
    assert_ne!(reading["rival"], Value::Null);
    assert_eq!(reading["dryRun"], Value::Null);
}

/// One bind of the carrier writes as the orchestrator does, the other one in the other base.
#[tokio::test(flavor = "multi_thread")]
async fn what_matches_today_is_not_given_up_for_what_does_not() {
    let app = app().await;
    let both = numbers(160).enumerate().map(|(at, n)| {
        let written = if at % 2 == 0 {
            n.to_string()
        } else {
            format!("{n:x}")
        };
        Planted::new(json!({"operatorMessageId": written}), format!("{n:x}"))
    });
    plant(&app, "two-binds", both).await;
    app.drained().await;

    let (diagnosis, code) = diagnosed(&app, "two-binds").await;
    let reading = &diagnosis["reading"];
    assert_eq!(reading["evidence"]["gained"], json!(80), "{diagnosis:#}");
    let [matched, lost] =
        ["matchedToday", "lostToday"].map(|name| reading["evidence"][name].as_u64().unwrap());
    assert!(matched > 60 && lost == matched, "{reading:#}");
    let refusals = reading["refusals"].to_string();
    assert!(refusals.contains("two ways"), "{refusals}");
    assert_eq!((code, &diagnosis["proposal"]), (0, &Value::Null));
}
