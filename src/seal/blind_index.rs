//! Hashes that find personal data without showing it.

use std::fmt;

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::{hkdf, hmac};
use zeroize::Zeroizing;

use super::KeyRing;
use super::key_ring::{KEY_LEN, Key};

const HASH_LEN: usize = 16;

/// A phone number's keyed hash, and the key it was made with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BlindIndex {
    pub kid: u32,
    pub hash: [u8; HASH_LEN],
}

/// Without the hash: who logs it has told two receipts of one person apart from the rest.
impl fmt::Debug for BlindIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlindIndex")
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

impl KeyRing {
    /// `HMAC-SHA256(bidx, "msisdn/v1" digits)`, its first 16 bytes. `digits` is the number in
    /// international form, digits only; anything else is another number.
    pub fn blind_index(&self, digits: &str) -> BlindIndex {
        let BlindKeys { kid, index, .. } = self.blind();
        BlindIndex {
            kid: *kid,
            hash: hash(index, &[b"msisdn/v1", digits.as_bytes()]),
        }
    }

    /// Keyed, because a plain hash of a payload with a phone number in it gives the number away to
    /// whoever tries them all. The `kid` is that of the `bidx` key.
    pub fn fingerprint(&self, payload: &[u8]) -> (u32, [u8; HASH_LEN]) {
        let blind = self.blind();
        (blind.kid, hash(&blind.fingerprint, &[payload]))
    }
}

/// Ready-made HMAC keys of the primary `bidx` key.
pub(super) struct BlindKeys {
    kid: u32,
    index: hmac::Key,
    fingerprint: hmac::Key,
}

impl BlindKeys {
    pub(super) fn new(primary: &Key) -> Result<Self, Unspecified> {
        // A salt of zeros is HKDF's "no salt", written out because FIPS builds refuse an empty one.
        let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, &[0; 32]).extract(primary.bytes());
        let mut fingerprint = Zeroizing::new([0; KEY_LEN]);
        extracted
            .expand(&[b"dlr/fingerprint/v1"], hkdf::HKDF_SHA256)?
            .fill(&mut *fingerprint)?;
        Ok(Self {
            kid: primary.kid,
            index: hmac::Key::new(hmac::HMAC_SHA256, primary.bytes()),
            fingerprint: hmac::Key::new(hmac::HMAC_SHA256, &*fingerprint),
        })
    }
}

fn hash(key: &hmac::Key, parts: &[&[u8]]) -> [u8; HASH_LEN] {
    let mut context = hmac::Context::with_key(key);
    for part in parts {
        context.update(part);
    }
    *context
        .sign()
        .as_ref()
        .first_chunk()
        .expect("HMAC-SHA256 gives 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{KEY_1, KEY_2, entry, hex, ring, ring_text};
    use super::*;

    const NUMBER: &str = "447700900123";

    /// The values come from another implementation.
    #[test]
    fn hashes_stay_what_databases_hold() {
        let ring = ring(1);
        let BlindIndex { kid, hash } = ring.blind_index(NUMBER);
        assert_eq!(
            (kid, hash.to_vec()),
            (1, hex("0ee3fb5e110f9085a22b33b062c47bce"))
        );
        let (kid, hash) = ring.fingerprint(b"not a receipt");
        assert_eq!(
            (kid, hash.to_vec()),
            (1, hex("dba5484b6cf0c95a2b4b18ed34254890"))
        );
    }

    #[test]
    fn only_the_primary_index_key_counts() {
        let bidx = |primary| {
            let state = |kid| if kid == primary { "primary" } else { "decrypt" };
            let bidx = [
                entry(3, state(3), KEY_2),
                entry(4, state(4), super::super::fixtures::INDEX_KEY),
            ];
            KeyRing::parse(ring_text(&[entry(1, "primary", KEY_1)], &bidx).as_bytes()).unwrap()
        };
        let [three, four] = [bidx(3), bidx(4)];
        assert_eq!(three.blind_index(NUMBER).kid, 3);
        assert_eq!(four.fingerprint(b"").0, 4);
        assert_ne!(
            three.blind_index(NUMBER).hash,
            four.blind_index(NUMBER).hash
        );
        assert_ne!(three.fingerprint(b"").1, four.fingerprint(b"").1);
        // The sealing keys have no part in it.
        assert_eq!(
            four.blind_index(NUMBER).hash,
            ring(2).blind_index(NUMBER).hash
        );
    }

    #[test]
    fn a_fingerprint_is_no_blind_index() {
        let ring = ring(1);
        let (_, fingerprint) = ring.fingerprint(format!("msisdn/v1{NUMBER}").as_bytes());
        assert_ne!(fingerprint, ring.blind_index(NUMBER).hash);
    }

    #[test]
    fn debug_hides_the_hash() {
        assert_eq!(
            format!("{:?}", ring(1).blind_index(NUMBER)),
            "BlindIndex { kid: 1, .. }"
        );
    }
}
