//! What the processor is told from outside: one section a file, each setting with its meaning,
//! unit, default, bounds and variable in one place.
//!
//! A TOML file (`--config FILE` or `DLR_CONFIG`) is overridden by `DATABASE_URL`,
//! `DATABASE_URL_FILE` and `NATS_URL`, and those by `DLR__SECTION__KEY`. An empty variable counts
//! as unset, because container tools can hardly leave one out. Durations are written `"250ms"`,
//! `"5s"`, `"73h"`.
//!
//! This is the only place that reads the environment. Whatever is refused is refused by the name
//! of its setting.

mod bounds;
mod deployment;
mod error;
mod events;
mod lifecycle;
mod load;
mod nats;
mod pipeline;
mod postgres;
mod probes;
mod report;
mod seal;
mod source;
mod streams;
mod sweep;
mod telemetry;
#[cfg(test)]
mod tests;
mod tls_rule;

use serde::{Deserialize, Serialize};
use validator::Validate;

pub use deployment::Deployment;
pub use error::ConfigError;
pub use events::Events;
pub use lifecycle::Lifecycle;
pub use load::Loaded;
pub use nats::Nats;
pub use pipeline::{MAX_ACK_PENDING, Pipeline, Switch};
pub use postgres::{InvalidUrl, Postgres, SignIn};
pub use probes::Probes;
pub use report::Setting;
pub use seal::Seal;
pub use source::environment;
pub use streams::Streams;
pub use sweep::Sweep;
pub use telemetry::{LogFormat, Telemetry};

#[derive(Debug, Clone, Default, Serialize, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    #[validate(nested)]
    pub deployment: Deployment,
    #[validate(nested)]
    pub nats: Nats,
    #[validate(nested)]
    pub streams: Streams,
    #[validate(nested)]
    pub postgres: Postgres,
    #[validate(nested)]
    pub pipeline: Pipeline,
    #[validate(nested)]
    pub events: Events,
    #[validate(nested)]
    pub sweep: Sweep,
    pub seal: Seal,
    pub probes: Probes,
    #[validate(nested)]
    pub telemetry: Telemetry,
    #[validate(nested)]
    pub lifecycle: Lifecycle,
}
