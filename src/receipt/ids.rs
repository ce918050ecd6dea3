//! Who is who: identities that outlive a process.

use jiff::Timestamp;
use uuid::Uuid;

/// What makes an envelope itself: the same for every redelivery, read from its reply subject.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    pub stream: std::sync::Arc<str>,
    pub sequence: u64,
    /// When JetStream stored it, in nanoseconds since 1970.
    pub stored_ns: i64,
}
