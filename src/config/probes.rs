use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

/// Health, readiness and metrics.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Probes {
    /// Address and port of the listener; port 0 takes a free one. Plain HTTP without sign-in:
    /// nothing personal is served, but keep it inside the cluster.
    /// Default `127.0.0.1:9090`. `DLR__PROBES__BIND`
    pub bind: SocketAddr,
}

impl Default for Probes {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 9090)),
        }
    }
}
