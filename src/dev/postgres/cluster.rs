//! The files of one PostgreSQL cluster, and starting a server on them.

use std::{
    collections::BTreeMap,
    fs::{self, Permissions},
    io::{self, Write as _},
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use secrecy::{ExposeSecret, SecretString};

use super::{Durability, Role, StartError};
use crate::dev::{
    binaries::{self, PostgresPrograms},
    certificates::Authority,
    port::free_address,
    supervisor::{Launch, Server, StopSignal, Supervisor, User},
};

const START_LIMIT: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(10);
/// Between asking for a free port and PostgreSQL taking it, somebody else may.
const PORT_ATTEMPTS: usize = 5;

pub(super) struct Cluster {
    pub(super) folder: PathBuf,
    pub(super) programs: PostgresPrograms,
    user: Option<User>,
}

impl Cluster {
    pub(super) fn create(
        supervisor: &Supervisor,
        authority: &Authority,
        durability: Durability,
        superuser_password: &SecretString,
    ) -> Result<Self, StartError> {
        let cluster = Self::without_files(supervisor.folder().join("postgresql"))?;
        cluster.initialize(supervisor, superuser_password)?;
        cluster.write_certificates(authority)?;
        fs::write(
            cluster.data().join("postgresql.conf"),
            cluster.settings(durability),
        )?;
        fs::write(cluster.data().join("pg_hba.conf"), access_rules())?;
        Ok(cluster)
    }

    /// A folder, in which there is nothing yet.
    pub(super) fn without_files(folder: PathBuf) -> Result<Self, StartError> {
        let cluster = Self {
            folder,
            programs: binaries::postgres()?,
            user: server_user()?,
        };
        fs::create_dir(&cluster.folder)?;
        cluster.hand_over(&cluster.folder, 0o700)?;
        Ok(cluster)
    }

    /// Adds lines to its configuration.
    pub(super) fn configure(&self, settings: &str) -> io::Result<()> {
        let file = self.data().join("postgresql.conf");
        let mut file = fs::OpenOptions::new().append(true).open(file)?;
        file.write_all(settings.as_bytes())
    }

    pub(super) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// To the user the server runs as.
    fn hand_over(&self, path: &Path, mode: u32) -> io::Result<()> {
        if let Some(User { uid, gid }) = self.user {
            chown(path, Some(uid), Some(gid))?;
        }
        fs::set_permissions(path, Permissions::from_mode(mode))
    }

    fn initialize(&self, supervisor: &Supervisor, password: &SecretString) -> io::Result<()> {
        let password_file = self.folder.join("password");
        fs::write(&password_file, password.expose_secret())?;
        self.hand_over(&password_file, 0o600)?;
        let data = self.data();
        let args = [
            "--pgdata",
            &data.to_string_lossy(),
            "--username",
            Role::Admin.name(),
            "--pwfile",
            &password_file.to_string_lossy(),
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            // C.UTF-8 is not everywhere, and every key is COLLATE "C" anyway.
            "--locale=C",
            "--no-sync",
            "--no-instructions",
        ];
        supervisor.run(self.launch(&self.programs.initdb, &args))?;
        fs::remove_file(password_file)
    }

    fn write_certificates(&self, authority: &Authority) -> io::Result<()> {
        let files = authority.server("postgresql")?;
        for (from, to) in [
            (&files.cert, "server.pem"),
            (&files.key, "server.key"),
            (&files.ca, "ca.pem"),
        ] {
            let to = self.data().join(to);
            fs::copy(from, &to)?;
            self.hand_over(&to, 0o600)?;
        }
        Ok(())
    }

    /// Where it listens for its superuser, as a line of its configuration.
    pub(super) fn sockets(&self) -> String {
        let folder = self.folder.to_string_lossy().replace('\'', "''");
        format!("unix_socket_directories = '{folder}'\n")
    }

    fn settings(&self, durability: Durability) -> String {
        let fsync = match durability {
            Durability::Durable => "on",
            Durability::Volatile => "off",
        };
        let sockets = self.sockets();
        // Terse, because DETAIL quotes rows.
        format!(
            "listen_addresses = '127.0.0.1'\n\
             {sockets}\
             max_connections = 200\n\
             ssl = on\n\
             ssl_cert_file = 'server.pem'\n\
             ssl_key_file = 'server.key'\n\
             ssl_ca_file = 'ca.pem'\n\
             fsync = {fsync}\n\
             full_page_writes = {fsync}\n\
             log_error_verbosity = terse\n\
             log_line_prefix = '%m [%p] %u@%d '\n"
        )
    }

    /// Returns the server and its port once it accepts connections.
    pub(super) fn start(&self, supervisor: &Supervisor) -> Result<(Server, u16), StartError> {
        let mut attempts = 1..=PORT_ATTEMPTS;
        loop {
            let last = attempts.next() == Some(PORT_ATTEMPTS);
            let port = free_address()?.port();
            match self.start_on(supervisor, port) {
                Ok(server) => return Ok((server, port)),
                Err(StartError::Ended(error))
                    if !last && error.to_string().contains("Address already in use") => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Returns the server once it accepts connections on this port.
    pub(super) fn start_on(
        &self,
        supervisor: &Supervisor,
        port: u16,
    ) -> Result<Server, StartError> {
        let data = self.data();
        let args = ["-D", &data.to_string_lossy(), "-p", &port.to_string()];
        let server = supervisor.launch(self.launch(&self.programs.postgres, &args))?;
        self.wait_until_ready(&server)?;
        Ok(server)
    }

    /// Goes by the state that PostgreSQL keeps in its lock file for `pg_ctl`: no connection to make
    /// and no refusal to interpret.
    fn wait_until_ready(&self, server: &Server) -> Result<(), StartError> {
        const STATE_LINE: usize = 7;
        let lock_file = self.data().join("postmaster.pid");
        let deadline = Instant::now() + START_LIMIT;
        while Instant::now() < deadline {
            server.check().map_err(StartError::Ended)?;
            let lock = fs::read_to_string(&lock_file).unwrap_or_default();
            // One that was killed has left its own behind.
            let is_its_own = lock.lines().next() == Some(&server.pid().to_string());
            if is_its_own && lock.lines().nth(STATE_LINE).map(str::trim) == Some("ready") {
                return Ok(());
            }
            thread::sleep(POLL);
        }
        Err(StartError::Slow(START_LIMIT))
    }

    pub(super) fn launch(&self, program: &Path, args: &[&str]) -> Launch {
        Launch {
            program: program.to_owned(),
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
            env: BTreeMap::from([("LC_ALL".to_owned(), "C".to_owned())]),
            user: self.user,
            log: self.folder.join("log"),
            // A fast shutdown; then one without the last checkpoint, which also waits until
            // PostgreSQL's own children are gone.
            stop: vec![StopSignal::Interrupt, StopSignal::Quit],
        }
    }
}

fn access_rules() -> String {
    let roles = Role::ALL.map(Role::name).join(",");
    format!(
        "local all,replication {} scram-sha-256\n\
         hostssl all {roles} 127.0.0.1/32 scram-sha-256 clientcert=verify-full\n",
        Role::Admin.name()
    )
}

/// Whom to run as: PostgreSQL refuses to run as root.
fn server_user() -> io::Result<Option<User>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let accounts = fs::read_to_string("/etc/passwd")?;
    ["postgres", "nobody"]
        .into_iter()
        .find_map(|name| find_user(&accounts, name))
        .map(Some)
        .ok_or_else(|| {
            io::Error::other(
                "it does not run as root, and there is no user postgres or nobody to run as",
            )
        })
}

/// In `name:password:uid:gid:...` lines.
fn find_user(accounts: &str, name: &str) -> Option<User> {
    accounts.lines().find_map(|line| {
        let mut fields = line
            .strip_prefix(name)?
            .strip_prefix(':')?
            .split(':')
            .skip(1);
        Some(User {
            uid: fields.next()?.parse().ok()?,
            gid: fields.next()?.parse().ok()?,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_its_whole_name() {
        let accounts = "root:x:0:0:root:/root:/bin/sh\n\
                        postgres2:x:7:8::/:/bin/sh\n\
                        postgres:x:101:104:,,,:/var/lib/postgresql:/bin/bash\n";
        assert_eq!(
            find_user(accounts, "postgres"),
            Some(User { uid: 101, gid: 104 })
        );
        assert_eq!(find_user(accounts, "nobody"), None);
    }
}
