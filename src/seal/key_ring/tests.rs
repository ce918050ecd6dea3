use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use super::super::fixtures::{INDEX_KEY, KEY_1, KEY_2, PARKED, entry, hex, ring, ring_text};
use super::super::{Purpose, Sealer};
use super::*;

fn refusal(text: &str) -> KeyRingError {
    KeyRing::parse(text.as_bytes()).unwrap_err()
}

/// A ring of these sealing keys and a good index key.
fn refused_keys(keys: &[String]) -> KeyRingError {
    refusal(&ring_text(keys, &[entry(1, "primary", INDEX_KEY)]))
}

fn refused_key(key: &str) -> KeyRingError {
    refused_keys(&[entry(1, "primary", key)])
}

/// Asserts a refusal by its variant and its fields.
macro_rules! assert_refused {
    ($error:expr, $pattern:pat $(if $guard:expr)?) => {
        let error = $error;
        assert!(matches!(error, $pattern $(if $guard)?), "{error:?}");
    };
}

#[test]
fn exactly_one_key_of_each_list_is_primary() {
    use KeyRingError::{NoPrimary, TwoPrimaries};
    let (good, index) = (entry(1, "primary", KEY_1), entry(1, "primary", INDEX_KEY));
    let old = entry(2, "decrypt", KEY_2);
    let also = entry(2, "primary", KEY_2);

    assert_refused!(refused_keys(&[]), NoPrimary { list: "keys" });
    assert_refused!(
        refused_keys(std::slice::from_ref(&old)),
        NoPrimary { list: "keys" }
    );
    assert_refused!(
        refused_keys(&[good.clone(), also.clone()]),
        TwoPrimaries { list: "keys" }
    );
    let refused_bidx = |bidx: &[String]| refusal(&ring_text(std::slice::from_ref(&good), bidx));
    assert_refused!(refused_bidx(&[]), NoPrimary { list: "bidx" });
    assert_refused!(refused_bidx(&[old]), NoPrimary { list: "bidx" });
    assert_refused!(refused_bidx(&[index, also]), TwoPrimaries { list: "bidx" });
}

#[test]
fn a_kid_is_used_once_and_is_not_zero() {
    let twice = [entry(7, "primary", KEY_1), entry(7, "decrypt", KEY_2)];
    assert_refused!(
        refused_keys(&twice),
        KeyRingError::KidReused {
            list: "keys",
            kid: 7
        }
    );
    assert_refused!(
        refused_keys(&[entry(0, "primary", KEY_1)]),
        KeyRingError::KidZero { list: "keys" }
    );
    for kid in ["-1", "4294967296", "1.5", "null"] {
        let text = ring_text(&[entry(1, "primary", KEY_1)], &[])
            .replace(":1,\"state", &format!(":{kid},\"state"));
        assert_refused!(refusal(&text), KeyRingError::Shape { .. });
    }
}

#[test]
fn a_key_is_32_bytes_that_differ() {
    use base64::Engine;
    let base64 = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let counting: Vec<u8> = (0..64).collect();
    for length in [0, 16, 31, 33, 64] {
        assert_refused!(
            refused_key(&base64(&counting[..length])),
            KeyRingError::WrongLength { list: "keys", kid: 1, length: found } if found == length
        );
    }
    for byte in [0, 1, 0xff] {
        assert_refused!(
            refused_key(&base64(&[byte; 32])),
            KeyRingError::RepeatedByte {
                list: "keys",
                kid: 1
            }
        );
    }
    for key in ["not base64!", KEY_1.trim_end_matches('='), " "] {
        assert_refused!(
            refused_key(key),
            KeyRingError::NotBase64 {
                list: "keys",
                kid: 1
            }
        );
    }
}

#[test]
fn one_key_has_one_name() {
    let rotated_to_itself = [entry(2, "primary", KEY_1), entry(1, "decrypt", KEY_1)];
    assert_refused!(
        refused_keys(&rotated_to_itself),
        KeyRingError::SameKeyTwice {
            list: "keys",
            kid: 1
        }
    );
    assert_refused!(
        refused_key(INDEX_KEY),
        KeyRingError::SameKeyTwice {
            list: "bidx",
            kid: 1
        }
    );
}

#[test]
fn fields_are_known_complete_and_not_repeated() {
    let good = ring_text(
        &[entry(1, "primary", KEY_1)],
        &[entry(1, "primary", INDEX_KEY)],
    );
    KeyRing::parse(good.as_bytes()).unwrap();
    for (from, to) in [
        (r#"{"v":1"#, r#"{"v":1,"note":"mine""#),
        (r#""kid":1"#, r#""kid":1,"note":"mine""#),
        (r#"{"v":1"#, r#"{"v":1,"v":1"#),
        (r#""v":1,"#, ""),
        (r#""state":"primary","#, ""),
        (r#""primary""#, r#""Primary""#),
        (r#""primary""#, r#""retired""#),
        (r#""k":"A"#, r#""k":"\u0041"#),
    ] {
        let text = good.replacen(from, to, 1);
        assert_ne!(text, good, "{from}");
        assert_refused!(refusal(&text), KeyRingError::Shape { line: 1, .. });
    }
    for text in ["", "{", "x", &format!("{good}x"), "\u{feff}{}"] {
        assert_refused!(refusal(text), KeyRingError::Json { .. });
    }
    assert_refused!(
        refusal(&good.replace(r#""v":1"#, r#""v":2"#)),
        KeyRingError::Format { found: 2 }
    );
}

#[test]
fn a_generated_ring_is_accepted_and_new_every_time() {
    let [one, other] = [KeyRing::generate(), KeyRing::generate()];
    let [one, other] = [one, other].map(|text| KeyRing::parse(text.as_bytes()).unwrap());
    assert!(
        one.key_checks()
            .iter()
            .all(|check| !other.key_checks().contains(check))
    );
}

/// A file of its own, gone with the test.
struct RingFile(PathBuf);

impl RingFile {
    fn new(text: &[u8], mode: u32) -> Self {
        let path = std::env::temp_dir().join(format!("dlr-ring-{}", uuid::Uuid::new_v4()));
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        Self(path)
    }
}

impl Drop for RingFile {
    fn drop(&mut self) {
        fs::remove_file(&self.0).unwrap();
    }
}

#[test]
fn a_file_is_loaded_unless_others_can_touch_it() {
    let text = KeyRing::generate();
    for mode in [0o600, 0o400, 0o440, 0o640] {
        KeyRing::load(&RingFile::new(text.as_bytes(), mode).0).unwrap();
    }
    for mode in [0o644, 0o604, 0o602, 0o601] {
        let file = RingFile::new(text.as_bytes(), mode);
        assert_refused!(
            KeyRing::load(&file.0).unwrap_err(),
            KeyRingError::OpenToOthers { mode: found } if found == mode
        );
    }
}

#[test]
fn what_is_no_small_file_is_refused() {
    let folder = std::env::temp_dir();
    assert_refused!(KeyRing::load(&folder).unwrap_err(), KeyRingError::NotAFile);
    assert_refused!(
        KeyRing::load(&folder.join("dlr-no-such-ring")).unwrap_err(),
        KeyRingError::Read(_)
    );
    let spaces = RingFile::new(&vec![b' '; 64 * 1024 + 1], 0o600);
    assert_refused!(
        KeyRing::load(&spaces.0).unwrap_err(),
        KeyRingError::TooLarge { .. }
    );
}

fn check(purpose: &'static str, kid: u32, value: &str) -> KeyCheck {
    let value = hex(value).try_into().unwrap();
    KeyCheck {
        purpose,
        kid,
        value,
    }
}

/// The values come from another implementation.
#[test]
fn each_key_has_its_check() {
    assert_eq!(
        ring(1).key_checks(),
        [
            check("keys", 1, "a5db55837666b021"),
            check("keys", 2, "2aa532f60df045b4"),
            check("bidx", 1, "a4ad6aa6435d7670"),
        ]
    );
}

#[test]
fn new_keys_are_reported_and_known_ones_confirmed() {
    let ring = ring(1);
    let checks = ring.key_checks();
    assert_eq!(ring.confirm(&[]).unwrap(), checks);
    assert_eq!(ring.confirm(&checks).unwrap(), []);
    assert_eq!(ring.confirm(&checks[..2]).unwrap(), checks[2..]);
    let retired = check("keys", 9, "0000000000000000");
    assert_eq!(ring.confirm(&[retired]).unwrap(), checks);
}

#[test]
fn another_key_under_a_known_kid_is_refused() {
    for (purpose, kid) in [("keys", 1), ("keys", 2), ("bidx", 1)] {
        let stored = [check(purpose, kid, "0000000000000000")];
        let error = ring(1).confirm(&stored).unwrap_err();
        assert_refused!(
            error,
            KeyRingError::ConflictingKey { purpose: p, kid: k } if (p, k) == (purpose, kid)
        );
    }
}

#[test]
fn stored_checks_of_unknown_purposes_are_left_alone() {
    let value = [1; 8];
    assert_eq!(KeyCheck::from_stored("totp", 1, value), None);
    let known = KeyCheck::from_stored("bidx", 4, value).unwrap();
    assert_eq!((known.purpose, known.kid, known.value), ("bidx", 4, value));
}

/// Every piece of four key bytes, in the notations in which a leak would appear.
fn pieces(key: &str) -> Vec<String> {
    use base64::Engine;
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(key)
        .unwrap();
    let decimal = bytes
        .windows(4)
        .map(|w| format!("{}, {}, {}, {}", w[0], w[1], w[2], w[3]));
    let hexadecimal = bytes
        .windows(4)
        .map(|w| format!("{:08x}", u32::from_be_bytes(w.try_into().unwrap())));
    let base64 = key
        .as_bytes()
        .windows(6)
        .map(|w| String::from_utf8(w.to_vec()).unwrap());
    decimal.chain(hexadecimal).chain(base64).collect()
}

/// An error with all its causes, as text and as `Debug`.
fn everything_said(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .map(|error| format!("{error:?} {error} "))
        .collect::<Vec<_>>()
        .concat()
}

#[test]
fn nothing_shows_a_key() {
    let ring = ring(1);
    let mut sealer = Sealer::new(Arc::clone(&ring), Purpose::Parked);
    let envelope = sealer.seal(&PARKED, b"").unwrap();
    let open_error = ring.open(Purpose::Msisdn, &PARKED, &envelope).unwrap_err();
    let mut said = vec![
        format!("{ring:?} {sealer:?} {PARKED:?} {:?}", Purpose::Parked),
        format!(
            "{:?} {:?}",
            ring.key_checks(),
            ring.blind_index("447700900123")
        ),
        everything_said(&open_error),
    ];
    // A key in every field where a slip of the hand can put it.
    let good = ring_text(
        &[entry(1, "primary", KEY_1), entry(2, "decrypt", KEY_2)],
        &[entry(1, "primary", INDEX_KEY)],
    );
    for (from, to) in [
        (r#""kid":1"#, format!(r#""kid":"{KEY_1}""#)),
        ("primary", KEY_1.to_owned()),
        (r#""state""#, format!(r#""{KEY_1}""#)),
        (r#"{"v":1"#, format!(r#"{{"v":"{KEY_1}""#)),
        (r#"{"v":1"#, format!(r#"{{"{KEY_1}":1"#)),
        (KEY_1, format!("{KEY_1}{KEY_1}")),
        (KEY_1, format!("*{KEY_1}")),
        (KEY_1, format!("\\n{KEY_1}")),
        (KEY_2, KEY_1.to_owned()),
        ("decrypt", "primary".to_owned()),
        (r#""kid":2"#, r#""kid":1"#.to_owned()),
        ("bidx", KEY_1.to_owned()),
    ] {
        said.push(everything_said(&refusal(&good.replacen(from, &to, 1))));
    }
    for key in [KEY_1, KEY_2, INDEX_KEY] {
        for piece in pieces(key) {
            for said in &said {
                assert!(!said.contains(&piece), "{said}");
            }
        }
    }
}
