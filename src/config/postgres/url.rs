//! What a URL says, and what of it may be shown.

use secrecy::{ExposeSecret, SecretString};
use serde::Serializer;
use tokio_postgres::config::Host;

use super::SignIn;
use crate::config::tls_rule::is_loopback;

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
    #[error("not set; the sslmode of the URL asks for TLS")]
    NoAuthorityForSslMode,
}

impl InvalidUrl {
    /// The setting to change, where the text was to be this URL.
    pub fn setting(&self, sign_in: SignIn) -> &'static str {
        match self {
            Self::NoAuthority { .. } | Self::NoAuthorityForSslMode => "postgres.ca_file",
            _ => sign_in.settings().0,
        }
    }
}

/// Splits off `sslmode`, of which the driver knows three of the six words.
pub(super) fn take_ssl_mode(url: &str) -> Result<(String, Option<&str>), InvalidUrl> {
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
pub(super) fn without_password<S: Serializer>(
    url: &SecretString,
    to: S,
) -> Result<S::Ok, S::Error> {
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
pub(super) fn holds_password(postgres: &tokio_postgres::Config) -> bool {
    postgres
        .get_hosts()
        .iter()
        .any(|host| host_name(host).contains('@'))
}

/// The first host that is not this machine. The name counts even where an address is given with
/// it: the name is what the certificate is checked against.
pub(super) fn remote_host(postgres: &tokio_postgres::Config) -> Option<String> {
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
