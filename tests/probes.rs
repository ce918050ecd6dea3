//! The three probes of a running processor, over their socket.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use dlr::telemetry::metrics::Metrics;
use serde_json::Value;

use crate::support::{PATIENCE, TestApp, eventually, http, receipt};

async fn status(app: &TestApp, path: &str) -> u16 {
    http(app.probes(), "GET", path).await.0
}

/// The parts that `/ready` names as not ready.
async fn not_ready(app: &TestApp) -> Vec<String> {
    let (_, answer) = http(app.probes(), "GET", "/ready").await;
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let report: Value = serde_json::from_str(body).unwrap();
    let parts = report["parts"].as_array().unwrap().iter();
    let failing = parts.filter(|part| part["ready"] == false);
    failing
        .map(|part| part["part"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absent_postgresql_is_not_ready_and_alive() {
    let app = TestApp::start().await;
    assert_eq!(
        (status(&app, "/health").await, status(&app, "/ready").await),
        (200, 200)
    );
    app.database.close().await;
    eventually(PATIENCE, "not ready", async || {
        status(&app, "/ready").await == 503
    })
    .await;
    assert_eq!(not_ready(&app).await, ["postgresql"]);
    assert_eq!(status(&app, "/health").await, 200);
    assert_eq!(status(&app, "/metrics").await, 200);
    app.database.open().await;
    eventually(PATIENCE, "ready again", async || {
        status(&app, "/ready").await == 200
    })
    .await;
    assert_eq!(not_ready(&app).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_three_routes_to_read_and_nothing_else() {
    let mut app = TestApp::unprovisioned(|_| {}).await;
    app.add_processor_without_waiting();
    for path in [
        "/",
        "/health/",
        "//health",
        "/Health",
        "/ready/x",
        "/v1/users",
        "/debug/pprof",
        "/%2e%2e/metrics",
    ] {
        assert_eq!(status(&app, path).await, 404, "{path}");
    }
    for path in ["/health", "/ready", "/metrics"] {
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"] {
            assert_eq!(
                http(app.probes(), method, path).await.0,
                405,
                "{method} {path}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_lists_every_declared_metric_and_no_other() {
    let app = TestApp::start().await;
    app.message("7").await;
    app.publish(receipt("7", "DELIVRD")).await;
    app.drained().await;
    let (_, answer) = http(app.probes(), "GET", "/metrics").await;
    let shown = answer
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "));
    let mut shown: Vec<&str> = shown.filter_map(|line| line.split(' ').next()).collect();
    let mut declared: Vec<&str> = Metrics::declared().iter().map(|it| it.name).collect();
    shown.sort_unstable();
    declared.sort_unstable();
    assert_eq!(shown, declared);
    assert!(
        answer.contains("dlr_receipts_total{disposition=\"applied\"} 1"),
        "{answer}"
    );
}

/// This test's runtime, which is the pipeline's too, has one thread, and that is blocked here.
#[tokio::test]
async fn probes_answer_while_the_pipelines_runtime_is_blocked() {
    let app = TestApp::start().await;
    for path in ["/health", "/ready", "/metrics"] {
        let mut stream = TcpStream::connect(app.probes()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: dlr\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
}
