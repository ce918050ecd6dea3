//! TLS may be off on loopback addresses only; certificates, keys and addresses fit together.

use std::fs::File;
use std::net::IpAddr;
use std::path::Path;

use async_nats::ServerAddr;
use secrecy::ExposeSecret;

use super::{Config, ConfigError, Nats, Postgres, SignIn};

pub(super) fn check(config: &Config) -> Result<(), ConfigError> {
    check_nats(&config.nats)?;
    check_postgres(&config.postgres)
}

impl Config {
    pub fn require_nats(&self) -> Result<(), ConfigError> {
        if self.nats.url.is_empty() {
            return Err(ConfigError::new(
                "nats.url",
                "not set (DLR__NATS__URL or NATS_URL)",
            ));
        }
        Ok(())
    }

    pub fn require_postgres(&self) -> Result<(), ConfigError> {
        if self.postgres.url.expose_secret().is_empty() {
            let problem = "not set (DLR__POSTGRES__URL, DLR__POSTGRES__URL_FILE or DATABASE_URL)";
            return Err(ConfigError::new("postgres.url", problem));
        }
        Ok(())
    }

    pub(super) fn require_key_ring(&self) -> Result<(), ConfigError> {
        let file = &self.seal.keyring_file;
        if file.as_os_str().is_empty() {
            let problem = "not set (DLR__SEAL__KEYRING_FILE); there is no built-in key";
            return Err(ConfigError::new("seal.keyring_file", problem));
        }
        readable("seal.keyring_file", file).map(drop)
    }
}

fn check_nats(nats: &Nats) -> Result<(), ConfigError> {
    let refused = |problem: String| Err(ConfigError::new("nats.url", problem));
    for url in nats.url.split(',').filter(|_| !nats.url.is_empty()) {
        let Ok(server) = url.trim().parse::<ServerAddr>() else {
            return refused(
                "must be nats://host:port or tls://host:port, several by commas".into(),
            );
        };
        if server.username().is_some() || server.password().is_some() {
            let problem =
                "must hold no user or password; the processor signs in with nats.cert_file";
            return refused(problem.into());
        }
        let (host, scheme) = (server.host(), server.scheme());
        match (scheme, nats.ca_file.is_some()) {
            _ if host.is_empty() => return refused("names no host".into()),
            ("tls", false) => {
                let problem = "not set; tls:// checks the server against these certificates only";
                return Err(ConfigError::new("nats.ca_file", problem));
            }
            ("nats", false) if !is_loopback(host) => {
                return refused(format!(
                    "nats://{host} would go without TLS, allowed on loopback addresses only; \
                     use tls:// and nats.ca_file"
                ));
            }
            ("nats" | "tls", _) => {}
            _ => {
                return refused(format!(
                    "{scheme}:// is not supported; use tls:// or nats://"
                ));
            }
        }
    }
    check_files(
        "nats",
        nats.ca_file.as_deref(),
        nats.cert_file.as_deref(),
        nats.key_file.as_deref(),
    )
}

fn check_postgres(postgres: &Postgres) -> Result<(), ConfigError> {
    for sign_in in [SignIn::Main, SignIn::Profiles] {
        let url = postgres.url_of(sign_in).0.expose_secret();
        if !url.is_empty() {
            let parsed = postgres.parse_url(url);
            parsed.map_err(|error| ConfigError::new(error.setting(sign_in), error.to_string()))?;
        }
    }
    // Not opened: whoever else shares the configuration need not be able to.
    let own = [&postgres.profiles_cert_file, &postgres.profiles_key_file];
    let own = own.map(Option::is_some);
    if own[0] != own[1] {
        let names = ["postgres.profiles_cert_file", "postgres.profiles_key_file"];
        let [given, missing] = if own[0] { names } else { [names[1], names[0]] };
        let problem = format!("not set, but {given} is; the two go together");
        return Err(ConfigError::new(missing, problem));
    }
    check_files(
        "postgres",
        postgres.ca_file.as_deref(),
        postgres.cert_file.as_deref(),
        postgres.key_file.as_deref(),
    )
}

pub(super) fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn check_files(
    section: &str,
    ca: Option<&Path>,
    cert: Option<&Path>,
    key: Option<&Path>,
) -> Result<(), ConfigError> {
    let name = |setting: &str| format!("{section}.{setting}");
    for (setting, other, given) in [
        ("key_file", "cert_file", (cert.is_some(), key.is_some())),
        ("cert_file", "key_file", (key.is_some(), cert.is_some())),
    ] {
        if given == (true, false) {
            let problem = format!("not set, but {section}.{other} is; the two go together");
            return Err(ConfigError::new(&name(setting), problem));
        }
    }
    if cert.is_some() && ca.is_none() {
        let problem = format!("not set, but {section}.cert_file is, which is for TLS only");
        return Err(ConfigError::new(&name("ca_file"), problem));
    }
    for (setting, path) in [("ca_file", ca), ("cert_file", cert)] {
        path.map(|path| readable(&name(setting), path))
            .transpose()?;
    }
    key.map(|path| private(&name("key_file"), path))
        .transpose()?;
    Ok(())
}

fn readable(setting: &str, path: &Path) -> Result<File, ConfigError> {
    let refused =
        |problem: String| ConfigError::new(setting, format!("{}: {problem}", path.display()));
    let file = File::open(path).map_err(|error| refused(error.to_string()))?;
    match file.metadata() {
        Ok(metadata) if metadata.is_dir() => Err(refused("is a folder".into())),
        Ok(_) => Ok(file),
        Err(error) => Err(refused(error.to_string())),
    }
}

/// Readable by its group is fine: that is how root hands a key to a service.
fn private(setting: &str, path: &Path) -> Result<(), ConfigError> {
    let file = readable(setting, path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let open = file
            .metadata()
            .is_ok_and(|m| m.permissions().mode() & 0o007 != 0);
        if open {
            let problem = format!("{}: everybody may read it; chmod o= it", path.display());
            return Err(ConfigError::new(setting, problem));
        }
    }
    Ok(())
}
