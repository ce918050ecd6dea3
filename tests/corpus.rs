//! The corpora of the fuzz targets, read again by the same rules.

#[path = "../fuzz/rules.rs"]
mod rules;

use std::fs;
use std::path::Path;

use bytes::Bytes;
use dlr::receipt::profile::Profiles;
use dlr::receipt::{Publisher, Receipt};

type Reader = fn(&[u8]);

/// Every file of a target's corpus, with its name; never none.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target);
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().to_string_lossy().into_owned();
        files.push((name, fs::read(entry.path()).unwrap()));
    }
    assert!(files.len() >= 24, "{target}: only {} files", files.len());
    files
}

#[test]
fn every_input_of_the_fuzz_corpora_keeps_the_rules() {
    let readers: [(&str, Reader); 3] = [
        ("json", rules::json),
        ("archive", rules::archive),
        ("text", rules::text),
    ];
    let mut bytes = 0;
    for (target, reader) in readers {
        for (name, input) in corpus(target) {
            bytes += input.len();
            let kept = std::panic::catch_unwind(|| reader(&input));
            assert!(kept.is_ok(), "fuzz/corpus/{target}/{name} breaks a rule");
        }
    }
    assert!(bytes < 200 * 1024, "the corpora have {bytes} bytes");
}

#[test]
fn an_archive_with_any_bit_flipped_keeps_the_rules() {
    let mut archives = corpus("archive");
    archives.retain(|(_, payload)| {
        let payload = Bytes::copy_from_slice(payload);
        Receipt::read(payload, Publisher::Gateway, &Profiles::default()).is_ok()
    });
    archives.sort_by_key(|(_, payload)| payload.len());
    assert!(archives.len() >= 4, "the corpus has too few good archives");
    let [shortest, .., longer, longest] = archives.as_slice() else {
        unreachable!("there are four");
    };
    for (name, archive) in [shortest, longer, longest] {
        for bit in 0..archive.len() * 8 {
            let mut flipped = archive.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let kept = std::panic::catch_unwind(|| rules::archive(&flipped));
            assert!(kept.is_ok(), "{name} with bit {bit} flipped breaks a rule");
        }
    }
}
