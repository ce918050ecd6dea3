//! A throw-away PostgreSQL with the rules of a real one: TLS with a certificate and a password for
//! every role, on a free loopback port. Only its superuser also comes in by the socket, which lies
//! in a folder that nobody else can enter.

use std::{
    collections::BTreeMap,
    fs, io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use self::cluster::Cluster;
use super::{
    binaries::MissingServer,
    certificates::{Authority, CertFiles},
    supervisor::{Server, Supervisor},
};
use crate::config;

mod cluster;
mod databases;
mod standby;

/// Who signs in. All but `Admin` are the product's; `Admin` is the superuser, who migrates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Admin,
    Service,
    Reader,
    Retention,
    Profiles,
}

impl Role {
    pub const ALL: [Self; 5] = [
        Self::Admin,
        Self::Service,
        Self::Reader,
        Self::Retention,
        Self::Profiles,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Admin => "dlr_admin",
            Self::Service => "dlr_svc",
            Self::Reader => "dlr_reader",
            Self::Retention => "dlr_retention",
            Self::Profiles => "dlr_profiles",
        }
    }
}

/// Whether what is committed survives a crash of the machine. Tests need only that it survives the
/// processor, and have no time for a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    Durable,
    Volatile,
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Missing(#[from] MissingServer),
    #[error("cannot set up PostgreSQL: {0}")]
    SetUp(#[from] io::Error),
    #[error("PostgreSQL {0}")]
    Ended(io::Error),
    #[error("PostgreSQL did not accept connections within {0:?}")]
    Slow(Duration),
}

/// A running server. It ends with its supervisor, or when told to.
pub struct Postgres {
    /// Of the servers that ran on these files one after the other, the last.
    server: Mutex<Arc<Server>>,
    port: u16,
    /// Its folder is also where the socket is.
    cluster: Cluster,
    credentials: BTreeMap<Role, Credentials>,
}

#[derive(Clone)]
struct Credentials {
    password: SecretString,
    files: CertFiles,
}

impl Credentials {
    fn issue(role: Role, authority: &Authority) -> io::Result<Self> {
        Ok(Self {
            password: Uuid::new_v4().simple().to_string().into(),
            files: authority.client_cn(role.name())?,
        })
    }
}

impl Postgres {
    /// Makes a cluster and starts it; returns when it accepts connections. Blocks its thread for
    /// about two seconds.
    pub fn start(
        supervisor: &Supervisor,
        authority: &Authority,
        durability: Durability,
    ) -> Result<Self, StartError> {
        Self::start_with(supervisor, authority, durability, "")
    }

    /// The same with further lines for `postgresql.conf`.
    pub fn start_with(
        supervisor: &Supervisor,
        authority: &Authority,
        durability: Durability,
        settings: &str,
    ) -> Result<Self, StartError> {
        let credentials = Role::ALL
            .into_iter()
            .map(|role| Ok((role, Credentials::issue(role, authority)?)))
            .collect::<io::Result<BTreeMap<_, _>>>()?;
        let superuser = &credentials[&Role::Admin].password;
        let cluster = Cluster::create(supervisor, authority, durability, superuser)?;
        cluster.configure(settings)?;
        let (server, port) = cluster.start(supervisor)?;
        Ok(Self {
            server: Mutex::new(Arc::new(server)),
            port,
            cluster,
            credentials,
        })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// To stop, pause or kill it.
    pub fn server(&self) -> Arc<Server> {
        Arc::clone(&self.server.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Once it has ended: another server on the same files and port, as a restart has it.
    pub fn start_again(&self, supervisor: &Supervisor) -> Result<(), StartError> {
        let again = Arc::new(self.cluster.start_on(supervisor, self.port)?);
        *self.server.lock().unwrap_or_else(PoisonError::into_inner) = again;
        Ok(())
    }

    /// What goes into `DATABASE_URL`; the certificates are in [`Self::config`].
    pub fn url(&self, role: Role, database: &str) -> SecretString {
        let password = self.credentials[&role].password.expose_secret();
        let (role, port) = (role.name(), self.port);
        format!("postgres://{role}:{password}@127.0.0.1:{port}/{database}").into()
    }

    /// The processor's configuration for this server.
    pub fn config(&self, role: Role, database: &str) -> config::Postgres {
        let files = &self.credentials[&role].files;
        config::Postgres {
            url: self.url(role, database),
            ca_file: Some(files.ca.clone()),
            cert_file: Some(files.cert.clone()),
            key_file: Some(files.key.clone()),
            ..config::Postgres::default()
        }
    }

    /// The superuser by the socket, for what is no business of the product.
    pub fn superuser(&self, database: &str) -> tokio_postgres::Config {
        let mut config = tokio_postgres::Config::new();
        config
            .host_path(&self.cluster.folder)
            .port(self.port)
            .user(Role::Admin.name())
            .password(self.credentials[&Role::Admin].password.expose_secret())
            .dbname(database);
        config
    }

    /// A shell command that opens `psql`. It shows no password: that is in a file beside the server,
    /// which only we can read.
    pub fn psql(&self, role: Role, database: &str) -> io::Result<String> {
        let Credentials { password, files } = &self.credentials[&role];
        let service = format!(
            "[{name}]\nhost=127.0.0.1\nport={port}\nuser={name}\npassword={password}\n\
             dbname={database}\nsslmode=verify-full\nsslrootcert={ca}\nsslcert={cert}\nsslkey={key}\n",
            name = role.name(),
            port = self.port,
            password = password.expose_secret(),
            ca = files.ca.display(),
            cert = files.cert.display(),
            key = files.key.display(),
        );
        let file = self
            .cluster
            .folder
            .join(format!("psql-{}-{database}.conf", role.name()));
        fs::write(&file, service)?;
        let (file, role) = (file.display(), role.name());
        Ok(format!("PGSERVICEFILE={file} psql service={role}"))
    }
}
