//! The nats-server of a run, and what lies between it and the processor.

use std::io;
use std::path::PathBuf;

use dlr::config;
use dlr::dev::certificates::Authority;
use dlr::dev::nats::{Identity, NatsServer, in_one_account};
use dlr::dev::supervisor::Supervisor;

use crate::options::Wiring;
use crate::plain::PlainNats;

pub(crate) enum Nats {
    Secured(NatsServer),
    OneAccount(NatsServer),
    Plain(PlainNats),
}

impl Nats {
    pub(crate) fn start(
        wiring: Wiring,
        supervisor: &Supervisor,
        authority: &Authority,
    ) -> io::Result<Self> {
        Ok(match wiring {
            Wiring::Installed => Self::Secured(NatsServer::start(supervisor, authority, None)?),
            Wiring::OneAccount => {
                let accounts = in_one_account();
                let server = NatsServer::start_with(supervisor, authority, None, &accounts)?;
                Self::OneAccount(server)
            }
            Wiring::Plain => Self::Plain(PlainNats::start(supervisor)?),
        })
    }

    pub(crate) fn config(&self, identity: Identity) -> config::Nats {
        match self {
            Self::Secured(server) => server.config(identity),
            // The carriers' and the consumers' side stays where it is: nobody asks what they cost.
            Self::OneAccount(server) => server.config(match identity {
                Identity::Processor => Identity::Provisioner,
                other => other,
            }),
            Self::Plain(server) => server.config(),
        }
    }

    pub(crate) fn store(&self) -> PathBuf {
        match self {
            Self::Secured(server) | Self::OneAccount(server) => server.store(),
            Self::Plain(server) => server.store(),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        match self {
            Self::Secured(server) | Self::OneAccount(server) => server.pid(),
            Self::Plain(server) => server.pid(),
        }
    }
}
