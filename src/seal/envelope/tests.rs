use std::collections::HashSet;

use aws_lc_rs::aead;
use proptest::prelude::*;
use uuid::Uuid;

use super::super::Sealer;
use super::super::fixtures::{ACCOUNT, PARKED, ROW, STORED, hex, ring};
use super::*;

const NUMBER: &[u8] = b"447700900123";

fn sealed(primary: u32, purpose: Purpose, place: &Place<'_>, plaintext: &[u8]) -> Vec<u8> {
    Sealer::new(ring(primary), purpose)
        .seal(place, plaintext)
        .unwrap()
}

fn failure(purpose: Purpose, place: &Place<'_>, envelope: &[u8]) -> OpenFailure {
    ring(1)
        .open(purpose, place, envelope)
        .unwrap_err()
        .failure()
}

fn purposes() -> impl Strategy<Value = Purpose> {
    prop_oneof![Just(Purpose::Parked), Just(Purpose::Msisdn)]
}

proptest! {
    #[test]
    fn what_is_sealed_opens(
        purpose in purposes(),
        plaintext in prop::collection::vec(any::<u8>(), 0..2000),
        carrier in ".{0,40}",
        row in any::<u128>(),
        account in any::<Option<u128>>(),
    ) {
        let place = Place {
            row: Uuid::from_u128(row),
            carrier: &carrier,
            account: account.map(Uuid::from_u128),
            ..STORED
        };
        let ring = ring(1);
        let mut sealer = Sealer::new(Arc::clone(&ring), purpose);
        // Twice: the second is opened by the remembered sub-key.
        for _ in 0..2 {
            let envelope = sealer.seal(&place, &plaintext).unwrap();
            prop_assert_eq!(envelope.len(), OVERHEAD + body_len(purpose, plaintext.len()));
            prop_assert_eq!(&*ring.open(purpose, &place, &envelope).unwrap(), &plaintext);
        }
    }

    #[test]
    fn any_bytes_are_refused_without_a_panic(
        purpose in purposes(),
        mut bytes in prop::collection::vec(any::<u8>(), 0..200),
        headed in any::<bool>(),
    ) {
        if headed && bytes.len() >= 6 {
            bytes[..6].copy_from_slice(&[1, 1, 0, 0, 0, 1]);
        }
        prop_assert!(ring(1).open(purpose, &PARKED, &bytes).is_err());
    }
}

#[test]
fn no_changed_bit_opens() {
    for (purpose, place) in [(Purpose::Parked, PARKED), (Purpose::Msisdn, STORED)] {
        let ring = ring(1);
        let envelope = sealed(1, purpose, &place, NUMBER);
        ring.open(purpose, &place, &envelope).unwrap();
        for at in 0..envelope.len() {
            for bit in 0..8 {
                let mut changed = envelope.clone();
                changed[at] ^= 1 << bit;
                let error = ring.open(purpose, &place, &changed).unwrap_err();
                assert_eq!(
                    error.to_string(),
                    "a sealed value is unreadable",
                    "byte {at}"
                );
            }
        }
    }
}

#[test]
fn no_cut_or_longer_envelope_opens() {
    let envelope = sealed(1, Purpose::Parked, &PARKED, NUMBER);
    for length in 0..envelope.len() {
        let expected = if length < OVERHEAD {
            OpenFailure::Malformed
        } else {
            OpenFailure::NotAuthentic
        };
        assert_eq!(
            failure(Purpose::Parked, &PARKED, &envelope[..length]),
            expected
        );
        assert!(
            ring(1)
                .open(Purpose::Parked, &PARKED, &envelope[length + 1..])
                .is_err()
        );
    }
    let longer = [envelope.as_slice(), &[0]].concat();
    assert_eq!(
        failure(Purpose::Parked, &PARKED, &longer),
        OpenFailure::NotAuthentic
    );
}

#[test]
fn no_envelope_opens_in_another_place() {
    let envelope = sealed(1, Purpose::Msisdn, &STORED, NUMBER);
    let others = [
        Place {
            row: Uuid::from_u128(ROW.as_u128() + 1),
            ..STORED
        },
        Place {
            column: "payload_sealed",
            ..STORED
        },
        Place {
            table: "dlr.orphaned_receipts",
            ..STORED
        },
        Place {
            carrier: "carrier-b",
            ..STORED
        },
        Place {
            account: Some(ROW),
            ..STORED
        },
        Place {
            account: None,
            ..STORED
        },
        // The same letters, cut elsewhere.
        Place {
            table: "dlr.delivery_receiptsp",
            column: "ersonal_sealed",
            ..STORED
        },
    ];
    for place in others {
        assert_eq!(
            failure(Purpose::Msisdn, &place, &envelope),
            OpenFailure::NotAuthentic,
            "{place:?}"
        );
    }
    assert_eq!(
        failure(Purpose::Parked, &STORED, &envelope),
        OpenFailure::NotAuthentic
    );
    assert_ne!(STORED.account, None);
    assert_eq!(STORED.account, Some(ACCOUNT));
}

#[test]
fn an_unknown_version_or_algorithm_is_malformed() {
    let envelope = sealed(1, Purpose::Parked, &PARKED, NUMBER);
    for at in 0..2 {
        let mut changed = envelope.clone();
        changed[at] = 2;
        assert_eq!(
            failure(Purpose::Parked, &PARKED, &changed),
            OpenFailure::Malformed
        );
    }
}

#[test]
fn an_unknown_key_is_named_as_such_and_a_known_wrong_one_does_not_open() {
    let mut envelope = sealed(1, Purpose::Parked, &PARKED, NUMBER);
    for kid in [0, 3, u32::MAX] {
        envelope[2..6].copy_from_slice(&kid.to_be_bytes());
        assert_eq!(
            failure(Purpose::Parked, &PARKED, &envelope),
            OpenFailure::UnknownKey { kid }
        );
    }
    envelope[2..6].copy_from_slice(&2_u32.to_be_bytes());
    assert_eq!(
        failure(Purpose::Parked, &PARKED, &envelope),
        OpenFailure::NotAuthentic
    );
}

#[test]
fn after_a_rotation_old_and_new_envelopes_open() {
    let old = sealed(1, Purpose::Parked, &PARKED, b"old");
    let new = sealed(2, Purpose::Parked, &PARKED, b"new");
    assert_eq!((old[5], new[5]), (1, 2));
    for primary in [1, 2] {
        let ring = ring(primary);
        assert_eq!(*ring.open(Purpose::Parked, &PARKED, &old).unwrap(), b"old");
        assert_eq!(*ring.open(Purpose::Parked, &PARKED, &new).unwrap(), b"new");
    }
}

/// Made by another implementation (pyca/cryptography) from the description above. If this fails,
/// what databases hold has become unreadable.
#[test]
fn envelopes_of_another_implementation_open() {
    let parked = hex(
        "010100000001a0a1a2a3a4a5a6a7a8a9aaabacadaeafc0c1c2c3c4c5c6c7c8c9cacb\
         e7b071ce1b0eb03b1b7d4b1a039b642fc68083363d50c74efa4587aca3a65bc00004",
    );
    let stored = hex(
        "010100000002a0a1a2a3a4a5a6a7a8a9aaabacadaeafc0c1c2c3c4c5c6c7c8c9cacb\
         a784e1bb575e30500a9202d11794fca0781410a8dd7b9da16872f0fcf074e5c3",
    );
    let ring = ring(1);
    assert_eq!(
        *ring.open(Purpose::Parked, &PARKED, &parked).unwrap(),
        br#"{"stat":"DELIVRD"}"#
    );
    assert_eq!(
        *ring.open(Purpose::Msisdn, &STORED, &stored).unwrap(),
        NUMBER
    );
}

/// Test case 16 of "The Galois/Counter Mode of Operation" (`McGrew`, Viega), and the way we call it.
#[test]
fn aes_256_gcm_gives_the_published_answer() {
    let key = hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
    let key = LessSafeKey::new(aead::UnboundKey::new(&aead::AES_256_GCM, &key).unwrap());
    let nonce = hex("cafebabefacedbaddecaf888");
    let mut text = hex(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
         1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
    );
    let tag = key
        .seal_in_place_separate_tag(
            Nonce::try_assume_unique_for_key(&nonce).unwrap(),
            Aad::from(hex("feedfacedeadbeeffeedfacedeadbeefabaddad2")),
            &mut text,
        )
        .unwrap();
    assert_eq!(
        text,
        hex(
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
             8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
        )
    );
    assert_eq!(tag.as_ref(), hex("76fc6ece0f4e1768cddf8853bb2d551b"));
}

#[test]
fn a_number_of_digits_does_not_show() {
    let lengths: HashSet<usize> = (0..=12)
        .map(|digits| sealed(1, Purpose::Msisdn, &STORED, &NUMBER[..digits]).len())
        .collect();
    assert_eq!(lengths, HashSet::from([OVERHEAD + 16]));
}

/// Only whoever holds the key can make one, so it says that a writer is broken.
#[test]
fn authentic_but_badly_padded_bodies_do_not_open() {
    let mut bodies = vec![
        vec![],
        vec![0; 3],
        [&[0, 0, 0, 1], b"1".as_slice()].concat(),
        [&[0, 0, 0, 13], [0; 12].as_slice()].concat(),
        [&[0xff; 4], [0; 12].as_slice()].concat(),
        vec![0; 32],
    ];
    let mut dirty = vec![0; 16];
    dirty[15] = 1;
    bodies.push(dirty);
    for body in bodies {
        assert!(
            strip_padding(Purpose::Msisdn, Zeroizing::new(body.clone())).is_none(),
            "{body:?}"
        );
    }
    let empty = strip_padding(Purpose::Msisdn, Zeroizing::new(vec![0; 16])).unwrap();
    assert!(empty.is_empty());
}
