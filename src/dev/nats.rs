//! A throw-away nats-server that runs the shipped configuration, with a certificate for everyone
//! whom the shipped accounts know.

mod accounts;
mod cluster;
mod identity;

use std::{
    collections::{BTreeMap, btree_map::Entry},
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde::Deserialize;
use uuid::Uuid;

use super::{
    binaries,
    certificates::{Authority, CertFiles},
    port::free_address,
    supervisor::{Launch, Server, StopSignal, Supervisor},
};
use crate::config;

pub use accounts::{ACCOUNTS, in_one_account};
pub use cluster::{NatsCluster, PEER};
pub use identity::Identity;

const HUB: &str = include_str!("../../deploy/nats/hub.conf");
const LEAF: &str = include_str!("../../deploy/nats/leaf.conf");

const START_DEADLINE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(10);

/// A running nats-server. It ends with its supervisor.
pub struct NatsServer {
    server: Server,
    launch: Launch,
    ports: Ports,
    certificates: BTreeMap<Identity, CertFiles>,
}

/// Where it listens, by its own account.
#[derive(Debug, Clone)]
struct Ports {
    client: String,
    monitoring: Option<String>,
    leaf: Option<String>,
}

impl NatsServer {
    /// Starts a hub as shipped (`hub.conf`), with empty streams under a random key. Without
    /// `binary` it takes the one this machine has.
    pub fn start(
        supervisor: &Supervisor,
        authority: &Authority,
        binary: Option<&Path>,
    ) -> io::Result<Self> {
        Self::start_with(supervisor, authority, binary, ACCOUNTS)
    }

    /// Starts a hub as shipped with accounts of the caller's own.
    pub fn start_with(
        supervisor: &Supervisor,
        authority: &Authority,
        binary: Option<&Path>,
        accounts: &str,
    ) -> io::Result<Self> {
        let env = hub_variables(&authority.server("nats")?)?;
        Self::run(supervisor, authority, binary, [HUB, accounts], env)
    }

    /// Starts a leaf node as shipped (`leaf.conf`) before this hub.
    pub fn start_leaf(
        &self,
        supervisor: &Supervisor,
        authority: &Authority,
        binary: Option<&Path>,
    ) -> io::Result<Self> {
        self.start_leaf_with(supervisor, authority, binary, LEAF)
    }

    /// Starts a leaf node with a configuration of the caller's own, which may be malicious.
    pub fn start_leaf_with(
        &self,
        supervisor: &Supervisor,
        authority: &Authority,
        binary: Option<&Path>,
        configuration: &str,
    ) -> io::Result<Self> {
        let hub = self
            .ports
            .leaf
            .as_deref()
            .ok_or_else(|| io::Error::other("no hub"))?;
        let mut env = certificate_variables(&authority.server("nats")?);
        let own = authority.client_uri(Identity::Leaf.uri())?;
        env.insert("DLR_NATS_HUB".into(), format!("tls://{hub}"));
        env.insert("DLR_NATS_LEAF_CERT".into(), own.cert.display().to_string());
        env.insert("DLR_NATS_LEAF_KEY".into(), own.key.display().to_string());
        Self::run(
            supervisor,
            authority,
            binary,
            [configuration, ACCOUNTS],
            env,
        )
    }

    fn run(
        supervisor: &Supervisor,
        authority: &Authority,
        binary: Option<&Path>,
        [configuration, accounts]: [&str; 2],
        mut env: BTreeMap<String, String>,
    ) -> io::Result<Self> {
        let program = match binary {
            Some(binary) => binary.to_owned(),
            None => binaries::nats_server().map_err(io::Error::other)?,
        };
        let folder = supervisor
            .folder()
            .join(format!("nats-{}", Uuid::new_v4().simple()));
        fs::create_dir(&folder)?;
        let file = folder.join("nats.conf");
        fs::write(&file, configuration)?;
        // For who includes them.
        fs::write(folder.join("hub.conf"), HUB)?;
        fs::write(folder.join("accounts.conf"), accounts)?;
        if let Entry::Vacant(listen) = env.entry("DLR_NATS_LISTEN".into()) {
            listen.insert(free_address()?.to_string());
        }
        env.insert(
            "DLR_NATS_STORE".into(),
            folder.join("store").display().to_string(),
        );

        let launch = Launch {
            program,
            args: vec![
                "--config".into(),
                file.display().to_string(),
                "--ports_file_dir".into(),
                folder.display().to_string(),
            ],
            env,
            user: None,
            log: folder.join("nats.log"),
            stop: vec![StopSignal::Interrupt, StopSignal::Terminate],
        };
        let server = supervisor.launch(launch.clone())?;
        let ports = wait_for_ports(&server, &launch, &folder)?;
        let certificates = Identity::ALL
            .into_iter()
            .map(|identity| Ok((identity, authority.client_uri(identity.uri())?)))
            .collect::<io::Result<_>>()?;
        Ok(Self {
            server,
            launch,
            ports,
            certificates,
        })
    }

    /// What a client of this identity puts into its configuration.
    pub fn config(&self, identity: Identity) -> config::Nats {
        let files = &self.certificates[&identity];
        let (_, inbox_prefix, api_prefix) = identity.names();
        config::Nats {
            url: self.url(),
            ca_file: Some(files.ca.clone()),
            cert_file: Some(files.cert.clone()),
            key_file: Some(files.key.clone()),
            inbox_prefix: inbox_prefix.to_owned(),
            api_prefix: api_prefix.to_owned(),
        }
    }

    /// The process id of the server.
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    pub fn url(&self) -> String {
        format!("tls://{}", self.ports.client)
    }

    /// Host and port of the leaf-node listener; none on a leaf.
    pub fn leaf_address(&self) -> Option<&str> {
        self.ports.leaf.as_deref()
    }

    /// Host and port of the monitoring listener; none on a leaf.
    pub fn monitoring_address(&self) -> Option<&str> {
        self.ports.monitoring.as_deref()
    }

    /// Where the server keeps its streams.
    pub fn store(&self) -> PathBuf {
        self.launch.log.with_file_name("store")
    }

    /// The log file.
    pub fn log(&self) -> &Path {
        &self.launch.log
    }

    /// Stops the server; its streams and ports stay for [`Self::resume`].
    pub fn stop(&self) -> io::Result<()> {
        self.server.stop()
    }

    /// Starts the server again after [`Self::stop`], at the same addresses with the same streams.
    pub fn resume(&mut self, supervisor: &Supervisor) -> io::Result<()> {
        let folder = self.launch.log.with_file_name("");
        fs::remove_file(&self.launch.log)?;
        self.server = supervisor.launch(self.launch.clone())?;
        wait_for_ports(&self.server, &self.launch, &folder)?;
        Ok(())
    }
}

fn certificate_variables(files: &CertFiles) -> BTreeMap<String, String> {
    [
        ("CERT", &files.cert),
        ("KEY", &files.key),
        ("CA", &files.ca),
    ]
    .map(|(name, path)| (format!("DLR_NATS_{name}"), path.display().to_string()))
    .into()
}

/// What `hub.conf` asks for, under a random key.
fn hub_variables(certificate: &CertFiles) -> io::Result<BTreeMap<String, String>> {
    let mut env = certificate_variables(certificate);
    for listener in ["DLR_NATS_LEAF_LISTEN", "DLR_NATS_MONITOR"] {
        env.insert(listener.into(), free_address()?.to_string());
    }
    // In quotes, because the server reads the value as configuration.
    let key = format!("\"{}{}\"", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    env.insert("DLR_NATS_STORE_KEY".into(), key);
    Ok(env)
}

/// Waits until the server says that it is ready. The ports come from the file it writes for that
/// purpose; the leaf-node port is missing there and stands in the log only.
fn wait_for_ports(server: &Server, launch: &Launch, folder: &Path) -> io::Result<Ports> {
    #[derive(Deserialize)]
    struct PortsFile {
        nats: Vec<String>,
        #[serde(default)]
        monitoring: Vec<String>,
    }

    let file = folder.join(format!("nats-server_{}.ports", server.pid()));
    let deadline = Instant::now() + START_DEADLINE;
    loop {
        let said = fs::read(&file)
            .ok()
            .and_then(|it| serde_json::from_slice::<PortsFile>(&it).ok());
        let log = fs::read_to_string(&launch.log).unwrap_or_default();
        let ready = log.contains("Server is ready");
        if let Some((client, said)) = said.and_then(|it| Some((address(it.nats.first()?)?, it)))
            && ready
        {
            return Ok(Ports {
                client,
                monitoring: said.monitoring.first().and_then(|it| address(it)),
                leaf: log
                    .split_once("Listening for leafnode connections on ")
                    .and_then(|(_, rest)| rest.lines().next())
                    .map(str::to_owned),
            });
        }
        server.check()?;
        if Instant::now() > deadline {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("nats-server is not ready; see {}", launch.log.display()),
            ));
        }
        std::thread::sleep(POLL);
    }
}

fn address(url: &str) -> Option<String> {
    url.split_once("://").map(|(_, address)| address.to_owned())
}
