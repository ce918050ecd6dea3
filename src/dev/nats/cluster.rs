//! Three throw-away servers that keep every stream three times, as `cluster.conf` is shipped.

use std::{io, path::Path};

use super::{Identity, NatsServer, hub_variables};
use crate::{
    config,
    dev::{certificates::Authority, port::free_address, supervisor::Supervisor},
};

const CLUSTER: &str = include_str!("../../../deploy/nats/cluster.conf");

/// Whom `cluster.conf` lets in as a server.
pub const PEER: &str = "spiffe://sms-gateway/nats-server";

const NODES: usize = 3;

const LISTENERS: [&str; 4] = [
    "DLR_NATS_CLUSTER_LISTEN",
    "DLR_NATS_LISTEN",
    "DLR_NATS_MONITOR",
    "DLR_NATS_LEAF_LISTEN",
];

/// Servers of one cluster. They end with their supervisor.
pub struct NatsCluster {
    nodes: Vec<NatsServer>,
    peers: Vec<String>,
}

impl NatsCluster {
    /// Starts three servers, with empty streams. They need not have found one another yet.
    pub fn start(
        supervisor: &Supervisor,
        authority: &Authority,
        binary: Option<&Path>,
        accounts: &str,
    ) -> io::Result<Self> {
        let addresses = (0..NODES * LISTENERS.len()).map(|_| Ok(free_address()?.to_string()));
        let addresses: Vec<String> = addresses.collect::<io::Result<_>>()?;
        let addresses: Vec<_> = addresses.chunks(LISTENERS.len()).collect();
        let routes = addresses.iter().map(|own| format!("\"tls://{}\"", own[0]));
        let routes = format!("[{}]", routes.collect::<Vec<_>>().join(", "));
        let nodes = addresses.iter().enumerate().map(|(at, own)| {
            let mut env = hub_variables(&authority.peer("nats", PEER)?)?;
            env.insert("DLR_NATS_NAME".into(), name(at));
            env.insert("DLR_NATS_ROUTES".into(), routes.clone());
            for (listener, address) in LISTENERS.into_iter().zip(*own) {
                env.insert(listener.into(), address.clone());
            }
            NatsServer::run(supervisor, authority, binary, [CLUSTER, accounts], env)
        });
        Ok(Self {
            nodes: nodes.collect::<io::Result<_>>()?,
            peers: addresses.iter().map(|own| own[0].clone()).collect(),
        })
    }

    pub fn nodes(&self) -> &[NatsServer] {
        &self.nodes
    }

    /// Host and port where each listens for the others.
    pub fn peers(&self) -> &[String] {
        &self.peers
    }

    /// To stop one and start it again.
    pub fn node(&mut self, at: usize) -> &mut NatsServer {
        &mut self.nodes[at]
    }

    /// The place among [`Self::nodes`] of the server with this name.
    pub fn place(&self, wanted: &str) -> Option<usize> {
        (0..self.nodes.len()).find(|&at| name(at) == wanted)
    }

    /// What a client of this identity puts into its configuration: it knows all servers.
    pub fn config(&self, identity: Identity) -> config::Nats {
        let urls: Vec<_> = self.nodes.iter().map(NatsServer::url).collect();
        config::Nats {
            url: urls.join(","),
            ..self.nodes[0].config(identity)
        }
    }
}

fn name(at: usize) -> String {
    format!("dlr-{}", at + 1)
}
