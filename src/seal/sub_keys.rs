//! From master keys to the sub-keys that seal.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf;
use zeroize::Zeroizing;

use super::Purpose;
use super::key_ring::KEY_LEN;

pub(super) const SALT_LEN: usize = 16;

/// A reader meets one salt for each lane and quarter of an hour; 1,024 cover five days of two lanes
/// and cost about a megabyte.
const REMEMBERED_MAX: usize = 1024;

pub(super) fn derive(
    master: &[u8; KEY_LEN],
    salt: &[u8; SALT_LEN],
    purpose: Purpose,
) -> Result<LessSafeKey, Unspecified> {
    let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(master);
    let info = [b"dlr/", purpose.name().as_bytes(), b"/v1"];
    let mut key = Zeroizing::new([0; KEY_LEN]);
    // As a length, HKDF_SHA256 means the 32 bytes of its output.
    extracted
        .expand(&info, hkdf::HKDF_SHA256)?
        .fill(&mut *key)?;
    Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &*key)?))
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct SubKeyId {
    pub(super) purpose: Purpose,
    pub(super) kid: u32,
    pub(super) salt: [u8; SALT_LEN],
}

/// Sub-keys that have opened something. aws-lc wipes each when it is freed.
///
/// When full it is emptied. Deriving again costs a few microseconds, less than it is worth to keep
/// the order of use that an LRU needs.
#[derive(Default)]
pub(super) struct SubKeys(Mutex<HashMap<SubKeyId, Arc<LessSafeKey>>>);

impl SubKeys {
    pub(super) fn get(&self, id: &SubKeyId) -> Option<Arc<LessSafeKey>> {
        self.lock().get(id).map(Arc::clone)
    }

    /// Only for a sub-key that has opened an envelope: a table full of made-up salts must not
    /// push out the real ones.
    pub(super) fn remember(&self, id: SubKeyId, key: Arc<LessSafeKey>) {
        let mut remembered = self.lock();
        if remembered.len() >= REMEMBERED_MAX {
            remembered.clear();
        }
        remembered.insert(id, key);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SubKeyId, Arc<LessSafeKey>>> {
        // A panic elsewhere leaves a map of whole keys: nothing to distrust.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: usize) -> SubKeyId {
        let mut salt = [0; SALT_LEN];
        salt[..8].copy_from_slice(&(n as u64).to_be_bytes());
        SubKeyId {
            purpose: Purpose::Parked,
            kid: 1,
            salt,
        }
    }

    #[test]
    fn the_memory_of_sub_keys_is_bounded() {
        let keys = SubKeys::default();
        let key = Arc::new(derive(&[7; KEY_LEN], &[1; SALT_LEN], Purpose::Parked).unwrap());
        for n in 0..=REMEMBERED_MAX {
            keys.remember(id(n), Arc::clone(&key));
            assert!(keys.lock().len() <= REMEMBERED_MAX);
        }
        assert!(keys.get(&id(REMEMBERED_MAX)).is_some(), "the newest stays");
    }
}
