//! The archive encoding: an rkyv archive behind a prefix of eight bytes, for gateways in Rust.
//!
//! A gateway fills a [`ReceiptV1`], publishes its [`ReceiptV1::to_bytes`] and waits for the stream's
//! confirmation: `examples/publish_archive.rs`. What is read from it, and for what it is rejected,
//! is the same as if it had been JSON.
//!
//! | bytes | what |
//! |---|---|
//! | 0 to 2 | `DLR` |
//! | 3 | version of the receipt's form: 1 |
//! | 4 and 5 | flags: none has a meaning yet, so both are zero |
//! | 6 and 7 | length of what follows, little-endian |
//! | 8 to the end | the archive: little-endian, 32-bit pointers, unaligned |
//!
//! The length is there because the root of an archive is found from its end: without it a cut
//! payload could be read as another receipt.
//!
//! A version is a type that never changes again. A new field means a new type, read beside the old
//! one for as long as any gateway writes that.

mod v1;

use bytes::Bytes;

use super::Rejection;
use super::text::Text;
use super::wire::Wire;
pub use v1::{ReceiptV1, TlvV1, TooLong};

/// What every version begins with.
pub(super) const MAGIC: &[u8] = b"DLR";

/// Whether a file begins with an archive of any version. No text has a version for its fourth letter.
pub fn begins(file: &[u8]) -> bool {
    file.starts_with(MAGIC) && file.get(MAGIC.len()).is_some_and(u8::is_ascii_control)
}

/// Magic, version and flags: as much of the prefix as never varies within a version.
const V1: [u8; 6] = *b"DLR\x01\0\0";

/// Magic, version, flags and length.
const PREFIX: usize = 8;

/// Reads an archive in place, at whatever address the payload lies, into an empty `wire`.
pub(super) fn read<'a>(payload: &'a Bytes, wire: &mut Wire<'a>) -> Result<Text, Rejection> {
    let Some(rest) = payload.strip_prefix(&V1) else {
        return Err(if V1.starts_with(payload) {
            Rejection::Truncated
        } else {
            Rejection::UnknownEncoding
        });
    };
    let (length, archive) = rest.split_first_chunk().ok_or(Rejection::Truncated)?;
    let length = usize::from(u16::from_le_bytes(*length));
    if archive.len() < length {
        return Err(Rejection::Truncated);
    }
    let texts = archive.len().checked_sub(v1::ROOT_LENGTH);
    let texts = texts.filter(|_| archive.len() == length);
    let texts = texts.ok_or(Rejection::MalformedArchive)?;
    let text = Text::new(payload.slice(PREFIX..PREFIX + texts))?;
    v1::read(archive, text.payload(), wire)?;
    Ok(text)
}

#[cfg(test)]
mod tests;
