//! Databases on the throw-away server, made by its superuser.

use secrecy::ExposeSecret;
use tokio_postgres::{Error, NoTls};

use super::{Postgres, Role};
use crate::store::migrations::{self, MigrationError, SCHEMA_VERSION};

const REFERENCE_TABLE: &str = include_str!("../../../deploy/postgres/sms_messages.sql");

impl Postgres {
    /// Runs SQL as the superuser, by the socket.
    pub async fn execute(&self, database: &str, sql: &str) -> Result<(), Error> {
        let (client, connection) = self.superuser(database).connect(NoTls).await?;
        // The client goes with the first half, and that ends the second. What ended a connection
        // too early is what the statement under way failed with.
        let work = async move { client.batch_execute(sql).await };
        tokio::join!(work, connection).0
    }

    /// An empty database.
    pub async fn create_database(&self, name: &str) -> Result<(), Error> {
        let create = format!("CREATE DATABASE {name} TEMPLATE template0");
        self.execute("postgres", &create).await
    }

    /// A copy of a database that nobody is connected to.
    pub async fn copy_database(&self, template: &str, name: &str) -> Result<(), Error> {
        let create = format!("CREATE DATABASE {name} TEMPLATE {template}");
        self.execute("postgres", &create).await?;
        // That copies everything but the rights on the database itself.
        let rights = format!(
            "UPDATE pg_database AS copy SET datacl = original.datacl FROM pg_database AS original \
             WHERE copy.datname = '{name}' AND original.datname = '{template}'"
        );
        self.execute("postgres", &rights).await
    }

    /// As an installation does: the orchestrator's table first, then the migrations, their
    /// partitions, and passwords for the roles. Returns the names of the migrations.
    pub async fn install(&self, database: &str) -> Result<Vec<&'static str>, MigrationError> {
        let (mut client, connection) = self.superuser(database).connect(NoTls).await?;
        let work = async move {
            client.batch_execute(REFERENCE_TABLE).await?;
            let applied = migrations::up(&mut client, SCHEMA_VERSION).await?;
            client
                .execute("SELECT dlr.ensure_partitions()", &[])
                .await?;
            Ok::<_, MigrationError>(applied)
        };
        let applied = tokio::join!(work, connection).0?;
        self.let_roles_in().await?;
        Ok(applied)
    }

    /// Gives the roles that the migrations made their passwords: in production they get theirs, or
    /// certificates, from whoever runs the server.
    pub async fn let_roles_in(&self) -> Result<(), Error> {
        let passwords = Role::ALL
            .map(|role| {
                let password = self.credentials[&role].password.expose_secret();
                format!("ALTER ROLE {} PASSWORD '{password}';", role.name())
            })
            .concat();
        self.execute("postgres", &passwords).await
    }
}
