use std::{
    sync::atomic::{AtomicU32, Ordering},
    thread,
};

use dlr::{
    config,
    dev::postgres::{Postgres, Role},
    store::connect::Connector,
};
use tokio_postgres::{Client, Error, NoTls};

use super::servers::{TEMPLATE, servers};

/// A database of a test's own; it goes when this is dropped. The roles are the server's, so a test
/// must not change them.
pub(crate) struct Database {
    name: String,
    postgres: &'static Postgres,
}

impl Database {
    /// With the orchestrator's table, all migrations and their partitions; no rows.
    pub(crate) async fn new() -> Self {
        let database = Self::next(&servers().await.postgres);
        let copied = database.postgres.copy_database(TEMPLATE, &database.name);
        copied.await.unwrap();
        database
    }

    /// The same on a server of the test's own.
    pub(crate) async fn on(postgres: &'static Postgres) -> Self {
        let database = Self::next(postgres);
        postgres.create_database(&database.name).await.unwrap();
        postgres.install(&database.name).await.unwrap();
        database
    }

    /// With nothing at all, for those who test the migrations themselves.
    pub(crate) async fn empty() -> Self {
        let database = Self::next(&servers().await.postgres);
        let created = database.postgres.create_database(&database.name);
        created.await.unwrap();
        database
    }

    fn next(postgres: &'static Postgres) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self {
            name: format!("test_{number}"),
            postgres,
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What the product would be configured with.
    pub(crate) fn config(&self, role: Role) -> config::Postgres {
        self.postgres.config(role, &self.name)
    }

    /// As the product connects: with TLS, certificate and password.
    pub(crate) async fn connect(&self, role: Role) -> Client {
        let connector = Connector::new(&self.config(role), "test");
        let (client, connection) = connector.connect().await.unwrap();
        drive(connection);
        client
    }

    /// The superuser, for preparing and for looking behind the product's back.
    pub(crate) async fn superuser(&self) -> Client {
        let config = self.postgres.superuser(&self.name);
        let (client, connection) = config.connect(NoTls).await.unwrap();
        drive(connection);
        client
    }

    /// Lets nobody in any more, and throws out the processors that are in.
    pub(crate) async fn close(&self) {
        let name = &self.name;
        self.administer(&format!("ALTER DATABASE {name} CONNECTION LIMIT 0"))
            .await;
        self.cut().await;
    }

    /// Throws out the processors that are in.
    pub(crate) async fn cut(&self) {
        let name = &self.name;
        self.administer(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = '{name}' AND usename = 'dlr_svc'"
        ))
        .await;
    }

    pub(crate) async fn open(&self) {
        let open = format!("ALTER DATABASE {} CONNECTION LIMIT -1", self.name);
        self.administer(&open).await;
    }

    async fn administer(&self, statement: &str) {
        let executed = self.postgres.execute("postgres", statement);
        executed.await.unwrap();
    }
}

impl Drop for Database {
    /// In a thread of its own: the test's runtime is about to end, and nobody need wait. If the
    /// process ends first, the whole server goes.
    fn drop(&mut self) {
        let (name, postgres) = (std::mem::take(&mut self.name), self.postgres);
        thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap()
                .block_on(async {
                    let end = format!("DROP DATABASE {name} WITH (FORCE)");
                    postgres.execute("postgres", &end).await
                })
        });
    }
}

/// Keeps a connection going for as long as its client lives.
#[expect(
    clippy::disallowed_methods,
    reason = "it ends with the test's runtime; there is no shutdown to track it for"
)]
pub(crate) fn drive(connection: impl Future<Output = Result<(), Error>> + Send + 'static) {
    tokio::spawn(connection);
}
