//! Archives that no writer of ours makes.

use super::*;

/// Bytes of a text in the root: whether it is there, where from here on, and how long.
const TEXT: usize = 9;

/// Where the root of a payload begins.
fn root(payload: &[u8]) -> usize {
    payload.len() - v1::ROOT_LENGTH
}

/// A payload whose carrier (the first text of the root) points elsewhere, by as many bytes from the
/// beginning of the texts as `start` says.
fn with_carrier_at(payload: &[u8], start: i32, length: u32) -> Vec<u8> {
    let pointer = root(payload) + 1;
    let from_pointer = start - i32::try_from(pointer - PREFIX).unwrap();
    let mut payload = payload.to_vec();
    payload[pointer..pointer + 4].copy_from_slice(&from_pointer.to_le_bytes());
    payload[pointer + 4..pointer + 8].copy_from_slice(&length.to_le_bytes());
    payload
}

#[test]
fn a_pointer_is_followed_only_to_where_the_writer_put_it() {
    let good = bytes_of(&least());
    let texts = i32::try_from(root(&good) - PREFIX).unwrap();
    assert_eq!(with_carrier_at(&good, 0, 4), good, "the layout is another");
    for (start, length, what) in [
        (-8, 4, "into the prefix"),
        (-1, 4, "before the archive"),
        (i32::MIN / 2, 4, "far before the archive"),
        (texts, 4, "into the root"),
        (texts + 1_000, 4, "behind the archive"),
        (i32::MAX / 2, 4, "far behind the archive"),
        (1, 4, "into the text of another field"),
        (0, 5, "over the text of another field"),
        (0, 3, "leaving a byte to nobody"),
        (0, 0, "leaving all bytes to nobody"),
        (0, 16 * 1024, "beyond the archive"),
        (0, i32::MAX.cast_unsigned(), "2 GiB long"),
        (0, u32::MAX, "4 GiB long"),
        (-1, u32::MAX, "all around the address space"),
    ] {
        let rejection = read(with_carrier_at(&good, start, length)).expect_err(what);
        assert_eq!(rejection, Rejection::MalformedArchive, "{what}");
    }
}

#[test]
fn two_fields_cannot_share_a_text() {
    let twice = ReceiptV1 {
        carrier_id: Some("same".into()),
        operator_message_id: Some("same".into()),
        ..least()
    };
    let mut payload = bytes_of(&twice);
    // The second pointer is made to say what the first does, and the second text goes.
    let second = root(&payload) + TEXT + 1;
    let first: [u8; 4] = payload[second - TEXT..second - TEXT + 4]
        .try_into()
        .unwrap();
    let shared = i32::from_le_bytes(first) - i32::try_from(TEXT).unwrap();
    payload[second..second + 4].copy_from_slice(&shared.to_le_bytes());
    assert_eq!(
        read(payload.clone()).unwrap_err(),
        Rejection::MalformedArchive
    );
    payload.drain(PREFIX + 4..PREFIX + 8);
    let payload = with_carrier_at(&with_its_length(payload), 0, 4);
    assert_eq!(read(payload).unwrap_err(), Rejection::MalformedArchive);
}

#[test]
fn a_text_that_ends_within_a_character_is_no_text() {
    let receipt = ReceiptV1 {
        carrier_id: Some("é".into()),
        ..least()
    };
    let good = bytes_of(&receipt);
    let rejection = read(good.clone()).unwrap_err();
    assert_eq!(rejection.to_string(), "bad_characters (carrierId)");
    let payload = with_carrier_at(&good, 0, 1);
    assert_eq!(read(payload).unwrap_err(), Rejection::MalformedArchive);
}

#[test]
fn bytes_that_belong_to_no_field_are_refused() {
    let good = bytes_of(&least());
    let at_text = |at: usize| {
        let mut payload = good.clone();
        payload.insert(at, b'x');
        payload
    };
    for (payload, what) in [
        (at_text(PREFIX), "before the texts"),
        (at_text(root(&good)), "before the root"),
        (at_text(good.len()), "behind the root"),
    ] {
        let rejection = read(payload.clone()).expect_err(what);
        assert_eq!(rejection, Rejection::MalformedArchive, "{what}");
        let rejection = read(with_its_length(payload)).expect_err(what);
        assert_eq!(
            rejection,
            Rejection::MalformedArchive,
            "{what}, with the length right"
        );
    }
}

#[test]
fn an_archive_of_something_else_is_malformed() {
    for length in [0, 1, v1::ROOT_LENGTH - 1] {
        let payload = [&V1[..], &[0; 2], &vec![0; length]].concat();
        let rejection = read(with_its_length(payload)).unwrap_err();
        assert_eq!(rejection, Rejection::MalformedArchive, "{length} zeros");
    }
    // All zeros are a receipt without any field.
    let payload = [&V1[..], &[0; 2], &[0; v1::ROOT_LENGTH]].concat();
    let rejection = read(with_its_length(payload)).unwrap_err();
    assert_eq!(rejection, Rejection::MissingCarrier);
    let payload = [&V1[..], &[0; 2], &[0xff; 400]].concat();
    let rejection = read(with_its_length(payload)).unwrap_err();
    assert_eq!(rejection, Rejection::NotUtf8);
}

#[test]
fn texts_have_the_faults_that_they_have_in_json() {
    let mut payload = bytes_of(&least());
    payload[PREFIX] = 0xff;
    assert_eq!(read(payload.clone()).unwrap_err(), Rejection::NotUtf8);
    payload[PREFIX] = 0;
    assert_eq!(read(payload).unwrap_err(), Rejection::ContainsNul);
}

#[test]
fn a_time_out_of_bounds_is_a_bad_timestamp() {
    let receipt = ReceiptV1 {
        received_at: Some(Timestamp::UNIX_EPOCH),
        ..least()
    };
    let mut payload = bytes_of(&receipt);
    let micros = payload.len() - 8;
    for at in [i64::MIN, i64::MAX, -2_208_988_801_000_000] {
        payload[micros..].copy_from_slice(&at.to_le_bytes());
        let rejection = read(payload.clone()).unwrap_err();
        assert_eq!(rejection.to_string(), "bad_timestamp (receivedAt)");
    }
}

#[test]
fn whatever_a_root_says_nothing_panics() {
    let good = STORED_V1;
    let root = root(good);
    for at in root..good.len() - 3 {
        for number in [0, 1, 0x7f, 0xff, 0x4000, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
            for number in [number, u32::MAX - number, number.swap_bytes()] {
                let mut payload = good.to_vec();
                payload[at..at + 4].copy_from_slice(&number.to_le_bytes());
                drop(read(payload));
            }
        }
    }
}
