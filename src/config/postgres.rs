use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};
use tokio_postgres::config::{Host, SslMode};
use validator::Validate;

use super::bounds;
use super::tls_rule::is_loopback;

/// The way to PostgreSQL.
#[derive(Debug, Clone, Serialize, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct Postgres {
    /// `postgres://role[:password]@host:port/database`. Without TLS on loopback addresses only.
    /// No default. `DLR__POSTGRES__URL`, or `DATABASE_URL`
    #[serde(serialize_with = "without_password")]
    pub url: SecretString,

    /// File that holds `postgres.url`; read again at every connection, so that a password may
    /// change under way. Default none; either this or `postgres.url`.
    /// `DLR__POSTGRES__URL_FILE`, or `DATABASE_URL_FILE`
    pub url_file: Option<PathBuf>,

    /// Certificates (PEM) of the authority that the server is checked against (chain and host
    /// name), and no other. Given, TLS is required.
    /// Default none; needed off loopback. `DLR__POSTGRES__CA_FILE`
    pub ca_file: Option<PathBuf>,

    /// Our certificate (PEM, with its chain). Default none; goes with `postgres.key_file`.
    /// `DLR__POSTGRES__CERT_FILE`
    pub cert_file: Option<PathBuf>,

    /// Its private key (PEM); refused when everybody may read it. Default none; goes with
    /// `postgres.cert_file`. `DLR__POSTGRES__KEY_FILE`
    pub key_file: Option<PathBuf>,

    /// Longest wait for a connection. Default `5s`; 100 ms to 60 s.
    /// `DLR__POSTGRES__CONNECT_TIMEOUT`
    #[serde(with = "bounds::duration")]
    #[validate(custom(function = bounds::within_ms::<100, 60_000>))]
    pub connect_timeout: Duration,

    /// Longest run of one statement. Default `5s`; 100 ms to 15 s, half of the consumer's
    /// `ack_wait`: a statement must not outlive the delivery it settles.
    /// `DLR__POSTGRES__STATEMENT_TIMEOUT`
    #[serde(with = "bounds::duration")]
    #[validate(custom(function = bounds::within_ms::<100, 15_000>))]
    pub statement_timeout: Duration,
}

impl Default for Postgres {
    fn default() -> Self {
        Self {
            url: SecretString::default(),
            url_file: None,
            ca_file: None,
            cert_file: None,
            key_file: None,
            connect_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(5),
        }
    }
}

/// Why a text is no PostgreSQL URL. Holds nothing of the text, which may be a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    #[error("must be postgres://role[:password]@host:port/database")]
    Form,
    #[error(
        "has a part or parameter that cannot be read (write @ : / ? in a password as %40 %3A %2F %3F)"
    )]
    Part,
    #[error("names no role: postgres://role[:password]@host:port/database")]
    NoRole,
    #[error("names no host: postgres://role[:password]@host:port/database")]
    NoHost,
    #[error("names no database: postgres://role[:password]@host:port/database")]
    NoDatabase,
    #[error("sslmode must be disable, prefer, require, verify-ca or verify-full")]
    SslMode,
    #[error("sslmode=disable contradicts postgres.ca_file")]
    Contradiction,
    #[error("sslmode would let {host} go without TLS, allowed on loopback addresses only")]
    Plaintext { host: String },
    #[error("not set; {host} is not a loopback address, so TLS is needed")]
    NoAuthority { host: String },
    #[error("not set; the sslmode of postgres.url asks for TLS")]
    NoAuthorityForSslMode,
}

impl InvalidUrl {
    /// The setting to change.
    pub fn setting(&self) -> &'static str {
        match self {
            Self::NoAuthority { .. } | Self::NoAuthorityForSslMode => "postgres.ca_file",
            _ => "postgres.url",
        }
    }
}

impl Postgres {
    /// Reads a URL, from `url` or from what `url_file` holds now; the rule about TLS holds for the
    /// one as for the other. TLS is on exactly when `ca_file` is given, and then always checks
    /// chain and host name, whatever `sslmode` says.
    pub fn parse_url(&self, url: &str) -> Result<tokio_postgres::Config, InvalidUrl> {
        let (rest, ssl_mode) = take_ssl_mode(url.trim())?;
        let mut parsed: tokio_postgres::Config = rest
            .parse()
            .map_err(|_quotes_the_url: tokio_postgres::Error| InvalidUrl::Part)?;
        if parsed.get_user().is_none_or(str::is_empty) {
            return Err(InvalidUrl::NoRole);
        }
        if parsed.get_hosts().is_empty() {
            return Err(InvalidUrl::NoHost);
        }
        if holds_password(&parsed) {
            return Err(InvalidUrl::Part);
        }
        if parsed.get_dbname().is_none_or(str::is_empty) {
            return Err(InvalidUrl::NoDatabase);
        }
        match (remote_host(&parsed), ssl_mode, &self.ca_file) {
            (Some(host), Some("disable" | "prefer"), _) => {
                return Err(InvalidUrl::Plaintext { host });
            }
            (Some(host), _, None) => return Err(InvalidUrl::NoAuthority { host }),
            (None, Some("require" | "verify-ca" | "verify-full"), None) => {
                return Err(InvalidUrl::NoAuthorityForSslMode);
            }
            (None, Some("disable"), Some(_)) => return Err(InvalidUrl::Contradiction),
            _ => {}
        }
        let tls = self.ca_file.is_some();
        parsed.ssl_mode(if tls {
            SslMode::Require
        } else {
            SslMode::Disable
        });
        parsed.connect_timeout(self.connect_timeout);
        Ok(parsed)
    }
}

/// Splits off `sslmode`, of which the driver knows three of the six words.
fn take_ssl_mode(url: &str) -> Result<(String, Option<&str>), InvalidUrl> {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(InvalidUrl::Form);
    }
    // A question mark before the first @ belongs to the password.
    let from = url.find('@').unwrap_or_default();
    let Some(query_at) = url.get(from..).and_then(|rest| rest.find('?')) else {
        return Ok((url.to_owned(), None));
    };
    let (base, query) = url.split_at(from + query_at);
    let (modes, others): (Vec<&str>, Vec<&str>) = query
        .trim_start_matches('?')
        .split('&')
        .partition(|parameter| parameter.starts_with("sslmode="));
    let ssl_mode = modes.last().and_then(|mode| mode.strip_prefix("sslmode="));
    match ssl_mode {
        None | Some("disable" | "prefer" | "require" | "verify-ca" | "verify-full") => {}
        Some(_) => return Err(InvalidUrl::SslMode),
    }
    let separator = if others.is_empty() { "" } else { "?" };
    Ok((format!("{base}{separator}{}", others.join("&")), ssl_mode))
}

/// The URL for eyes: made anew from its parts, so that what was not understood is not shown.
fn without_password<S: Serializer>(url: &SecretString, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&shown(url.expose_secret()))
}

fn shown(url: &str) -> String {
    if url.is_empty() {
        return String::new();
    }
    let parsed = take_ssl_mode(url).ok().and_then(|(rest, ssl_mode)| {
        let parsed = rest.parse::<tokio_postgres::Config>().ok()?;
        (!holds_password(&parsed)).then_some((parsed, ssl_mode))
    });
    let Some((parsed, ssl_mode)) = parsed else {
        return MASK.to_owned();
    };
    let password = parsed
        .get_password()
        .map_or_else(String::new, |_| format!(":{MASK}"));
    let ports = parsed.get_ports();
    let hosts: Vec<String> = parsed
        .get_hosts()
        .iter()
        .enumerate()
        .map(|(at, host)| {
            let port = ports
                .get(at)
                .or_else(|| ports.first())
                .copied()
                .unwrap_or(5432);
            format!("{}:{port}", host_name(host))
        })
        .collect();
    let ssl_mode = ssl_mode.map_or_else(String::new, |mode| format!("?sslmode={mode}"));
    format!(
        "postgres://{}{password}@{}/{}{ssl_mode}",
        parsed.get_user().unwrap_or_default(),
        hosts.join(","),
        parsed.get_dbname().unwrap_or_default(),
    )
}

/// Whether an unescaped @ in the password made its end look like a host, which gets shown.
fn holds_password(postgres: &tokio_postgres::Config) -> bool {
    postgres
        .get_hosts()
        .iter()
        .any(|host| host_name(host).contains('@'))
}

/// The first host that is not this machine. The name counts even where an address is given with
/// it: the name is what the certificate is checked against.
fn remote_host(postgres: &tokio_postgres::Config) -> Option<String> {
    let addresses = postgres.get_hostaddrs().iter();
    let address = addresses.copied().find(|address| !address.is_loopback());
    let host = postgres.get_hosts().iter().find(|host| match host {
        Host::Tcp(name) => !is_loopback(name),
        #[cfg(unix)]
        Host::Unix(_) => false,
    });
    host.map(host_name)
        .or_else(|| address.map(|address| address.to_string()))
}

const MASK: &str = "********";

fn host_name(host: &Host) -> String {
    match host {
        Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        Host::Unix(folder) => folder.display().to_string(),
    }
}
