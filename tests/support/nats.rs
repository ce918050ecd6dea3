//! A provisioned nats-server of a test's own, in each version the product promises to work with.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_nats::{Client, Event, jetstream::Context};
use dlr::{
    broker::{
        self,
        layout::Layout,
        provision::{self, Retention},
    },
    config,
    dev::{
        binaries::{Version, fetched_nats_servers, version_of},
        nats::{Identity, NatsServer},
    },
};

use super::{eventually, servers};

/// The oldest server the contract allows, and the one that is shipped.
const VERSIONS: [Version; 2] = [Version(2, 10), Version(2, 15)];

/// A leaf node in other hands: that of leaf.conf without its own permissions.
pub(crate) const OPEN_LEAF: &str = r#"
    server_name: dlr-leaf
    listen: $DLR_NATS_LISTEN
    tls { cert_file: $DLR_NATS_CERT, key_file: $DLR_NATS_KEY, ca_file: $DLR_NATS_CA, verify_and_map: true, timeout: 5 }
    leafnodes { remotes: [ { url: $DLR_NATS_HUB, account: DLRP
        tls { cert_file: $DLR_NATS_LEAF_CERT, key_file: $DLR_NATS_LEAF_KEY, ca_file: $DLR_NATS_CA, timeout: 5 } } ] }
    accounts { DLRP { users: [ { user: "spiffe://sms-gateway/dlr-processor" } ] } }
"#;

pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// A hub with the shipped configuration.
pub(crate) struct Hub {
    pub(crate) server: NatsServer,
    binary: PathBuf,
}

/// Runs a test on a fresh hub of every promised version. A missing version fails the test: skipping
/// it would prove less than the test claims.
pub(crate) async fn on_each_version(test: impl AsyncFn(&mut Hub)) {
    for (_, binary) in each_version() {
        test(&mut Hub::start(&binary).await).await;
    }
}

/// The program of every promised version, the oldest first.
pub(crate) fn each_version() -> [(Version, PathBuf); 2] {
    let fetched = fetched_nats_servers(Path::new(env!("CARGO_MANIFEST_DIR")));
    VERSIONS.map(|version| {
        let binary = fetched.iter().find(|it| version_of(it) == Some(version));
        let missing = || panic!("no nats-server {version} in .tools; run `make setup`");
        (version, binary.unwrap_or_else(missing).clone())
    })
}

impl Hub {
    async fn start(binary: &Path) -> Self {
        let shared = servers().await;
        let server =
            NatsServer::start(&shared.supervisor, &shared.authority, Some(binary)).unwrap();
        Self {
            server,
            binary: binary.to_owned(),
        }
    }

    /// A leaf node of the same version before this hub.
    pub(crate) async fn leaf(&self) -> NatsServer {
        let shared = servers().await;
        let binary = Some(self.binary.as_path());
        self.server
            .start_leaf(&shared.supervisor, &shared.authority, binary)
            .unwrap()
    }

    /// A leaf node with a configuration of the test's own.
    pub(crate) async fn leaf_with(&self, configuration: &str) -> NatsServer {
        let shared = servers().await;
        let binary = Some(self.binary.as_path());
        self.server
            .start_leaf_with(&shared.supervisor, &shared.authority, binary, configuration)
            .unwrap()
    }

    /// Makes the streams and consumers, small enough for any disk.
    pub(crate) async fn provision(&self) {
        let provisioner = self.connect(Identity::Provisioner).await;
        provision::provision(
            &provisioner.jetstream,
            &Layout::of(&streams()),
            Retention::Keep,
        )
        .await
        .unwrap();
    }

    pub(crate) async fn connect(&self, identity: Identity) -> Peer {
        Peer::connect(&self.server.config(identity)).await.unwrap()
    }

    /// How many messages every stream holds, for whoever wants to see that nothing changed.
    pub(crate) async fn message_counts(&self) -> Vec<(String, u64)> {
        let provisioner = self.connect(Identity::Provisioner).await;
        let mut counts = Vec::new();
        for stream in Layout::of(&streams()).streams {
            let info = provisioner
                .jetstream
                .get_stream(&stream.name)
                .await
                .unwrap();
            counts.push((stream.name, info.cached_info().state.messages));
        }
        counts
    }
}

pub(crate) fn streams() -> config::Streams {
    const MIB: u64 = 1 << 20;
    config::Streams {
        inbound_max_bytes: 64 * MIB,
        output_max_bytes: 64 * MIB,
        ..config::Streams::default()
    }
}

/// A connected client that remembers what the server complained about.
pub(crate) struct Peer {
    pub(crate) client: Client,
    pub(crate) jetstream: Context,
    complaints: Arc<Mutex<Vec<String>>>,
}

impl Peer {
    pub(crate) async fn connect(nats: &config::Nats) -> Result<Self, async_nats::ConnectError> {
        Self::connect_with(nats, broker::options(nats, "test").unwrap()).await
    }

    pub(crate) async fn connect_with(
        nats: &config::Nats,
        options: async_nats::ConnectOptions,
    ) -> Result<Self, async_nats::ConnectError> {
        let complaints = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&complaints);
        let client = options
            .event_callback(move |event| {
                if let Event::ServerError(error) = event {
                    heard.lock().unwrap().push(error.to_string());
                }
                std::future::ready(())
            })
            .connect(&nats.url)
            .await?;
        let jetstream = broker::jetstream(client.clone(), nats);
        Ok(Self {
            client,
            jetstream,
            complaints,
        })
    }

    /// Waits for the server's refusal of a publish to `subject`.
    pub(crate) async fn publish_refused(&self, subject: &str) {
        self.complained(&format!(
            "Permissions Violation for Publish to \"{subject}\""
        ))
        .await;
    }

    /// Waits for the server's refusal of a subscription to `subject`.
    pub(crate) async fn subscription_refused(&self, subject: &str) {
        self.complained(&format!(
            "Permissions Violation for Subscription to \"{subject}\""
        ))
        .await;
    }

    async fn complained(&self, complaint: &str) {
        let complaint = complaint.to_lowercase();
        eventually(DEADLINE, &complaint, async || {
            let complaints = self.complaints.lock().unwrap();
            complaints
                .iter()
                .any(|it| it.to_lowercase().contains(&complaint))
        })
        .await;
    }

    pub(crate) fn complaints(&self) -> Vec<String> {
        self.complaints.lock().unwrap().clone()
    }
}
