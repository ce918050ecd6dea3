//! The keys of one process, from one file.

use std::fmt;
use std::path::Path;

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use super::blind_index::BlindKeys;
use super::ring_file;
use super::sub_keys::SubKeys;

pub(super) const KEY_LEN: usize = 32;

/// Master keys for sealing and for the blind index. Shared behind an `Arc`; a changed file makes a
/// new ring.
pub struct KeyRing {
    keys: KeyList,
    bidx: KeyList,
    blind: BlindKeys,
    opening: SubKeys,
}

/// Why a key ring is refused. Says where, never what was found there.
#[derive(Debug, thiserror::Error)]
pub enum KeyRingError {
    #[error("the key ring cannot be read")]
    Read(#[from] std::io::Error),
    #[error("the key ring is not a regular file")]
    NotAFile,
    #[error("the key ring's mode {mode:04o} lets everybody in; take the rights of others away")]
    OpenToOthers { mode: u32 },
    #[error("the key ring is larger than {max} bytes")]
    TooLarge { max: usize },
    #[error("the key ring is not JSON, line {line} column {column}")]
    Json { line: usize, column: usize },
    #[error(
        "the key ring has an unknown, missing, repeated or ill-typed field, line {line} column \
         {column} (known: v, keys, bidx; kid, state, k)"
    )]
    Shape { line: usize, column: usize },
    #[error("the key ring has format {found}, this program reads format 1")]
    Format { found: u32 },
    #[error("no key of `{list}` is primary")]
    NoPrimary { list: &'static str },
    #[error("more than one key of `{list}` is primary")]
    TwoPrimaries { list: &'static str },
    #[error("a key of `{list}` has kid 0")]
    KidZero { list: &'static str },
    #[error("two keys of `{list}` have kid {kid}")]
    KidReused { list: &'static str, kid: u32 },
    #[error("key {kid} of `{list}` is not base64 with padding")]
    NotBase64 { list: &'static str, kid: u32 },
    #[error("key {kid} of `{list}` has {length} bytes instead of 32")]
    WrongLength {
        list: &'static str,
        kid: u32,
        length: usize,
    },
    #[error("key {kid} of `{list}` repeats one byte")]
    RepeatedByte { list: &'static str, kid: u32 },
    #[error("key {kid} of `{list}` is the same key as another one")]
    SameKeyTwice { list: &'static str, kid: u32 },
    #[error("key {kid} of `{purpose}` is not the key that this database knows by that kid")]
    ConflictingKey { purpose: &'static str, kid: u32 },
    #[error("the cryptographic library refuses the key ring")]
    Provider(#[from] Unspecified),
}

/// What tells a key from another one of the same kid without showing either: the first 8 bytes of
/// `HMAC-SHA256(key, "dlr-kcv-v1")`. Stored beside the data the key has sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyCheck {
    /// The ring's list: `keys` or `bidx`.
    pub purpose: &'static str,
    pub kid: u32,
    pub value: [u8; 8],
}

impl KeyCheck {
    /// A check as stored; none for a purpose that this version does not know.
    pub fn from_stored(purpose: &str, kid: u32, value: [u8; 8]) -> Option<Self> {
        let purpose = ["keys", "bidx"].into_iter().find(|p| *p == purpose)?;
        Some(Self {
            purpose,
            kid,
            value,
        })
    }
}

impl KeyRing {
    pub fn load(path: &Path) -> Result<Self, KeyRingError> {
        Self::parse(&ring_file::read(path)?)
    }

    pub fn parse(text: &[u8]) -> Result<Self, KeyRingError> {
        let (keys, bidx) = ring_file::parse(text)?;
        Ok(Self {
            blind: BlindKeys::new(bidx.primary())?,
            keys,
            bidx,
            opening: SubKeys::default(),
        })
    }

    /// The text of a new ring's file, with one key in each list.
    pub fn generate() -> Zeroizing<String> {
        ring_file::generate()
    }

    pub fn key_checks(&self) -> Vec<KeyCheck> {
        self.keys.checks().chain(self.bidx.checks()).collect()
    }

    /// Compares with what the database knows, before anything is sealed with a wrong key. Returns
    /// the checks it does not know yet, to be stored. A stored check without a key here is none of
    /// this function's business: the key may be retired.
    pub fn confirm(&self, stored: &[KeyCheck]) -> Result<Vec<KeyCheck>, KeyRingError> {
        let mut unknown = Vec::new();
        for check in self.key_checks() {
            let KeyCheck { purpose, kid, .. } = check;
            match stored.iter().find(|s| (s.purpose, s.kid) == (purpose, kid)) {
                None => unknown.push(check),
                Some(known) if *known == check => {}
                Some(_) => return Err(KeyRingError::ConflictingKey { purpose, kid }),
            }
        }
        Ok(unknown)
    }

    /// The key that seals new values.
    pub(super) fn primary(&self) -> &Key {
        self.keys.primary()
    }

    pub(super) fn sealing_key(&self, kid: u32) -> Option<&Key> {
        self.keys.iter().find(|key| key.kid == kid)
    }

    pub(super) fn opening(&self) -> &SubKeys {
        &self.opening
    }

    pub(super) fn blind(&self) -> &BlindKeys {
        &self.blind
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing")
            .field("primary", &self.keys.primary().kid)
            .field("bidx", &self.bidx.primary().kid)
            .finish_non_exhaustive()
    }
}

/// One of the file's lists, with its one primary. No `Debug`, like [`Key`].
pub(super) struct KeyList {
    pub(super) name: &'static str,
    keys: Vec<Key>,
    primary: usize,
}

impl KeyList {
    /// `primary` is the index of one of `keys`.
    pub(super) fn new(name: &'static str, keys: Vec<Key>, primary: usize) -> Self {
        debug_assert!(primary < keys.len());
        Self {
            name,
            keys,
            primary,
        }
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, Key> {
        self.keys.iter()
    }

    fn primary(&self) -> &Key {
        &self.keys[self.primary]
    }

    fn checks(&self) -> impl Iterator<Item = KeyCheck> {
        self.keys.iter().map(|key| KeyCheck {
            purpose: self.name,
            kid: key.kid,
            value: key.check_value(),
        })
    }
}

/// Boxed, so that moving a key moves a pointer and leaves no copy; wiped when dropped, one by one.
pub(super) struct Key {
    pub(super) kid: u32,
    bytes: Box<Zeroizing<[u8; KEY_LEN]>>,
}

impl Key {
    pub(super) fn new(kid: u32, bytes: &[u8; KEY_LEN]) -> Self {
        let mut boxed = Box::new(Zeroizing::new([0; KEY_LEN]));
        boxed.copy_from_slice(bytes);
        Self { kid, bytes: boxed }
    }

    pub(super) fn bytes(&self) -> &[u8; KEY_LEN] {
        &self.bytes
    }

    fn check_value(&self) -> [u8; 8] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.bytes());
        *hmac::sign(&key, b"dlr-kcv-v1")
            .as_ref()
            .first_chunk()
            .expect("HMAC-SHA256 gives 32 bytes")
    }
}

#[cfg(test)]
mod tests;
