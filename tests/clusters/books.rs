//! Judging from outside, when everything has come to rest.

use std::collections::BTreeSet;
use std::time::Duration;

use dlr::config::{self, Config};
use serde_json::Value;

use crate::support::{self, Broker, TestApp};

const DRAINED_WITHIN: Duration = Duration::from_mins(4);

/// What `dlr reconcile` says, and whether it exits with 0.
pub(super) async fn reconcile(
    app: &TestApp<impl Broker>,
    postgres: config::Postgres,
) -> (bool, Value) {
    let config = Config {
        postgres,
        ..app.onlooker()
    };
    support::reconcile(&config, &[]).await
}

/// Waits until everything is settled. Then the books balance, and each of the first `messages` has come
/// to its end and was billed once.
pub(super) async fn balance(
    app: &TestApp<impl Broker>,
    postgres: config::Postgres,
    messages: usize,
) {
    app.drained_within(DRAINED_WITHIN).await;
    let (success, report) = reconcile(app, postgres).await;
    assert!(success, "{report:#}");
    // A receipt whose confirmation was lost was published once more.
    let checked = report["checked"].as_u64().unwrap();
    assert!(checked >= 2 * messages as u64, "{report:#}");
    let [_, _, parked, rejected] = app.dispositions().await;
    assert_eq!((parked, rejected), (0, 0));
    let undelivered = format!(
        "SELECT operator_message_id FROM orch.sms_messages
         WHERE operator_message_id::integer < {messages} AND status <> 'delivered'"
    );
    assert_eq!(app.column(&undelivered).await, [""; 0]);

    let billing = app.billing().await;
    let ids: BTreeSet<&str> = billing.iter().map(|event| &*event.id).collect();
    let billed = billing
        .iter()
        .map(|event| event.body["data"]["messageId"].as_str());
    let billed: BTreeSet<&str> = billed.map(Option::unwrap).collect();
    assert_eq!((ids.len(), billed.len()), (messages, messages));
}
