//! The key ring's file: JSON, read once, refused at the first doubt.
//!
//! ```json
//! {"v":1,
//!  "keys":[{"kid":3,"state":"primary","k":"<base64 of 32 bytes>"},{"kid":2,"state":"decrypt","k":"…"}],
//!  "bidx":[{"kid":1,"state":"primary","k":"…"}]}
//! ```
//!
//! `keys` seal, `bidx` index. The `primary` of a list makes new values, the others read old ones.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::key_ring::{KEY_LEN, Key, KeyList, KeyRingError};

const FORMAT: u32 = 1;
/// Several hundred keys.
const FILE_MAX: usize = 64 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RingFile<'a> {
    v: u32,
    #[serde(borrow)]
    keys: Vec<Entry<'a>>,
    #[serde(borrow)]
    bidx: Vec<Entry<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry<'a> {
    kid: u32,
    state: State,
    /// Borrowed, never a `String`: the text of a key is not left behind on the heap.
    k: &'a str,
}

#[derive(Deserialize, PartialEq, Eq, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum State {
    Primary,
    Decrypt,
}

/// The sealing keys and the index keys.
pub(super) fn parse(text: &[u8]) -> Result<(KeyList, KeyList), KeyRingError> {
    let file: RingFile<'_> = serde_json::from_slice(text).map_err(|e| refusal(&e))?;
    if file.v != FORMAT {
        return Err(KeyRingError::Format { found: file.v });
    }
    let keys = read_list("keys", &file.keys)?;
    let bidx = read_list("bidx", &file.bidx)?;
    refuse_twins(&[&keys, &bidx])?;
    Ok((keys, bidx))
}

/// Place and kind only. `serde_json` quotes what it found, and that may be a key in the wrong field.
fn refusal(error: &serde_json::Error) -> KeyRingError {
    let (line, column) = (error.line(), error.column());
    if error.is_data() {
        KeyRingError::Shape { line, column }
    } else {
        KeyRingError::Json { line, column }
    }
}

fn read_list(list: &'static str, entries: &[Entry<'_>]) -> Result<KeyList, KeyRingError> {
    let mut keys: Vec<Key> = Vec::with_capacity(entries.len());
    let mut primary = None;
    for (at, entry) in entries.iter().enumerate() {
        let kid = entry.kid;
        if kid == 0 {
            return Err(KeyRingError::KidZero { list });
        }
        if keys.iter().any(|key| key.kid == kid) {
            return Err(KeyRingError::KidReused { list, kid });
        }
        if entry.state == State::Primary && primary.replace(at).is_some() {
            return Err(KeyRingError::TwoPrimaries { list });
        }
        keys.push(read_key(list, entry)?);
    }
    let primary = primary.ok_or(KeyRingError::NoPrimary { list })?;
    Ok(KeyList::new(list, keys, primary))
}

fn read_key(list: &'static str, entry: &Entry<'_>) -> Result<Key, KeyRingError> {
    let kid = entry.kid;
    let mut decoded = Zeroizing::new(Vec::with_capacity(entry.k.len()));
    if STANDARD.decode_vec(entry.k, &mut decoded).is_err() {
        return Err(KeyRingError::NotBase64 { list, kid });
    }
    let Ok(bytes) = <&[u8; KEY_LEN]>::try_from(decoded.as_slice()) else {
        let length = decoded.len();
        return Err(KeyRingError::WrongLength { list, kid, length });
    };
    if bytes.iter().all(|byte| *byte == bytes[0]) {
        return Err(KeyRingError::RepeatedByte { list, kid });
    }
    Ok(Key::new(kid, bytes))
}

/// One key under two names would be a rotation that changed nothing, or a sealing key in the hands
/// of whoever only needs to index.
fn refuse_twins(lists: &[&KeyList]) -> Result<(), KeyRingError> {
    let all: Vec<(&'static str, &Key)> = lists
        .iter()
        .flat_map(|keys| keys.iter().map(|key| (keys.name, key)))
        .collect();
    for (at, (list, key)) in all.iter().enumerate() {
        let twin =
            |(_, other): &(_, &Key)| verify_slices_are_equal(other.bytes(), key.bytes()).is_ok();
        if all.iter().take(at).any(twin) {
            return Err(KeyRingError::SameKeyTwice { list, kid: key.kid });
        }
    }
    Ok(())
}

/// Asks the opened file, not its path, so that it cannot be exchanged in between. The group may
/// read: that is how Kubernetes hands secrets to a process that is not root.
pub(super) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyRingError> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(KeyRingError::NotAFile);
    }
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o007 != 0 {
        return Err(KeyRingError::OpenToOthers { mode });
    }
    // Room for all of it at once: a buffer that grows leaves key bytes behind.
    let mut text = Zeroizing::new(Vec::with_capacity(FILE_MAX + 1));
    file.take(FILE_MAX as u64 + 1).read_to_end(&mut text)?;
    if text.len() > FILE_MAX {
        return Err(KeyRingError::TooLarge { max: FILE_MAX });
    }
    Ok(text)
}

/// A new ring's file with one key in each list.
pub(super) fn generate() -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(512));
    text.push_str("{\n  \"v\": 1,\n  \"keys\": [{\"kid\": 1, \"state\": \"primary\", \"k\": \"");
    push_new_key(&mut text);
    text.push_str("\"}],\n  \"bidx\": [{\"kid\": 1, \"state\": \"primary\", \"k\": \"");
    push_new_key(&mut text);
    text.push_str("\"}]\n}\n");
    text
}

fn push_new_key(text: &mut String) {
    let mut key = Zeroizing::new([0; KEY_LEN]);
    aws_lc_rs::rand::fill(&mut *key)
        .expect("aws-lc ends the process rather than run out of chance");
    STANDARD.encode_string(key.as_slice(), text);
}
