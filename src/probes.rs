//! `GET /health`, `GET /ready`, `GET /metrics`, on a thread of their own: they answer while the
//! pipeline's runtime is busy, which is when they are needed.
//!
//! | path | answer |
//! |---|---|
//! | `/health` | 200 as long as the process runs: restarting it mends no outage elsewhere |
//! | `/ready` | 200 or 503, and as JSON which part is not ready, and why |
//! | `/metrics` | Prometheus text |

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use axum::Router;
use axum::extract::State as Shared;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use serde_json::json;
use tokio::sync::oneshot;
use tokio::time::MissedTickBehavior;
use tracing::{error, info};

use crate::config;
use crate::lifecycle::{Readiness, State};
use crate::telemetry::metrics::Metrics;

#[derive(Debug, thiserror::Error)]
pub enum ProbesError {
    #[error("probes.bind: cannot listen on {bind}: {source}")]
    Bind { bind: SocketAddr, source: io::Error },
    #[error("cannot start the thread of the probes: {0}")]
    Thread(#[source] io::Error),
}

/// The listener; dropped, it is gone, with whatever was being answered.
pub struct Probes {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Clone)]
struct Shown {
    readiness: Readiness,
    metrics: Arc<Metrics>,
}

/// How often samples are folded into their buckets.
const UPKEEP: Duration = Duration::from_secs(5);

impl Probes {
    pub fn start(
        config: &config::Probes,
        readiness: Readiness,
        metrics: Arc<Metrics>,
    ) -> Result<Self, ProbesError> {
        let bind = config.bind;
        let bound = || {
            let listener = TcpListener::bind(bind)?;
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            Ok((listener, address))
        };
        let (listener, address) = bound().map_err(|source| ProbesError::Bind { bind, source })?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(ProbesError::Thread)?;
        let (stop, stopped) = oneshot::channel();
        let serve = serve(listener, Shown { readiness, metrics });
        let thread = thread::Builder::new().name("probes".into()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    Err(error) = serve => error!(%error, "probes stopped"),
                    _ = stopped => {}
                }
            });
        });
        let thread = thread.map_err(ProbesError::Thread)?;
        info!(%address, "probes listen");
        Ok(Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// The address in use, which differs from the configured one when that has port 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Probes {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            error!("the thread of the probes panicked");
        }
    }
}

async fn serve(listener: TcpListener, shown: Shown) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let metrics = Arc::clone(&shown.metrics);
    let mut upkeep = tokio::time::interval(UPKEEP);
    upkeep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let upkeep = async {
        loop {
            upkeep.tick().await;
            metrics.upkeep();
        }
    };
    tokio::select! {
        result = axum::serve(listener, router(shown)) => result,
        () = upkeep => Ok(()),
    }
}

fn router(shown: Shown) -> Router {
    Router::new()
        .route("/health", get(async || "ok\n"))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .with_state(shown)
}

async fn ready(Shared(shown): Shared<Shown>) -> impl IntoResponse {
    let report = shown.readiness.report();
    let ready = report.iter().all(|(_, state)| *state == State::Ready);
    let parts: Vec<_> = report
        .into_iter()
        .map(|(part, state)| {
            let problem = match state {
                State::Ready => None,
                State::Starting => Some("starting".to_owned()),
                State::NotReady(problem) => Some(problem),
            };
            json!({ "part": part.name(), "ready": problem.is_none(), "problem": problem })
        })
        .collect();
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let body = json!({ "ready": ready, "parts": parts }).to_string();
    (status, [(header::CONTENT_TYPE, "application/json")], body)
}

async fn metrics(Shared(shown): Shared<Shown>) -> impl IntoResponse {
    shown.metrics.observe(&shown.readiness);
    let format = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, format)], shown.metrics.render())
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;

    use super::*;
    use crate::lifecycle::Part;
    use crate::telemetry::metrics::Reasons;

    fn start() -> (Probes, Readiness) {
        let readiness = Readiness::new();
        let bind = SocketAddr::from(([127, 0, 0, 1], 0));
        let metrics = Arc::new(Metrics::new(&Reasons::default(), 1));
        let probes = Probes::start(&config::Probes { bind }, readiness.clone(), metrics).unwrap();
        (probes, readiness)
    }

    fn request(probes: &Probes, method: &str, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(probes.address()).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: probes\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        assert!(!head.to_lowercase().contains("server:"), "{head}");
        (status, body.to_owned())
    }

    #[test]
    fn ready_says_which_part_is_not() {
        let (probes, readiness) = start();
        for part in Part::ALL {
            assert_eq!(request(&probes, "GET", "/ready").0, 503);
            readiness.tell(part, Ok(()));
        }
        assert_eq!(request(&probes, "GET", "/ready").0, 200);

        readiness.tell(Part::PostgreSql, Err("connection refused".into()));
        let (status, body) = request(&probes, "GET", "/ready");
        assert_eq!(status, 503);
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["ready"], false);
        let not_ready: Vec<_> = body["parts"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|part| part["ready"] == false)
            .collect();
        let expected =
            json!({ "part": "postgresql", "ready": false, "problem": "connection refused" });
        assert_eq!(not_ready, [&expected]);
    }

    #[test]
    fn health_does_not_depend_on_anything() {
        let (probes, readiness) = start();
        readiness.tell(Part::Nats, Err("away".into()));
        assert_eq!(request(&probes, "GET", "/health").0, 200);
    }

    #[test]
    fn metrics_show_readiness() {
        let (probes, readiness) = start();
        readiness.tell(Part::Nats, Ok(()));
        let (status, body) = request(&probes, "GET", "/metrics");
        assert_eq!(status, 200);
        assert!(body.contains(r#"dlr_ready{part="nats"} 1"#), "{body}");
    }

    #[test]
    fn there_is_nothing_else() {
        let (probes, _) = start();
        for (method, path, status) in [
            ("GET", "/", 404),
            ("GET", "/health/", 404),
            ("GET", "/x", 404),
            ("POST", "/health", 405),
        ] {
            assert_eq!(
                request(&probes, method, path),
                (status, String::new()),
                "{method} {path}"
            );
        }
    }

    #[test]
    fn taken_address_is_named_with_its_setting() {
        let (probes, readiness) = start();
        let bind = probes.address();
        let metrics = Arc::new(Metrics::new(&Reasons::default(), 1));
        let refused = Probes::start(&config::Probes { bind }, readiness, metrics);
        let error = refused.err().unwrap().to_string();
        assert!(
            error.starts_with(&format!("probes.bind: cannot listen on {bind}: ")),
            "{error}"
        );
    }

    #[test]
    fn drop_frees_the_address() {
        let (probes, _) = start();
        let address = probes.address();
        drop(probes);
        assert!(TcpStream::connect(address).is_err());
    }
}
