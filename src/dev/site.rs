//! A whole installation in a private folder: servers, database, streams, keys, certificates.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use secrecy::ExposeSecret as _;
use tokio_postgres::{Client, NoTls};

use super::certificates::Authority;
use super::nats::{Identity, NatsServer};
use super::postgres::{Durability, Postgres, Role, StartError};
use super::secret::write_secret;
use super::supervisor::Supervisor;
use crate::broker::layout::Layout;
use crate::broker::provision::{self, ProvisionError, Retention};
use crate::broker::{self, ConnectError};
use crate::config::{self, Config};
use crate::lifecycle::{Member, Part};
use crate::seal::KeyRing;
use crate::store::migrations::MigrationError;

const DATABASE: &str = "dlr";

/// In the private folder.
const SETTINGS: &str = "dlr.toml";
const BOOKS: &str = "reconcile.toml";

#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    #[error(transparent)]
    Postgres(#[from] StartError),
    #[error("nats-server: {0}")]
    Nats(io::Error),
    #[error("cannot prepare the private folder: {0}")]
    Folder(io::Error),
    #[error("cannot prepare the database: {0}")]
    Database(#[from] tokio_postgres::Error),
    #[error(transparent)]
    Migration(#[from] MigrationError),
    #[error("cannot make the streams: {0}")]
    Connect(#[from] ConnectError),
    #[error("cannot make the streams: {0}")]
    Provision(#[from] ProvisionError),
}

/// Everything ends and is removed with it, or with this process, whichever way that ends.
pub struct Site {
    nats: NatsServer,
    postgres: Postgres,
    key_ring: PathBuf,
    dlr: PathBuf,
    // Last, because it ends the others.
    supervisor: Supervisor,
}

impl Site {
    /// Starts both servers; blocks its thread for some seconds. `dlr` is the program that supervises.
    pub fn start(dlr: &Path) -> Result<Self, SiteError> {
        let supervisor = Supervisor::start(dlr).map_err(SiteError::Folder)?;
        let folder = supervisor.folder();
        let authority = Authority::new(&folder.join("certificates")).map_err(SiteError::Folder)?;
        let key_ring = folder.join("keyring.json");
        write_secret(&key_ring, &KeyRing::generate()).map_err(SiteError::Folder)?;
        let postgres = Postgres::start(&supervisor, &authority, Durability::Durable)?;
        let nats = NatsServer::start(&supervisor, &authority, None).map_err(SiteError::Nats)?;
        let site = Self {
            nats,
            postgres,
            key_ring,
            dlr: dlr.to_owned(),
            supervisor,
        };
        site.write_settings().map_err(SiteError::Folder)?;
        Ok(site)
    }

    /// Makes the database; returns the names of the migrations.
    pub async fn migrate(&self) -> Result<Vec<&'static str>, SiteError> {
        self.postgres.create_database(DATABASE).await?;
        Ok(self.postgres.install(DATABASE).await?)
    }

    /// Makes the streams and consumers, as `dlr provision` does.
    pub async fn provision(&self, names: &config::Streams) -> Result<usize, SiteError> {
        let settings = self.nats.config(Identity::Provisioner);
        let client = broker::connect(
            &settings,
            "dlr dev provision",
            Member::unwatched(Part::Nats),
        )
        .await?;
        let context = broker::jetstream(client, &settings);
        let made = provision::provision(&context, &Layout::of(names), Retention::Keep).await?;
        Ok(made.len())
    }

    /// What `dlr run` would be given here.
    pub fn config(&self) -> Config {
        Config {
            nats: self.nats.config(Identity::Processor),
            postgres: self.postgres.config(Role::Service, DATABASE),
            seal: config::Seal {
                keyring_file: self.key_ring.clone(),
            },
            ..Config::default()
        }
    }

    /// The same as a file, for any `dlr` command.
    pub fn settings(&self) -> PathBuf {
        self.folder().join(SETTINGS)
    }

    /// The same for whoever checks the books.
    fn books(&self) -> PathBuf {
        self.folder().join(BOOKS)
    }

    fn write_settings(&self) -> io::Result<()> {
        let profiles = self.profiles();
        let files = [
            ("url_file", Some(self.write_url(Role::Service)?)),
            ("profiles_url_file", Some(self.write_url(Role::Profiles)?)),
            ("profiles_cert_file", profiles.cert_file),
            ("profiles_key_file", profiles.key_file),
        ];
        write_config(&self.settings(), &self.config(), files)?;
        let onlooker = Config {
            nats: self.nats.config(Identity::Reconcile),
            postgres: self.reader(),
            ..Config::default()
        };
        let url = self.write_url(Role::Reader)?;
        write_config(&self.books(), &onlooker, [("url_file", Some(url))])
    }

    fn write_url(&self, role: Role) -> io::Result<PathBuf> {
        let file = self.folder().join(format!("{}.url", role.name()));
        let url = self.postgres.url(role, DATABASE);
        write_secret(&file, url.expose_secret())?;
        Ok(file)
    }

    /// A `dlr` command that an operator would type, with these settings.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.dlr);
        // No setting of whoever has started us.
        command.args(arguments).env_clear();
        command.arg("--config").arg(self.settings());
        command
    }

    pub fn nats(&self, identity: Identity) -> config::Nats {
        self.nats.config(identity)
    }

    pub fn reader(&self) -> config::Postgres {
        self.postgres.config(Role::Reader, DATABASE)
    }

    /// For whoever writes carrier profiles.
    pub fn profiles(&self) -> config::Postgres {
        self.postgres.config(Role::Profiles, DATABASE)
    }

    /// A connection by the socket that acts as the orchestrator; the future drives it.
    pub async fn orchestrator(
        &self,
    ) -> Result<
        (
            Client,
            impl Future<Output = Result<(), tokio_postgres::Error>> + use<>,
        ),
        SiteError,
    > {
        let mut settings = self.postgres.superuser(DATABASE);
        settings.options("-c role=orch_owner");
        Ok(settings.connect(NoTls).await?)
    }

    pub fn folder(&self) -> &Path {
        self.supervisor.folder()
    }

    /// How to look into the carriers' profiles, the database, the streams and the books while this runs.
    pub fn ways_to_look(&self) -> io::Result<[String; 4]> {
        let reconcile = self.nats.config(Identity::Reconcile);
        let path = |path: Option<PathBuf>| path.unwrap_or_default().display().to_string();
        let nats = format!(
            "nats --server {} --tlsca {} --tlscert {} --tlskey {} --inbox-prefix {} \
             --js-api-prefix {} stream info WEBHOOK",
            reconcile.url,
            path(reconcile.ca_file),
            path(reconcile.cert_file),
            path(reconcile.key_file),
            reconcile.inbox_prefix,
            reconcile.api_prefix,
        );
        let profiles = format!(
            "{} carriers list --config {}",
            self.dlr.display(),
            self.settings().display()
        );
        let books = format!(
            "{} reconcile --config {}",
            self.dlr.display(),
            self.books().display()
        );
        let psql = self.postgres.psql(Role::Reader, DATABASE)?;
        Ok([profiles, psql, nats, books])
    }

    /// Ends the servers and removes the folder.
    pub fn shutdown(self) {
        self.supervisor.shutdown();
    }
}

/// Writes a configuration for `dlr` commands, with these files in `[postgres]`.
fn write_config<const N: usize>(
    path: &Path,
    config: &Config,
    files: [(&str, Option<PathBuf>); N],
) -> io::Result<()> {
    let mut settings = toml::Table::try_from(config).map_err(io::Error::other)?;
    if let Some(postgres) = settings
        .get_mut("postgres")
        .and_then(toml::Value::as_table_mut)
    {
        // What is shown of a URL has no password.
        postgres.retain(|name, _| !name.ends_with("url"));
        for (setting, file) in files {
            let file = file.unwrap_or_default().display().to_string();
            postgres.insert(setting.into(), file.into());
        }
    }
    write_secret(path, &settings.to_string())
}
