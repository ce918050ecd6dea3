//! Three NATS servers under load, and what can be done to them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::jetstream::{self, Context};
use dlr::broker::layout::Layout;
use dlr::dev::nats::{Identity, NatsCluster, in_one_account};
use dlr::dev::postgres::Role;
use rustix::process::Signal;
use serde_json::Value;
use tokio::task::{block_in_place, spawn_blocking};

use super::books::balance;
use super::load::{MESSAGES, load};
use super::{PATIENCE, progress};
use crate::support::{Database, Process, TestApp, eventually, http, servers, signal as send};

pub(super) type App = TestApp<NatsCluster>;

/// What holds after `fault` in the middle of a load: everything that was confirmed is settled, once.
pub(super) async fn survives(processor: Identity, fault: impl AsyncFnOnce(&mut App, &Process)) {
    let mut app = Box::pin(cluster(processor)).await;
    let log = app.log_file().await;
    let mut process = Process::start(&app.config, &log);
    let (gateway, enough) = (app.gateway().clone(), AtomicBool::new(false));
    let trouble = async {
        progress(&app, 1_000).await;
        fault(&mut app, &process).await;
        progress(&app, 1_000).await;
        enough.store(true, Ordering::Relaxed);
    };
    let (messages, ()) = tokio::join!(load(&gateway, &enough), trouble);
    app.whole().await;
    balance(&app, app.database.config(Role::Reader), messages).await;
    process.signal(Signal::TERM);
    let status = process.ended(Duration::from_secs(30)).await;
    assert!(status.success(), "{status}: {}", process.log());
}

/// Everything but the processor, with every stream on all three servers. Whoever provisions may do
/// anything with the streams; all others are in the accounts as shipped.
pub(super) async fn cluster(processor: Identity) -> App {
    let shared = servers().await;
    let nats = spawn_blocking(|| {
        let (supervisor, authority) = (&shared.supervisor, &shared.authority);
        NatsCluster::start(supervisor, authority, None, &in_one_account()).unwrap()
    });
    let (database, nats) = (Database::new().await, nats.await.unwrap());
    let app = Box::pin(App::on(database, nats, processor, |config| {
        config.streams.replicas = 3;
        config.streams.inbound_max_bytes = 1 << 30;
        config.streams.output_max_bytes = 1 << 30;
    }))
    .await;
    eventually(PATIENCE, "the streams can be made", async || {
        app.try_provision().await.is_ok()
    })
    .await;
    app.whole().await;
    app.messages(0..MESSAGES).await;
    app
}

impl App {
    /// The server that leads a stream.
    pub(super) async fn leader(&self, stream: &str) -> usize {
        let owner = self.owner().await;
        let mut leader = None;
        eventually(PATIENCE, "the stream has a leader", async || {
            leader = match owner.get_stream(stream).await {
                Ok(stream) => stream.cached_info().cluster.clone(),
                Err(_) => None,
            }
            .and_then(|cluster| self.nats.place(&cluster.leader?));
            leader.is_some()
        })
        .await;
        leader.unwrap()
    }

    /// Has a stream led by somebody else.
    pub(super) async fn step_down(&self, stream: &str) {
        let owner = self.owner().await;
        let subject = format!("STREAM.LEADER.STEPDOWN.{stream}");
        eventually(PATIENCE, "the leader steps down", async || {
            let answer = owner.request(subject.clone(), &()).await;
            answer.is_ok_and(|answer: Value| answer["success"] == true)
        })
        .await;
    }

    async fn owner(&self) -> Context {
        jetstream::new(self.connect(Identity::Provisioner).await)
    }

    /// Waits until every server works, and has all of every stream.
    pub(super) async fn whole(&self) {
        for node in self.nats.nodes() {
            eventually(PATIENCE, "the server is healthy", async || {
                let monitoring = node.monitoring_address().unwrap().parse().unwrap();
                http(monitoring, "GET", "/healthz").await.0 == 200
            })
            .await;
        }
        let owner = self.owner().await;
        for stream in Layout::of(&self.config.streams).streams {
            eventually(PATIENCE, "all servers have the stream", async || {
                let Ok(stream) = owner.get_stream(&stream.name).await else {
                    return false;
                };
                stream.cached_info().cluster.as_ref().is_some_and(|it| {
                    it.leader.is_some() && it.replicas.iter().all(|it| it.current && !it.offline)
                })
            })
            .await;
        }
    }

    /// The server that a client of this name is connected to.
    pub(super) async fn server_of(&self, client: &str) -> usize {
        for (at, node) in self.nats.nodes().iter().enumerate() {
            let monitoring = node.monitoring_address().unwrap().parse().unwrap();
            let (_, answer) = http(monitoring, "GET", "/connz").await;
            if answer.contains(&format!("\"name\": \"{client}\"")) {
                return at;
            }
        }
        panic!("{client} is connected to none");
    }

    pub(super) fn signal(&self, at: usize, signal: Signal) {
        send(self.nats.nodes()[at].pid(), signal).unwrap();
    }

    /// As when the machine loses its power, but for the disk.
    pub(super) fn kill(&mut self, at: usize) {
        self.signal(at, Signal::KILL);
        block_in_place(|| self.nats.node(at).stop()).unwrap();
    }

    pub(super) async fn resume(&mut self, at: usize) {
        let supervisor = &servers().await.supervisor;
        block_in_place(|| self.nats.node(at).resume(supervisor)).unwrap();
    }
}
