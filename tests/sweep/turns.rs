//! Two processes that look at parked receipts: the sweeper, and whoever does not wait for it.

use dlr::clock::Clock;
use dlr::dev::postgres::Role;
use dlr::receipt::decision::Resolution;
use dlr::store::sweep::{PageLimits, Position, Resolved, SweepSession};
use jiff::Timestamp;

use super::{parked, resolutions, resolved};
use crate::support::{TestApp, receipt};

async fn session(app: &TestApp) -> SweepSession {
    let client = app.database.connect(Role::Service).await;
    SweepSession::open(client).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_looks_at_a_time() {
    let app = TestApp::around(|_| {}).await;
    let (one, other) = (session(&app).await, session(&app).await);
    assert!(one.try_turn().await.unwrap());
    assert!(!other.try_turn().await.unwrap());
    one.end_turn().await.unwrap();
    assert!(other.try_turn().await.unwrap());
    // Who leads need not have the turn.
    assert!(one.try_lead().await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_process_matched_does_not_lapse() {
    let mut app = parked(&[receipt("7", "DELIVRD")]).await;
    app.message("7").await;
    app.add_processor().await;
    resolved(&app, 1).await;
    app.stop_processors().await;
    // As if it were between its commit and its resolution.
    app.sql
        .batch_execute("DELETE FROM dlr.orphan_resolutions")
        .await
        .unwrap();
    let session = session(&app).await;
    let now = Clock.now();
    let everything = Position::at(Timestamp::UNIX_EPOCH)..Position::at(now);
    let limits = PageLimits {
        rows: 10,
        scanned: 10,
    };
    let page = session.open_page(&everything, None, limits).await.unwrap();
    for (resolution, expected) in [
        (Resolution::Lapsed, &[][..]),
        (Resolution::Matched, &["matched by sweeper"]),
    ] {
        let end = Resolved {
            key: &page.rows[0].key,
            receipt_id: page.rows[0].parked().receipt_id,
            resolution,
            at: now,
        };
        session.resolve(&[end]).await.unwrap();
        assert_eq!(resolutions(&app).await, expected);
    }
}
