//! Personal data at rest: what is written to PostgreSQL about a person is unreadable without a
//! key that PostgreSQL never sees.
//!
//! Three answers, all from aws-lc-rs, the provider TLS uses too:
//!
//! - [`Sealer`] and [`KeyRing::open`]: AES-256-GCM envelopes, bound to the place they are stored in
//!   ([`Place`]). Moved to another row, column, table, carrier or account they do not open.
//! - [`KeyRing::blind_index`]: the same number always gives the same hash, so that erasure finds a
//!   number's rows without opening all of them.
//! - [`KeyRing::fingerprint`]: recognises a rejected payload again without keeping it.
//!
//! # Keys
//!
//! The [`KeyRing`] file holds master keys. They never meet AES-GCM: every envelope is sealed by a
//! sub-key,
//!
//! ```text
//! sub-key = HKDF-SHA256(ikm = master[kid], salt = 16 random bytes, info = "dlr/" purpose "/v1")
//! ```
//!
//! because one AES-GCM key with random nonces is good for 2^32 seals (SP 800-38D), which two sealed
//! values a receipt at 20,000 receipts a second use up in about 30 hours. A nonce counter would
//! need no sub-keys, but it would have to survive restarts and be shared by replicas; a fresh
//! random salt needs neither. A [`Sealer`] draws one when it starts, and another after 2^24 seals
//! or 15 minutes.
//!
//! # Bounds
//!
//! - Nonces are 96 random bits. Over the 2^24 seals of one sub-key two of them meet with a
//!   probability of about 2^(2·24-1-96) = 2^-49.
//! - Salts are 128 random bits. Two of the 2^20 sub-keys that a decade of 30 lanes draws meet
//!   with a probability of about 2^-89.
//! - A plaintext has at most 64 MiB, the most that NATS carries in a message.
//! - [`KeyRing::open`] remembers at most 1,024 derived sub-keys.
//!
//! # What an attacker learns
//!
//! A failure to open says one thing to the outside ([`OpenError`]); its reason is for metrics and
//! readiness alone. A phone number's envelope hides how many digits it has up to the next 16 bytes;
//! a parked payload's shows its length, as the stream it came from does. The number space is small:
//! whoever holds the `bidx` key can try all numbers, so a blind index is personal data still.

mod blind_index;
mod envelope;
#[cfg(test)]
mod fixtures;
mod key_ring;
mod ring_file;
mod sealer;
mod sub_keys;

use uuid::Uuid;

pub use blind_index::BlindIndex;
pub use envelope::{OVERHEAD, OpenError, OpenFailure};
pub use key_ring::{KeyCheck, KeyRing, KeyRingError};
pub use sealer::{SealError, Sealer};

/// What a value is sealed for. Purposes have sub-keys of their own: what was sealed for one does
/// not open for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// The payload of a parked receipt.
    Parked,
    /// Phone numbers of a stored receipt; padded.
    Msisdn,
}

impl Purpose {
    /// Part of every sub-key: renaming one makes what is stored unreadable.
    fn name(self) -> &'static str {
        match self {
            Self::Parked => "parked",
            Self::Msisdn => "msisdn",
        }
    }
}

/// Where a sealed value is stored, and whose it is.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub table: &'a str,
    pub column: &'a str,
    pub row: Uuid,
    pub carrier: &'a str,
    pub account: Option<Uuid>,
}
