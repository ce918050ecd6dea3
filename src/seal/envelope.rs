//! The envelope: one `bytea`, made by a [`Sealer`](super::Sealer), read by [`KeyRing::open`].
//!
//! ```text
//! byte   0       1       2        6          22          34           n-16
//!        version alg     kid      salt       nonce       ciphertext   tag
//!        01      01      u32 be   16 bytes   12 bytes    n-50 bytes   16 bytes
//! ```
//!
//! `alg` 01 is AES-256-GCM under the sub-key of (kid, salt, purpose).
//!
//! The associated data is the list below, each field behind its length as u32 be, so that no two
//! lists have the same bytes:
//!
//! ```text
//! "dlr-aad-v1", alg, kid (u32 be), salt, table, column, row (16), carrier, account (16, or zeros)
//! ```
//!
//! For [`Purpose::Msisdn`] the plaintext is: length as u32 be, the value, zeros up to a multiple of
//! 16 bytes. For [`Purpose::Parked`] it is the value itself.

use std::sync::Arc;

use aws_lc_rs::aead::{Aad, LessSafeKey, NONCE_LEN, Nonce};
use aws_lc_rs::error::Unspecified;
use zeroize::Zeroizing;

use super::sub_keys::{SALT_LEN, SubKeyId, derive};
use super::{KeyRing, Place, Purpose};

const VERSION: u8 = 1;
const AES_256_GCM: u8 = 1;
pub(super) const HEADER_LEN: usize = 2 + 4 + SALT_LEN + NONCE_LEN;
const TAG_LEN: usize = 16;
/// What an envelope adds to its plaintext; no envelope is shorter.
pub const OVERHEAD: usize = HEADER_LEN + TAG_LEN;

const PAD_TO: usize = 16;
const LENGTH_LEN: usize = 4;

/// One text for every failure, so that nobody outside can tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealed value is unreadable")]
pub struct OpenError {
    failure: OpenFailure,
}

impl OpenError {
    /// For metrics and readiness; never for a response.
    pub fn failure(self) -> OpenFailure {
        self.failure
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenFailure {
    /// Not an envelope of a version and algorithm known here.
    Malformed,
    /// The ring lacks the key. It may be on its way to this replica: keep the row, try again later.
    UnknownKey { kid: u32 },
    /// Changed, moved from another place, or sealed for another purpose.
    NotAuthentic,
}

impl From<OpenFailure> for OpenError {
    fn from(failure: OpenFailure) -> Self {
        Self { failure }
    }
}

impl KeyRing {
    pub fn open(
        &self,
        purpose: Purpose,
        place: &Place<'_>,
        envelope: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let parts = Parts::of(envelope).ok_or(OpenFailure::Malformed)?;
        let Parts { kid, salt, .. } = parts;
        let Some(master) = self.sealing_key(kid) else {
            return Err(OpenFailure::UnknownKey { kid }.into());
        };
        let id = SubKeyId { purpose, kid, salt };
        let remembered = self.opening().get(&id);
        let is_new = remembered.is_none();
        let key = match remembered {
            Some(key) => key,
            None => Arc::new(derive(master.bytes(), &salt, purpose).map_err(not_authentic)?),
        };
        let plaintext = parts.decrypt(&key, place).map_err(not_authentic)?;
        if is_new {
            self.opening().remember(id, key);
        }
        Ok(strip_padding(purpose, plaintext).ok_or(OpenFailure::Malformed)?)
    }
}

/// aws-lc gives no reason, and there is none to give.
fn not_authentic(Unspecified: Unspecified) -> OpenFailure {
    OpenFailure::NotAuthentic
}

struct Parts<'a> {
    kid: u32,
    salt: [u8; SALT_LEN],
    nonce: [u8; NONCE_LEN],
    ciphertext: &'a [u8],
    tag: &'a [u8; TAG_LEN],
}

impl<'a> Parts<'a> {
    fn of(envelope: &'a [u8]) -> Option<Self> {
        let (&[VERSION, AES_256_GCM], rest) = envelope.split_first_chunk()? else {
            return None;
        };
        let (kid, rest) = rest.split_first_chunk()?;
        let (salt, rest) = rest.split_first_chunk()?;
        let (nonce, rest) = rest.split_first_chunk()?;
        let (ciphertext, tag) = rest.split_last_chunk()?;
        Some(Self {
            kid: u32::from_be_bytes(*kid),
            salt: *salt,
            nonce: *nonce,
            ciphertext,
            tag,
        })
    }

    fn decrypt(
        &self,
        key: &LessSafeKey,
        place: &Place<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
        let mut associated = Vec::new();
        write_associated(&mut associated, self.kid, &self.salt, place);
        let mut plaintext = Zeroizing::new(vec![0; self.ciphertext.len()]);
        key.open_separate_gather(
            Nonce::assume_unique_for_key(self.nonce),
            Aad::from(&associated),
            self.ciphertext,
            self.tag,
            &mut plaintext,
        )?;
        Ok(plaintext)
    }
}

pub(super) fn push_header(
    out: &mut Vec<u8>,
    kid: u32,
    salt: &[u8; SALT_LEN],
    nonce: &[u8; NONCE_LEN],
) {
    out.extend([VERSION, AES_256_GCM]);
    out.extend(kid.to_be_bytes());
    out.extend(salt);
    out.extend(nonce);
}

pub(super) fn write_associated(
    out: &mut Vec<u8>,
    kid: u32,
    salt: &[u8; SALT_LEN],
    place: &Place<'_>,
) {
    out.clear();
    for field in [
        b"dlr-aad-v1".as_slice(),
        &[AES_256_GCM],
        &kid.to_be_bytes(),
        salt,
        place.table.as_bytes(),
        place.column.as_bytes(),
        place.row.as_bytes(),
        place.carrier.as_bytes(),
        place.account.unwrap_or_default().as_bytes(),
    ] {
        let length = u32::try_from(field.len()).expect("a name is shorter than 4 GiB");
        out.extend(length.to_be_bytes());
        out.extend_from_slice(field);
    }
}

pub(super) fn body_len(purpose: Purpose, length: usize) -> usize {
    match purpose {
        Purpose::Parked => length,
        Purpose::Msisdn => (LENGTH_LEN + length).next_multiple_of(PAD_TO),
    }
}

pub(super) fn push_body(out: &mut Vec<u8>, purpose: Purpose, plaintext: &[u8]) {
    let end = out.len() + body_len(purpose, plaintext.len());
    if purpose == Purpose::Msisdn {
        let length = u32::try_from(plaintext.len()).expect("a Sealer takes at most 64 MiB");
        out.extend(length.to_be_bytes());
    }
    out.extend_from_slice(plaintext);
    out.resize(end, 0);
}

/// None when [`push_body`] would have padded otherwise.
fn strip_padding(purpose: Purpose, mut body: Zeroizing<Vec<u8>>) -> Option<Zeroizing<Vec<u8>>> {
    if purpose == Purpose::Parked {
        return Some(body);
    }
    let (length, padded) = body.split_first_chunk::<LENGTH_LEN>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let padding = padded.get(length..)?;
    if body.len() != body_len(purpose, length) || padding.iter().any(|byte| *byte != 0) {
        return None;
    }
    body.drain(..LENGTH_LEN);
    body.truncate(length);
    Some(body)
}

#[cfg(test)]
mod tests;
