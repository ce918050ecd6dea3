use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Sealing of personal data.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Seal {
    /// The key ring. No default, needed by `run`; there is no built-in key to fall back to.
    /// `DLR__SEAL__KEYRING_FILE`
    pub keyring_file: PathBuf,
}
