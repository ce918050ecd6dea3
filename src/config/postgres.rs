mod url;

use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tokio_postgres::config::SslMode;
use validator::Validate;

use self::url::{holds_password, remote_host, take_ssl_mode, without_password};
use super::bounds;

pub use self::url::InvalidUrl;

/// The way to PostgreSQL.
#[derive(Debug, Clone, Serialize, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct Postgres {
    /// `postgres://role[:password]@host:port/database`. Without TLS on loopback addresses only.
    /// A primary and its standbys: `host:port,host:port`, tried in this order, with
    /// `?target_session_attrs=read-write`, or a standby would be taken for the primary.
    /// No default. `DLR__POSTGRES__URL`, or `DATABASE_URL`
    #[serde(serialize_with = "without_password")]
    pub url: SecretString,

    /// File that holds `postgres.url`; read again at every connection, so that a password may
    /// change under way. Default none; either this or `postgres.url`.
    /// `DLR__POSTGRES__URL_FILE`, or `DATABASE_URL_FILE`
    pub url_file: Option<PathBuf>,

    /// The URL of who writes carrier profiles, the role `dlr_profiles`; `dlr carriers` signs in with
    /// it. `dlr run` needs none and should not be given it. Default none: `postgres.url` serves.
    /// `DLR__POSTGRES__PROFILES_URL`
    #[serde(serialize_with = "without_password")]
    pub profiles_url: SecretString,

    /// File that holds `postgres.profiles_url`; read when `dlr carriers` connects and not before, so
    /// that others who share the configuration need no right to it. Default none; either this or
    /// `postgres.profiles_url`. `DLR__POSTGRES__PROFILES_URL_FILE`
    pub profiles_url_file: Option<PathBuf>,

    /// The certificate of who writes carrier profiles (PEM, with its chain), where that role has one
    /// of its own; read when `dlr carriers` connects and not before. Default none: `postgres.cert_file`
    /// serves; goes with `postgres.profiles_key_file`. `DLR__POSTGRES__PROFILES_CERT_FILE`
    pub profiles_cert_file: Option<PathBuf>,

    /// Its private key (PEM). Default none; goes with `postgres.profiles_cert_file`.
    /// `DLR__POSTGRES__PROFILES_KEY_FILE`
    pub profiles_key_file: Option<PathBuf>,

    /// Certificates (PEM) of the authority that the server is checked against (chain and host
    /// name), and no other. Given, TLS is required.
    /// Default none; needed off loopback. `DLR__POSTGRES__CA_FILE`
    pub ca_file: Option<PathBuf>,

    /// Our certificate (PEM, with its chain), of the role that signs in. Default none; goes with
    /// `postgres.key_file`. `DLR__POSTGRES__CERT_FILE`
    pub cert_file: Option<PathBuf>,

    /// Its private key (PEM); refused when everybody may read it. Default none; goes with
    /// `postgres.cert_file`. `DLR__POSTGRES__KEY_FILE`
    pub key_file: Option<PathBuf>,

    /// Longest wait for a connection, for each server of the URL. Default `5s`; 100 ms to 60 s.
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
            profiles_url: SecretString::default(),
            profiles_url_file: None,
            profiles_cert_file: None,
            profiles_key_file: None,
            ca_file: None,
            cert_file: None,
            key_file: None,
            connect_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(5),
        }
    }
}

/// Which of the URLs a connection is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignIn {
    /// `postgres.url`
    Main,
    /// `postgres.profiles_url`
    Profiles,
}

impl SignIn {
    /// The settings of the URL and of the file that holds it.
    pub fn settings(self) -> (&'static str, &'static str) {
        match self {
            Self::Main => ("postgres.url", "postgres.url_file"),
            Self::Profiles => ("postgres.profiles_url", "postgres.profiles_url_file"),
        }
    }
}

impl Postgres {
    /// Whose URL `dlr carriers` signs in with.
    pub fn for_profiles(&self) -> SignIn {
        let given =
            self.profiles_url_file.is_some() || !self.profiles_url.expose_secret().is_empty();
        if given {
            SignIn::Profiles
        } else {
            SignIn::Main
        }
    }

    /// The URL as it was configured, and the file that holds it now.
    pub fn url_of(&self, sign_in: SignIn) -> (&SecretString, Option<&Path>) {
        match sign_in {
            SignIn::Main => (&self.url, self.url_file.as_deref()),
            SignIn::Profiles => (&self.profiles_url, self.profiles_url_file.as_deref()),
        }
    }

    /// Certificate and key to sign in with.
    pub fn identity_of(&self, sign_in: SignIn) -> Option<(&Path, &Path)> {
        let own = self.profiles_cert_file.as_deref();
        let own = own.zip(self.profiles_key_file.as_deref());
        let main = self.cert_file.as_deref().zip(self.key_file.as_deref());
        match sign_in {
            SignIn::Main => main,
            SignIn::Profiles => own.or(main),
        }
    }

    /// Reads a URL, from its setting or from what its file holds now; the rule about TLS holds for the
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
