//! PostgreSQL with a standby, and the processor that knows both.

use std::path::Path;

use dlr::config;
use dlr::dev::postgres::{Durability, Postgres, Role};
use dlr::dev::supervisor::Supervisor;
use rustix::process::Signal;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::task::spawn_blocking;
use tokio_postgres::{Client, NoTls};

use super::PATIENCE;
use crate::support::{DLR, Process, TestApp, drive, eventually, servers, signal};

const DATABASE: &str = "sms";

/// Fields drop in their order: the servers before who keeps them.
pub(super) struct Pair {
    pub(super) primary: Postgres,
    pub(super) standby: Postgres,
    _supervisor: Supervisor,
}

impl Pair {
    /// A primary, and a standby that follows at its own pace.
    pub(super) async fn asynchronous() -> Self {
        let shared = servers().await;
        let (supervisor, primary) = spawn_blocking(|| {
            let supervisor = Supervisor::start(Path::new(DLR)).unwrap();
            let primary = Postgres::start(&supervisor, &shared.authority, Durability::Volatile);
            (supervisor, primary.unwrap())
        })
        .await
        .unwrap();
        primary.create_database(DATABASE).await.unwrap();
        primary.install(DATABASE).await.unwrap();
        let started = spawn_blocking(move || {
            let standby = primary.start_standby(&supervisor).unwrap();
            Self {
                primary,
                standby,
                _supervisor: supervisor,
            }
        });
        started.await.unwrap()
    }

    /// The same, but what is committed is on the standby as well.
    pub(super) async fn synchronous() -> Self {
        let pair = Self::asynchronous().await;
        configure(&pair.primary, "synchronous_standby_names = 'standby'").await;
        let primary = superuser(&pair.primary).await;
        eventually(PATIENCE, "the standby is waited for", async || {
            let synchronous = "SELECT FROM pg_stat_replication WHERE sync_state = 'sync'";
            !primary.query(synchronous, &[]).await.unwrap().is_empty()
        })
        .await;
        pair
    }

    /// What a role that is to find the primary, whichever that is, puts into its configuration.
    pub(super) fn config(&self, role: Role) -> config::Postgres {
        let config = self.primary.config(role, DATABASE);
        let [own, other] = [&self.primary, &self.standby].map(Postgres::port);
        let url = config.url.expose_secret();
        let url = url.replacen(
            &format!(":{own}/"),
            &format!(":{own},127.0.0.1:{other}/"),
            1,
        );
        config::Postgres {
            url: SecretString::from(format!("{url}?target_session_attrs=read-write")),
            ..config
        }
    }

    /// Everything but the processor, which is to use these servers.
    pub(super) async fn app(&self) -> TestApp {
        let mut app = Box::pin(TestApp::around(|config| {
            config.postgres = self.config(Role::Service);
            config.streams.inbound_max_bytes = 1 << 30;
            config.streams.output_max_bytes = 1 << 30;
        }))
        .await;
        app.sql = superuser(&self.primary).await;
        app
    }

    /// Makes the standby the primary, for the test's own eyes as well.
    pub(super) async fn promote(&self, app: &mut TestApp) {
        self.standby.promote().await.unwrap();
        app.sql = superuser(&self.standby).await;
    }
}

pub(super) async fn process(app: &TestApp) -> Process {
    Process::start(&app.config, &app.log_file().await)
}

pub(super) async fn superuser(server: &Postgres) -> Client {
    let config = server.superuser(DATABASE);
    let (client, connection) = config.connect(NoTls).await.unwrap();
    drive(connection);
    client
}

/// Sets a setting while the server runs.
pub(super) async fn configure(server: &Postgres, setting: &str) {
    let set = format!("ALTER SYSTEM SET {setting}");
    server.execute(DATABASE, &set).await.unwrap();
    let reload = "SELECT pg_reload_conf()";
    server.execute(DATABASE, reload).await.unwrap();
}

/// Its sessions end as soon as they look up from what they do.
pub(super) fn kill(server: &Postgres) {
    signal(server.server().pid(), Signal::KILL).ok();
}

/// A server that stands still with all its sessions, until this is dropped; then it is gone.
pub(super) struct Frozen(Vec<u32>);

impl Frozen {
    pub(super) async fn freeze(server: &Postgres) -> Self {
        let eye = superuser(server).await;
        let frozen = Self(vec![server.server().pid()]);
        // Nobody joins from here on.
        frozen.signal(Signal::STOP);
        let sessions = "SELECT pid FROM pg_stat_activity";
        let sessions = eye.query(sessions, &[]).await.unwrap();
        let sessions = sessions.iter().map(|row| row.get::<_, i32>(0));
        let frozen = {
            let mut frozen = frozen;
            frozen.0.extend(sessions.map(i32::cast_unsigned));
            frozen
        };
        frozen.signal(Signal::STOP);
        frozen
    }

    fn signal(&self, to_all: Signal) {
        for &pid in &self.0 {
            // A session may have ended meanwhile.
            signal(pid, to_all).ok();
        }
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}
