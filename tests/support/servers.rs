use std::path::Path;

use dlr::dev::{
    certificates::Authority,
    postgres::{Durability, Postgres},
    supervisor::Supervisor,
};
use tokio::{sync::OnceCell, task::spawn_blocking};
use tracing_subscriber::EnvFilter;

/// The program under test.
pub(crate) const DLR: &str = env!("CARGO_BIN_EXE_dlr");

pub(crate) const TEMPLATE: &str = "dlr_template";

/// What all tests of a run share.
pub(crate) struct Servers {
    pub(crate) supervisor: Supervisor,
    pub(crate) authority: Authority,
    pub(crate) postgres: Postgres,
}

impl Servers {
    fn start() -> Self {
        // A test that got here first is as good; only the program itself installs it in `main`.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        // What the processors of a failed test said, for whoever asks with `RUST_LOG`.
        let log = tracing_subscriber::fmt().with_env_filter(EnvFilter::from_default_env());
        log.with_test_writer()
            .try_init()
            .expect("nobody else logs in this process");
        let supervisor = Supervisor::start(Path::new(DLR)).expect("dlr supervise runs");
        let authority = Authority::new(&supervisor.folder().join("certificates")).unwrap();
        let postgres = Postgres::start(&supervisor, &authority, Durability::Volatile)
            .unwrap_or_else(|error| panic!("{error}"));
        Self {
            supervisor,
            authority,
            postgres,
        }
    }
}

/// The shared servers, started by whoever asks first.
pub(crate) async fn servers() -> &'static Servers {
    // Never dropped, on purpose: the end of the process closes the pipe.
    static SERVERS: OnceCell<Servers> = OnceCell::const_new();
    SERVERS
        .get_or_init(async || {
            let servers = spawn_blocking(Servers::start).await.unwrap();
            make_template(&servers.postgres).await;
            servers
        })
        .await
}

/// What every [`Database`](super::Database) with a schema is a copy of. It also makes the roles.
async fn make_template(postgres: &Postgres) {
    postgres.create_database(TEMPLATE).await.unwrap();
    postgres.install(TEMPLATE).await.unwrap();
    // Copying wants the template to itself; this keeps autovacuum out as well.
    let close = format!("ALTER DATABASE {TEMPLATE} ALLOW_CONNECTIONS false");
    postgres.execute("postgres", &close).await.unwrap();
}
