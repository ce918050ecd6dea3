//! What an asynchronous standby costs, and that the books tell.

use dlr::dev::postgres::Role;
use serde_json::json;

use super::PATIENCE;
use super::books::reconcile;
use super::postgres::{Pair, configure, kill, process, superuser};
use crate::support::{TestApp, eventually, receipt};

async fn settle(app: &TestApp, messages: std::ops::Range<usize>) {
    for n in messages {
        app.publish(receipt(&n.to_string(), "DELIVRD")).await;
    }
    app.drained_within(PATIENCE).await;
}

/// Waits until a query on the standby finds something.
async fn shows(pair: &Pair, what: &str, query: &str) {
    let standby = superuser(&pair.standby).await;
    eventually(PATIENCE, what, async || {
        !standby.query(query, &[]).await.unwrap().is_empty()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes long: make test-faults"]
async fn what_an_asynchronous_standby_did_not_have_is_reported_as_gaps() {
    let pair = Pair::asynchronous().await;
    let mut app = Box::pin(pair.app()).await;
    app.messages(0..200).await;
    let _process = process(&app).await;
    settle(&app, 0..100).await;
    shows(
        &pair,
        "the standby follows",
        "SELECT FROM dlr.delivery_receipts HAVING count(*) = 100",
    )
    .await;
    configure(&pair.standby, "primary_conninfo = ''").await;
    shows(
        &pair,
        "the standby follows no more",
        "SELECT FROM pg_stat_wal_receiver HAVING count(*) = 0",
    )
    .await;
    settle(&app, 100..150).await;
    kill(&pair.primary);
    pair.promote(&mut app).await;
    settle(&app, 150..200).await;

    let (success, report) = reconcile(&app, pair.config(Role::Reader)).await;
    assert!(!success, "{report:#}");
    assert_eq!(report["verdict"], "amiss");
    assert_eq!(report["checked"], 200);
    let gaps = json!({ "count": 50, "first": [{ "sequences": [101, 150], "inStream": true }] });
    assert_eq!(report["withoutDisposition"], gaps);
    // Nobody can take back what billing has been told.
    assert_eq!(report["events"]["billing"]["unexpected"]["count"], 50);
    assert_eq!(report["events"]["billing"]["missing"]["count"], 0);
}
