//! The servers that everything runs on: one PostgreSQL with the messages in a template, and for each
//! run a copy of it and a nats-server of its own, so that every run finds the same.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use async_nats::jetstream;
use dlr::broker;
use dlr::broker::layout::Layout;
use dlr::broker::provision::{self, Retention};
use dlr::config::{self, Config};
use dlr::dev::certificates::Authority;
use dlr::dev::nats::Identity;
use dlr::dev::postgres::{Durability, Postgres, Role};
use dlr::dev::secret::write_secret;
use dlr::dev::supervisor::Supervisor;
use dlr::lifecycle::{Member, Part};
use dlr::seal::KeyRing;
use secrecy::ExposeSecret as _;
use tokio_postgres::{Client, NoTls};

use crate::messages;
use crate::options::{Common, Scale, Wiring};
use crate::partitions::partition;
use crate::progress;
use crate::settings::write_settings;
use crate::wiring::Nats;

/// Checkpoints happen between runs, when we say so, and not in the middle of one of them. What
/// survives a crash is not touched: `fsync`, `full_page_writes` and `synchronous_commit` stay on.
const SETTINGS: &str = "shared_buffers = '1GB'\n\
    max_wal_size = '16GB'\n\
    checkpoint_timeout = '1h'\n\
    log_checkpoints = off\n";

const TEMPLATE: &str = "messages";
const CONTENDERS_TEMPLATE: &str = "contenders_messages";

/// Whose tables and streams they are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Owner<'a> {
    Processor,
    /// Somebody who has tables by this SQL, and makes his consumer himself.
    Contender(&'a Path),
}

pub(crate) struct Ground {
    authority: Authority,
    pub(crate) postgres: Postgres,
    key_ring: PathBuf,
    wiring: Wiring,
    has_contenders: bool,
    runs: usize,
    // Last, because it ends the others.
    pub(crate) supervisor: Supervisor,
}

/// What one run has for itself.
pub(crate) struct Field {
    pub(crate) database: String,
    /// The superuser's connection to it.
    pub(crate) sql: Client,
    nats: Nats,
    /// What `dlr run` is given, and the file of it.
    pub(crate) config: Config,
    pub(crate) settings: PathBuf,
}

/// Lets a connection to PostgreSQL work until its client is gone.
#[expect(
    clippy::disallowed_methods,
    reason = "a measurement has no shutdown that would wait for it"
)]
pub(crate) fn drive(
    connection: impl Future<Output = Result<(), tokio_postgres::Error>> + Send + 'static,
) {
    tokio::spawn(connection);
}

impl Ground {
    /// The servers, with the messages in a template.
    pub(crate) async fn prepare(dlr: &Path, common: &Common, scale: Scale) -> anyhow::Result<Self> {
        let ground = Self::bare(dlr, common).await?;
        ground.fill(TEMPLATE, scale).await?;
        Ok(ground)
    }

    /// The servers.
    pub(crate) async fn bare(dlr: &Path, common: &Common) -> anyhow::Result<Self> {
        progress::say("starting PostgreSQL")?;
        let supervisor = Supervisor::start(dlr).context("cannot start the supervisor")?;
        let authority = Authority::new(&supervisor.folder().join("certificates"))?;
        let key_ring = supervisor.folder().join("keyring.json");
        write_secret(&key_ring, &KeyRing::generate())?;
        let postgres =
            Postgres::start_with(&supervisor, &authority, Durability::Durable, SETTINGS)?;
        let ground = Self {
            authority,
            postgres,
            key_ring,
            wiring: common.wiring(),
            has_contenders: false,
            runs: 0,
            supervisor,
        };
        if ground.wiring == Wiring::Plain {
            ground.admit_without_tls().await?;
        }
        Ok(ground)
    }

    async fn admit_without_tls(&self) -> anyhow::Result<()> {
        let sql = self.superuser("postgres").await?;
        let rules: String = sql.query_one("SHOW hba_file", &[]).await?.get(0);
        let mut rules = OpenOptions::new().append(true).open(rules)?;
        rules.write_all(b"hostnossl all all 127.0.0.1/32 scram-sha-256\n")?;
        sql.batch_execute("SELECT pg_reload_conf()").await?;
        Ok(())
    }

    /// A database with messages, each sent and without a receipt.
    pub(crate) async fn fill(&self, database: &str, scale: Scale) -> anyhow::Result<()> {
        self.postgres.create_database(database).await?;
        self.postgres.install(database).await?;
        let sql = self.superuser(database).await?;
        if let Some(days) = scale.partitions {
            partition(&sql, days).await?;
        }
        messages::fill(&sql, scale.messages).await
    }

    async fn fill_contenders(&mut self, schema: &Path, scale: Scale) -> anyhow::Result<()> {
        self.postgres.create_database(CONTENDERS_TEMPLATE).await?;
        let sql = self.superuser(CONTENDERS_TEMPLATE).await?;
        sql.batch_execute(&fs::read_to_string(schema)?).await?;
        messages::fill(&sql, scale.messages).await?;
        self.has_contenders = true;
        Ok(())
    }

    pub(crate) async fn superuser(&self, database: &str) -> anyhow::Result<Client> {
        let settings = self.postgres.superuser(database);
        let (client, connection) = settings.connect(NoTls).await?;
        drive(connection);
        Ok(client)
    }

    /// Fresh tables and streams.
    pub(crate) async fn field(
        &mut self,
        owner: Owner<'_>,
        common: &Common,
        scale: Scale,
    ) -> anyhow::Result<Field> {
        let database = format!("run_{}", self.runs + 1);
        let template = match owner {
            Owner::Processor => TEMPLATE,
            Owner::Contender(schema) => {
                if !self.has_contenders {
                    self.fill_contenders(schema, scale).await?;
                }
                CONTENDERS_TEMPLATE
            }
        };
        self.postgres.copy_database(template, &database).await?;
        self.field_on(&database, owner, common, scale).await
    }

    /// Fresh streams, and the tables of a database as they are.
    pub(crate) async fn field_on(
        &mut self,
        database: &str,
        owner: Owner<'_>,
        common: &Common,
        scale: Scale,
    ) -> anyhow::Result<Field> {
        self.runs += 1;
        let nats = Nats::start(self.wiring, &self.supervisor, &self.authority)?;
        let mut config = Config {
            nats: nats.config(Identity::Processor),
            postgres: self.postgres_config(Role::Service, database),
            seal: config::Seal {
                keyring_file: self.key_ring.clone(),
            },
            ..Config::default()
        };
        if let Some(lanes) = scale.lanes {
            config.pipeline.lanes = lanes;
        }
        "warn".clone_into(&mut config.telemetry.log);
        let settings = self.write_settings("run", &config, common)?;
        let field = Field {
            sql: self.superuser(database).await?,
            database: database.to_owned(),
            nats,
            config,
            settings,
        };
        field.provision(owner).await?;
        // What the copy has dirtied, and what the run before has, is none of this run's business.
        field.sql.batch_execute("CHECKPOINT").await?;
        Ok(field)
    }

    pub(crate) fn postmaster(&self) -> u32 {
        self.postgres.server().pid()
    }

    /// Once it has been stopped.
    pub(crate) fn start_postgres_again(&self) -> anyhow::Result<()> {
        Ok(self.postgres.start_again(&self.supervisor)?)
    }

    /// How somebody connects to a database.
    pub(crate) fn postgres_config(&self, role: Role, database: &str) -> config::Postgres {
        let mut config = self.postgres.config(role, database);
        if self.wiring == Wiring::Plain {
            config.ca_file = None;
            config.cert_file = None;
            config.key_file = None;
        }
        config
    }

    /// The configuration as a file, for one of this run.
    pub(crate) fn write_settings(
        &self,
        whose: &str,
        config: &Config,
        common: &Common,
    ) -> anyhow::Result<PathBuf> {
        let file = |end| format!("{}-{whose}.{end}", self.runs);
        let folder = self.supervisor.folder();
        let url = folder.join(file("url"));
        write_secret(&url, config.postgres.url.expose_secret())?;
        let settings = folder.join(file("toml"));
        write_settings(&settings, config, &url, common)?;
        Ok(settings)
    }

    /// Gives the disk back.
    pub(crate) async fn clear(&self, field: Field) -> anyhow::Result<()> {
        let database = Self::leave(field)?;
        self.remove(&database).await
    }

    /// Gives back what the streams took; the database stays.
    pub(crate) fn leave(field: Field) -> anyhow::Result<String> {
        let store = field.nats.store();
        drop(field.nats);
        fs::remove_dir_all(store)?;
        Ok(field.database)
    }

    pub(crate) async fn remove(&self, database: &str) -> anyhow::Result<()> {
        let sql = self.superuser("postgres").await?;
        let remove = format!("DROP DATABASE {database} WITH (FORCE)");
        sql.batch_execute(&remove).await?;
        Ok(())
    }
}

impl Field {
    async fn provision(&self, owner: Owner<'_>) -> anyhow::Result<()> {
        let context = self.streams(Identity::Provisioner).await?;
        let streams = &self.config.streams;
        let mut layout = Layout::of(streams);
        if let Owner::Contender(_) = owner {
            layout.consumers.retain(|it| it.name != streams.consumer);
        }
        provision::provision(&context, &layout, Retention::Keep).await?;
        Ok(())
    }

    pub(crate) fn nats_config(&self, identity: Identity) -> config::Nats {
        self.nats.config(identity)
    }

    pub(crate) async fn connect(&self, identity: Identity) -> anyhow::Result<async_nats::Client> {
        let health = Member::unwatched(Part::Nats);
        Ok(broker::connect(&self.nats.config(identity), "load test", health).await?)
    }

    /// JetStream as seen by one of those whom the accounts know.
    pub(crate) async fn streams(&self, identity: Identity) -> anyhow::Result<jetstream::Context> {
        let client = self.connect(identity).await?;
        Ok(broker::jetstream(client, &self.nats.config(identity)))
    }

    pub(crate) fn nats_pid(&self) -> u32 {
        self.nats.pid()
    }
}
