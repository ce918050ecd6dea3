use std::time::Duration;

use serde::{Deserialize, Serialize};
use validator::Validate;

use super::bounds;

/// Start and stop.
#[derive(Debug, Clone, Serialize, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct Lifecycle {
    /// How long a stop may take to settle what is in flight. Default `25s`, inside the 30 s after
    /// which orchestrators kill; 1 s to below 60 s. `DLR__LIFECYCLE__GRACE`
    #[serde(with = "bounds::duration")]
    #[validate(custom(function = bounds::within_ms::<1_000, 59_999>))]
    pub grace: Duration,
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self {
            grace: Duration::from_secs(25),
        }
    }
}
