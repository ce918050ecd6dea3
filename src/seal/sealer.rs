//! Who makes envelopes: one sub-key after the other, each for a bounded time and number of seals.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::aead::{Aad, LessSafeKey, NONCE_LEN, Nonce};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand;

use super::envelope::{self, HEADER_LEN, OVERHEAD};
use super::sub_keys::{SALT_LEN, derive};
use super::{KeyRing, Place, Purpose};

const PLAINTEXT_MAX: usize = 64 << 20;
const EPOCH_SEALS: u32 = 1 << 24;
const EPOCH_TIME: Duration = Duration::from_mins(15);

#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error("{length} bytes are too long to seal")]
    TooLong { length: usize },
    #[error("the cryptographic library cannot seal")]
    Provider(#[from] Unspecified),
}

/// Seals for one purpose under the ring's primary key. Each lane owns one.
pub struct Sealer {
    ring: Arc<KeyRing>,
    purpose: Purpose,
    epoch_seals: u32,
    epoch: Option<Epoch>,
    nonces: Nonces,
    /// Kept between calls for its room only.
    associated: Vec<u8>,
}

/// The life of one sub-key.
struct Epoch {
    kid: u32,
    salt: [u8; SALT_LEN],
    key: LessSafeKey,
    seals: u32,
    began: Instant,
}

impl Sealer {
    pub fn new(ring: Arc<KeyRing>, purpose: Purpose) -> Self {
        Self::with_epoch_seals(ring, purpose, EPOCH_SEALS)
    }

    fn with_epoch_seals(ring: Arc<KeyRing>, purpose: Purpose, epoch_seals: u32) -> Self {
        Self {
            ring,
            purpose,
            epoch_seals,
            epoch: None,
            nonces: Nonces::default(),
            associated: Vec::new(),
        }
    }

    pub fn seal(&mut self, place: &Place<'_>, plaintext: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut envelope = Vec::new();
        self.seal_into(&mut envelope, place, plaintext)?;
        Ok(envelope)
    }

    /// Replaces what `envelope` holds.
    pub fn seal_into(
        &mut self,
        envelope: &mut Vec<u8>,
        place: &Place<'_>,
        plaintext: &[u8],
    ) -> Result<(), SealError> {
        self.seal_at(Instant::now(), envelope, place, plaintext)
    }

    fn seal_at(
        &mut self,
        now: Instant,
        envelope: &mut Vec<u8>,
        place: &Place<'_>,
        plaintext: &[u8],
    ) -> Result<(), SealError> {
        let length = plaintext.len();
        if length > PLAINTEXT_MAX {
            return Err(SealError::TooLong { length });
        }
        let epoch = match &mut self.epoch {
            Some(epoch) if epoch.lasts(now, self.epoch_seals) => epoch,
            over => over.insert(Epoch::begin(&self.ring, self.purpose, now)?),
        };
        // Counted before sealing: a seal that fails has used its nonce all the same.
        epoch.seals += 1;
        let nonce = self.nonces.next()?;

        envelope.clear();
        envelope.reserve(OVERHEAD + envelope::body_len(self.purpose, length));
        envelope::push_header(envelope, epoch.kid, &epoch.salt, &nonce);
        envelope::push_body(envelope, self.purpose, plaintext);

        envelope::write_associated(&mut self.associated, epoch.kid, &epoch.salt, place);
        let tag = epoch.key.seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(&self.associated),
            &mut envelope[HEADER_LEN..],
        )?;
        envelope.extend_from_slice(tag.as_ref());
        Ok(())
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer")
            .field("purpose", &self.purpose)
            .field("ring", &self.ring)
            .finish_non_exhaustive()
    }
}

impl Epoch {
    fn begin(ring: &KeyRing, purpose: Purpose, now: Instant) -> Result<Self, Unspecified> {
        let mut salt = [0; SALT_LEN];
        rand::fill(&mut salt)?;
        let master = ring.primary();
        Ok(Self {
            kid: master.kid,
            salt,
            key: derive(master.bytes(), &salt, purpose)?,
            seals: 0,
            began: now,
        })
    }

    fn lasts(&self, now: Instant, seals_max: u32) -> bool {
        self.seals < seals_max && now.duration_since(self.began) < EPOCH_TIME
    }
}

/// Random nonces, each given out once. Drawn in numbers: the generator's call costs more than the
/// sealing of two phone numbers.
#[derive(Default)]
struct Nonces(Vec<[u8; NONCE_LEN]>);

const NONCES_DRAWN: usize = 256;

impl Nonces {
    fn next(&mut self) -> Result<[u8; NONCE_LEN], Unspecified> {
        if self.0.is_empty() {
            let mut drawn = [[0; NONCE_LEN]; NONCES_DRAWN];
            rand::fill(drawn.as_flattened_mut())?;
            self.0.extend(drawn);
        }
        self.0.pop().ok_or(Unspecified)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::fixtures::{PARKED, ring};
    use super::*;

    #[test]
    fn too_long_a_plaintext_is_refused() {
        let error = Sealer::new(ring(1), Purpose::Parked)
            .seal(&PARKED, &vec![0; PLAINTEXT_MAX + 1])
            .unwrap_err();
        assert!(matches!(error, SealError::TooLong { length } if length == PLAINTEXT_MAX + 1));
    }

    fn seal_at(sealer: &mut Sealer, now: Instant) -> Vec<u8> {
        let mut envelope = Vec::new();
        let sealed = sealer.seal_at(now, &mut envelope, &PARKED, b"");
        sealed.map(|()| envelope).unwrap()
    }

    fn salt(envelope: &[u8]) -> &[u8] {
        &envelope[6..22]
    }

    #[test]
    fn a_sub_key_ends_after_its_count() {
        let mut sealer = Sealer::with_epoch_seals(ring(1), Purpose::Parked, 3);
        let now = Instant::now();
        let envelopes: Vec<_> = (0..7).map(|_| seal_at(&mut sealer, now)).collect();
        let salts: Vec<_> = envelopes.iter().map(|envelope| salt(envelope)).collect();
        assert_eq!(salts[0], salts[2]);
        assert_ne!(salts[2], salts[3]);
        assert_eq!(salts[3], salts[5]);
        assert_ne!(salts[5], salts[6]);
        assert_ne!(salts[6], salts[0]);
    }

    #[test]
    fn a_sub_key_ends_after_its_time() {
        let mut sealer = Sealer::new(ring(1), Purpose::Parked);
        let began = Instant::now();
        let mut seal_after = |time| seal_at(&mut sealer, began + time);
        let first = seal_after(Duration::ZERO);
        let last = seal_after(Duration::from_nanos(15 * 60 * 1_000_000_000 - 1));
        let next = seal_after(EPOCH_TIME);
        assert_eq!(salt(&first), salt(&last));
        assert_ne!(salt(&last), salt(&next));
    }

    #[test]
    fn each_sealer_has_a_salt_of_its_own() {
        let one = Sealer::new(ring(1), Purpose::Parked)
            .seal(&PARKED, b"")
            .unwrap();
        let other = Sealer::new(ring(1), Purpose::Parked)
            .seal(&PARKED, b"")
            .unwrap();
        assert_ne!(salt(&one), salt(&other));
    }

    #[test]
    fn the_limits_are_those_of_the_bound() {
        assert_eq!(EPOCH_SEALS, 1 << 24);
        assert_eq!(EPOCH_TIME, Duration::from_mins(15));
        assert_eq!(
            Sealer::new(ring(1), Purpose::Parked).epoch_seals,
            EPOCH_SEALS
        );
        assert_eq!(OVERHEAD, 50);
    }

    #[test]
    fn salt_and_nonce_never_meet_twice() {
        const SEALS: usize = 100_000;
        let mut sealer = Sealer::with_epoch_seals(ring(1), Purpose::Parked, 1000);
        let mut pairs = HashSet::with_capacity(SEALS);
        let mut salts = HashSet::new();
        for _ in 0..SEALS {
            let envelope = sealer.seal(&PARKED, b"").unwrap();
            salts.insert(salt(&envelope).to_vec());
            pairs.insert(envelope[6..34].to_vec());
        }
        assert_eq!((pairs.len(), salts.len()), (SEALS, SEALS / 1000));
    }
}
