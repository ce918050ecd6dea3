use serde::{Deserialize, Serialize};
use validator::Validate;

/// The second look at parked receipts. Over all replicas one process sweeps at a time.
#[derive(Debug, Clone, Serialize, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct Sweep {
    /// Whether this process sweeps when no other does, over a PostgreSQL connection of its own. Where
    /// none does, parked receipts stay parked. Default true; true or false.
    /// `DLR__SWEEP__ENABLED`
    pub enabled: bool,

    /// Most parked receipts of one look, which is one transaction. Default 500; 1 to 5000.
    /// `DLR__SWEEP__BATCH_MAX`
    #[validate(range(min = 1, max = 5_000))]
    pub batch_max: usize,

    /// Most of its time that the sweeper works, in percent; for the rest it leaves PostgreSQL to the
    /// pipeline. Default 20; 1 to 100. `DLR__SWEEP__SHARE`
    #[validate(range(min = 1, max = 100))]
    pub share: u32,
}

impl Default for Sweep {
    fn default() -> Self {
        Self {
            enabled: true,
            batch_max: 500,
            share: 20,
        }
    }
}
