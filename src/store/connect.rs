//! Connections to PostgreSQL.
//!
//! The TLS bridge is our own: of the crates that offer one, the usual one brings a second
//! cryptography provider. Without channel binding, which adds nothing to a server certificate that
//! is checked against a private authority.

mod hosts;
mod tls;

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::{error, fs, io};

use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;
use tokio_postgres::config::Host;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config};
use zeroize::Zeroizing;

use self::tls::Tls;
use super::failure::describe;
use crate::config::{Postgres, SignIn};
use crate::lifecycle::Tasks;

/// Makes connections. The files of the settings are read for each one, so a renewed certificate or
/// password is in use from the next connection on.
#[derive(Debug, Clone)]
pub struct Connector {
    settings: Postgres,
    sign_in: SignIn,
    application: String,
}

#[derive(Debug, Error)]
pub enum ConnectError {
    /// Not yet: the server is away, starting, or full.
    #[error("PostgreSQL at {server} cannot be reached: {why}")]
    Unreachable { server: String, why: String },
    /// PostgreSQL says the same when the certificate is another role's.
    #[error(
        "PostgreSQL at {server} does not accept the password of role {role}, or the certificate as this role's"
    )]
    WrongPassword { server: String, role: String },
    /// The role may not come in this way: `pg_hba.conf`, client certificate, CONNECT.
    #[error("PostgreSQL at {server} refuses role {role}: {why}")]
    Refused {
        server: String,
        role: String,
        why: String,
    },
    #[error("no TLS with PostgreSQL at {server}: {why}")]
    Certificate { server: String, why: String },
    #[error("PostgreSQL at {server} has no database {database}")]
    NoSuchDatabase { server: String, database: String },
    /// A file of ours, or what it says.
    #[error("{setting}: {why}")]
    Setting { setting: &'static str, why: String },
    #[error("PostgreSQL at {server}: {why}")]
    Other { server: String, why: String },
}

impl Connector {
    /// `application` is what the server shows as `application_name`.
    pub fn new(settings: &Postgres, application: &str) -> Self {
        Self::with(settings, SignIn::Main, application)
    }

    pub fn with(settings: &Postgres, sign_in: SignIn, application: &str) -> Self {
        Self {
            settings: settings.clone(),
            sign_in,
            application: application.to_owned(),
        }
    }

    /// The future drives the connection and ends with it; the client does nothing until it runs.
    pub async fn connect(
        &self,
    ) -> Result<
        (
            Client,
            impl Future<Output = Result<(), tokio_postgres::Error>> + Send + 'static,
        ),
        ConnectError,
    > {
        let config = self.driver_config()?;
        let tls = self.tls()?;
        let within = self.settings.connect_timeout;
        let mut faults = Vec::new();
        // Each server has the whole time to itself, and the driver's own limit is for the TCP connection
        // alone: one that takes connections and answers none must not keep us from the next.
        for config in hosts::one_by_one(&config) {
            let fault = match tokio::time::timeout(within, config.connect(tls.clone())).await {
                Ok(Ok(connected)) => return Ok(connected),
                Ok(Err(error)) => classify(&error, &config),
                Err(_) => ConnectError::Unreachable {
                    server: server(&config),
                    why: format!("no answer within {within:?}"),
                },
            };
            faults.push(fault);
        }
        Err(of_all(faults))
    }

    /// Connects, and lets `tasks` drive the connection. Its end shows in the client, and whoever uses
    /// that reports and replaces it. One that is given up with an answer due waits for that answer,
    /// which a server that stands still owes for ever.
    pub async fn connect_on(&self, tasks: &Tasks) -> Result<Client, ConnectError> {
        let (client, connection) = self.connect().await?;
        tasks.accompany(async move {
            let _ended = connection.await;
        });
        Ok(client)
    }

    fn driver_config(&self) -> Result<Config, ConnectError> {
        let url = self.url()?;
        // The rule about TLS is checked again with it: the file may name another host by now.
        let mut config = self
            .settings
            .parse_url(url.expose_secret())
            .map_err(|error| ConnectError::Setting {
                setting: error.setting(self.sign_in),
                why: error.to_string(),
            })?;
        // Generic plans: a statement over arrays is planned once, not on each of its first five
        // runs and whenever a custom plan looks cheaper. JIT pays off in seconds, not in
        // milliseconds.
        let options = format!(
            "{} -c plan_cache_mode=force_generic_plan -c jit=off -c statement_timeout={}",
            config.get_options().unwrap_or_default(),
            self.settings.statement_timeout.as_millis(),
        );
        config
            .options(options.trim())
            .application_name(&self.application);
        // A peer that vanished must not hold a lane for the two hours of the system's default.
        config
            .keepalives_idle(Duration::from_secs(10))
            .keepalives_interval(Duration::from_secs(5))
            .keepalives_retries(3)
            .tcp_user_timeout(Duration::from_secs(20));
        Ok(config)
    }

    fn url(&self) -> Result<SecretString, ConnectError> {
        let (url, file) = self.settings.url_of(self.sign_in);
        let Some(file) = file else {
            return Ok(url.clone());
        };
        let text = fs::read_to_string(file)
            .map(Zeroizing::new)
            .map_err(|error| {
                let why = format!("{}: {error}", file.display());
                ConnectError::Setting {
                    setting: self.sign_in.settings().1,
                    why,
                }
            })?;
        Ok(SecretString::from(text.trim()))
    }

    fn tls(&self) -> Result<Tls, ConnectError> {
        let Some(ca) = &self.settings.ca_file else {
            return Ok(Tls::off());
        };
        let identity = self.settings.identity_of(self.sign_in);
        crate::tls::client_config(ca, identity)
            .map(|config| Tls::new(Arc::new(config)))
            .map_err(|error| ConnectError::Setting {
                setting: match self.sign_in {
                    SignIn::Main => "postgres.ca_file, cert_file, key_file",
                    SignIn::Profiles => "postgres.ca_file, profiles_cert_file, profiles_key_file",
                },
                why: error.to_string(),
            })
    }
}

fn server(config: &Config) -> String {
    let ports = config.get_ports();
    let shown = config.get_hosts().iter().enumerate().map(|(at, host)| {
        let port = ports
            .get(at)
            .or_else(|| ports.first())
            .copied()
            .unwrap_or(5432);
        match host {
            Host::Tcp(name) => format!("{name}:{port}"),
            #[cfg(unix)]
            Host::Unix(folder) => PathBuf::from(folder).display().to_string(),
        }
    });
    shown.collect::<Vec<_>>().join(", ")
}

fn classify(error: &tokio_postgres::Error, config: &Config) -> ConnectError {
    let server = server(config);
    let role = config.get_user().unwrap_or_default().to_owned();
    let why = describe(error);
    match error.code() {
        Some(&SqlState::INVALID_PASSWORD) => ConnectError::WrongPassword { server, role },
        Some(
            &SqlState::INVALID_AUTHORIZATION_SPECIFICATION | &SqlState::INSUFFICIENT_PRIVILEGE,
        ) => ConnectError::Refused { server, role, why },
        Some(&SqlState::INVALID_CATALOG_NAME) => ConnectError::NoSuchDatabase {
            server,
            database: config.get_dbname().unwrap_or_default().to_owned(),
        },
        Some(&SqlState::CANNOT_CONNECT_NOW | &SqlState::TOO_MANY_CONNECTIONS) => {
            ConnectError::Unreachable { server, why }
        }
        None if is_about_tls(error) => ConnectError::Certificate { server, why },
        None if cause_of::<io::Error>(error).is_some() => ConnectError::Unreachable { server, why },
        _ => ConnectError::Other { server, why },
    }
}

/// What there is to say when no server would do. That one is away, or only a standby, is how several
/// of them are meant to work, and must not hide what somebody has to mend at another.
fn of_all(faults: Vec<ConnectError>) -> ConnectError {
    let mut away = Vec::new();
    for fault in faults {
        match fault {
            ConnectError::Unreachable { server, why } => away.push((server, why)),
            other => return other,
        }
    }
    if let [(server, why)] = away.as_slice() {
        let (server, why) = (server.clone(), why.clone());
        return ConnectError::Unreachable { server, why };
    }
    let servers: Vec<_> = away.iter().map(|(server, _)| server.as_str()).collect();
    let reasons: Vec<_> = away
        .iter()
        .map(|(at, why)| format!("{at}: {why}"))
        .collect();
    ConnectError::Unreachable {
        server: servers.join(", "),
        why: reasons.join("; "),
    }
}

/// A server that refuses our certificate says so only at the first read, as an I/O error.
fn is_about_tls(error: &tokio_postgres::Error) -> bool {
    match cause_of::<io::Error>(error) {
        Some(io) => matches!(io.get_ref(), Some(inner) if inner.is::<rustls::Error>()),
        None => error.to_string().contains("TLS"),
    }
}

fn cause_of<E: error::Error + 'static>(error: &dyn error::Error) -> Option<&E> {
    let mut next = error.source();
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connector(url: &str) -> Connector {
        let settings = Postgres {
            url: SecretString::from(url),
            ..Postgres::default()
        };
        Connector::new(&settings, "dlr test")
    }

    #[test]
    fn the_password_is_in_no_error_and_no_debug_output() {
        let connector = connector("postgres://dlr_svc:hunter2@db.example/sms");
        let error = connector.driver_config().unwrap_err();
        assert!(matches!(
            error,
            ConnectError::Setting {
                setting: "postgres.ca_file",
                ..
            }
        ));
        assert!(!format!("{error} {error:?} {connector:?}").contains("hunter2"));
    }

    #[test]
    fn what_has_to_be_mended_is_said_before_who_is_away() {
        let away = |server: &str| ConnectError::Unreachable {
            server: server.to_owned(),
            why: "away".to_owned(),
        };
        let wrong = ConnectError::WrongPassword {
            server: "b:1".to_owned(),
            role: "dlr_svc".to_owned(),
        };
        let said = of_all(vec![away("a:1"), wrong, away("c:1")]);
        assert!(matches!(said, ConnectError::WrongPassword { .. }), "{said}");
        assert_eq!(
            of_all(vec![away("a:1"), away("b:1")]).to_string(),
            "PostgreSQL at a:1, b:1 cannot be reached: a:1: away; b:1: away"
        );
        assert_eq!(
            of_all(vec![away("a:1")]).to_string(),
            "PostgreSQL at a:1 cannot be reached: away"
        );
    }

    #[test]
    fn options_of_the_url_are_kept() {
        let config = connector("postgres://a@localhost/b?options=-c%20work_mem%3D8MB")
            .driver_config()
            .unwrap();
        let options = config.get_options().unwrap();
        assert!(
            options.starts_with("-c work_mem=8MB -c plan_cache_mode="),
            "{options}"
        );
    }
}
