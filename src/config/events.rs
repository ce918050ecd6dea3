use serde::{Deserialize, Serialize};
use validator::Validate;

/// How events are published.
#[derive(Debug, Clone, Serialize, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct Events {
    /// Most events of one message. 1: each is a message of its own. Above, every message is a JSON
    /// array of up to so many events of one batch, as far as the server's `max_payload` reaches: for
    /// consumers who can read that. The same on every replica. Default 1; 1 to 1000.
    /// `DLR__EVENTS__PACK`
    #[validate(range(min = 1, max = 1_000))]
    pub pack: usize,
}

impl Default for Events {
    fn default() -> Self {
        Self { pack: 1 }
    }
}
