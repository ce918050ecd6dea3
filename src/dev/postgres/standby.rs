//! A streaming standby, which takes its primary's place when told to.

use std::io;
use std::sync::{Arc, Mutex};

use secrecy::ExposeSecret as _;
use tokio_postgres::Error;

use super::{Cluster, Postgres, Role, StartError};
use crate::dev::supervisor::Supervisor;

impl Postgres {
    /// Copies this server, and follows it from then on; returns when it can be read from. Its primary
    /// knows it as `standby` (`synchronous_standby_names`). It has the same roles and passwords.
    /// Blocks its thread.
    pub fn start_standby(&self, supervisor: &Supervisor) -> Result<Self, StartError> {
        let cluster = Cluster::without_files(supervisor.folder().join("standby"))?;
        self.copy(&cluster, supervisor).map_err(StartError::SetUp)?;
        cluster.configure(&cluster.sockets())?;
        let (server, port) = cluster.start(supervisor)?;
        Ok(Self {
            server: Mutex::new(Arc::new(server)),
            port,
            cluster,
            credentials: self.credentials.clone(),
        })
    }

    fn copy(&self, cluster: &Cluster, supervisor: &Supervisor) -> io::Result<()> {
        let program = cluster.programs.postgres.with_file_name("pg_basebackup");
        let (sockets, data) = (&self.cluster.folder, cluster.data());
        let args = [
            "--dbname=application_name=standby",
            "--host",
            &sockets.to_string_lossy(),
            "--port",
            &self.port.to_string(),
            "--username",
            Role::Admin.name(),
            "--pgdata",
            &data.to_string_lossy(),
            "--write-recovery-conf",
            "--checkpoint=fast",
            "--no-sync",
        ];
        let mut launch = cluster.launch(&program, &args);
        let password = self.credentials[&Role::Admin].password.expose_secret();
        launch.env.insert("PGPASSWORD".into(), password.into());
        supervisor.run(launch)
    }

    /// Makes a standby a primary; returns when it can be written to.
    pub async fn promote(&self) -> Result<(), Error> {
        self.execute("postgres", "SELECT pg_promote()").await
    }
}
