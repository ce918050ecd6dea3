//! No reader takes more than linear time: 16 KiB of its worst input cost at most five times what
//! 4 KiB cost. A new reader is a row of [`READERS`].

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use dlr::receipt::archive::ReceiptV1;
use dlr::receipt::profile::{Profile, Profiles};
use dlr::receipt::{PAYLOAD_MAX, Publisher, Receipt, smpp_text};
use rustix::time::{ClockId, clock_gettime};

const LARGE: usize = PAYLOAD_MAX;
const SMALL: usize = LARGE / 4;
const RUNS: usize = 50;
/// A neighbour on the same core can disturb 50 runs in a row. What disturbs only adds to a time, so
/// more runs come nearer to the truth, and no nearer to 5 for what is not linear.
const RUNS_MAX: usize = 1_000;

/// The most that four times the input may cost.
const FACTOR: f64 = 5.0;

/// A shorter run would measure the clock; a longer one is seldom left alone on a busy machine.
const RUN_MIN: Duration = Duration::from_micros(100);

/// An input of about, and at most, so many bytes.
type Shape = fn(usize) -> Vec<u8>;

struct Reader {
    name: &'static str,
    read: fn(&[u8]),
    shapes: &'static [(&'static str, Shape)],
}

const READERS: [Reader; 4] = [
    Reader {
        name: "text",
        read: read_text,
        shapes: TEXT,
    },
    Reader {
        name: "JSON",
        read: read_payload,
        shapes: JSON,
    },
    Reader {
        name: "archive",
        read: read_payload,
        shapes: ARCHIVE,
    },
    Reader {
        name: "profile",
        read: read_profile,
        shapes: PROFILE,
    },
];

fn read_text(input: &[u8]) {
    let input = std::str::from_utf8(input).expect("shapes of texts are UTF-8");
    black_box(smpp_text::read(input));
}

fn read_payload(input: &[u8]) {
    drop(black_box(Receipt::read(
        Bytes::copy_from_slice(input),
        Publisher::Gateway,
        &Profiles::default(),
    )));
}

fn read_profile(input: &[u8]) {
    let document: serde_json::Value = serde_json::from_slice(input).expect("shapes are JSON");
    drop(black_box(Profile::parse(&document, 1)));
}

const ARCHIVE: &[(&str, Shape)] = &[
    // A text may be longer than its limit in the archive: it is refused, but first it is read.
    ("a long text", |size| {
        archive(size, "id:7 stat:DELIVRD text:")
    }),
    ("a text of many ids", |size| archive(size, "")),
    ("a root that points nowhere", |size| {
        let mut archive = archive(size, "");
        let root = archive.len() - 200;
        archive[root..].fill(0xff);
        archive
    }),
    ("nothing but text", |size| {
        let mut archive = vec![b'x'; size];
        archive[..6].copy_from_slice(b"DLR\x01\0\0");
        let length = u16::try_from(size - 8).unwrap();
        archive[6..8].copy_from_slice(&length.to_le_bytes());
        archive
    }),
];

/// A receipt of the given size, with a text that begins so.
fn archive(size: usize, begin: &str) -> Vec<u8> {
    const REST: usize = 400;
    let text = around(size - REST, begin, "id:9 ", "");
    let receipt = ReceiptV1 {
        operator_message_id: Some("7".into()),
        stat: Some("DELIVRD".into()),
        raw_payload: Some(String::from_utf8(text).unwrap().into()),
        ..ReceiptV1::default()
    };
    receipt.to_bytes().unwrap().into()
}

const PROFILE: &[(&str, Shape)] = &[
    ("a long name over many fields", |size| {
        let name = "x".repeat(size / 2);
        let mut json = format!("{{\"{name}\":{{\"x\":0");
        while json.len() + 16 < size {
            write!(json, ",\"{:06}\":0", json.len()).unwrap();
        }
        (json + "}}").into()
    }),
    ("a long text", |size| {
        around(size, r#"{"timeZone":""#, "x", "\"}")
    }),
];

const TEXT: &[(&str, Shape)] = &[
    ("a receipt with a long text", |size| {
        around(size, "id:7 sub:1 stat:DELIVRD err:0 text:", "Hi id:9 ", "")
    }),
    ("a receipt again and again", |size| {
        around(
            size,
            "",
            "id:7 sub:1 dlvrd:1 submit date:1 done date:1 stat:A err:0 ",
            "",
        )
    }),
    ("every label empty", |size| {
        around(
            size,
            "",
            "id: sub: dlvrd: submit date: done date: stat: err: ",
            "",
        )
    }),
    ("id: without space", |size| around(size, "", "id:", "")),
    ("id: with space", |size| around(size, "", "id: ", "")),
    ("ids of two systems", |size| {
        around(size, "", "ID:1 id:2 ", "")
    }),
    ("one long id", |size| around(size, "stat:A id:", "7", "")),
    ("one long word", |size| around(size, "", "x", "")),
    ("short words", |size| around(size, "", "a ", "")),
    ("spaces", |size| around(size, "", " ", "")),
    ("spaces of two bytes", |size| around(size, "", "\u{85}", "")),
    ("spaces of three bytes", |size| {
        around(size, "", "\u{3000}", "")
    }),
    ("spaces in a label", |size| {
        around(size, "id:7 submit", " ", "date:1")
    }),
    ("spaces in a label's half", |size| {
        around(size, "id:7 submit", "\u{a0}", "x")
    }),
    ("spaces behind a colon", |size| {
        around(size, "id:7 err:", " ", "0")
    }),
    ("halves of labels", |size| {
        around(size, "", "submit done ", "")
    }),
    ("halves behind colons", |size| {
        around(size, "", "err: submit ", "")
    }),
    ("labels with spaces", |size| {
        around(size, "", "submit      date: ", "")
    }),
    ("colons", |size| around(size, "", ":", "")),
    ("colons and spaces", |size| around(size, "", ": ", "")),
    ("text without a colon", |size| around(size, "", "text ", "")),
    ("empty texts", |size| around(size, "", "text: ", "")),
    ("fields behind an empty text", |size| {
        around(size, "id:7 text: ", "stat:A ", "text")
    }),
    ("almost labels", |size| {
        around(size, "", "idd: sta:A tex: xid:1 submit dat:1 ", "")
    }),
    ("prefixes", |size| around(size, "", "^id", "")),
    ("prefixes that end nowhere", |size| {
        around(size, "", "^", "")
    }),
    ("prefixes of other labels", |size| {
        around(size, "", "#stat:?submit ", "")
    }),
    ("vendors' fields", |size| {
        around(size, "", "mccmnc:61202 MNC=1 ", "")
    }),
    ("NULs", |size| around(size, "", "\0", "")),
    ("NULs and spaces", |size| {
        around(size, "id:7 stat:A", "\0 ", "")
    }),
    ("NULs in a value", |size| around(size, "id:", "\0", "x\0")),
    ("characters of four bytes", |size| {
        around(size, "id:", "\u{1f4e9}", "")
    }),
];

const JSON: &[(&str, Shape)] = &[
    ("unknown fields", |size| {
        let mut json = String::from(START);
        while json.len() + 16 < size {
            write!(json, ",\"x{:06}\":0", json.len()).unwrap();
        }
        (json + "}").into()
    }),
    ("one unknown field, repeated", |size| {
        around(size, START, r#","x":0"#, "}")
    }),
    ("a long array", |size| {
        around(size, &start(r#""x":[0"#), ",0", "]}")
    }),
    ("a long string", |size| {
        around(size, &start(r#""x":""#), "x", "\"}")
    }),
    ("a string of escapes", |size| {
        around(size, &start(r#""x":""#), r"\\", "\"}")
    }),
    ("an escaped text", |size| {
        around(size, &start(r#""rawPayload":""#), r"\u00e9", "\"}")
    }),
    ("a text that is too long", |size| {
        around(size, &start(r#""rawPayload":""#), "x", "\"}")
    }),
    ("a long number", |size| {
        around(size, &start(r#""x":1"#), "0", "}")
    }),
    ("a long fraction", |size| {
        around(size, &start(r#""x":1."#), "0", "}")
    }),
    ("a number for a text", |size| {
        around(size, &start(r#""err":1"#), "0", "}")
    }),
    ("a long name", |size| {
        around(size, &start("\""), "x", "\":0}")
    }),
    ("an escaped name", |size| {
        around(size, &start("\""), r"\u0041", "\":0}")
    }),
    ("arrays side by side", |size| {
        around(size, &start(r#""x":[[]"#), ",[]", "]}")
    }),
    ("arrays as deep as allowed", |size| {
        around(
            size,
            &start(r#""x":[0"#),
            ",[[[[[[[[[[[[[[0]]]]]]]]]]]]]]",
            "]}",
        )
    }),
    ("arrays without an end", |size| {
        around(size, &start(r#""x":"#), "[", "")
    }),
    ("objects without an end", |size| {
        around(size, &start(r#""x":"#), r#"{"a":"#, "")
    }),
    ("TLVs that nobody knows", |size| {
        around(size, &start(r#""tlv":{"a":0"#), r#","a":0"#, "}}")
    }),
    ("spaces before", |size| {
        around(size, "", " ", &format!("{START}}}"))
    }),
    ("spaces inside", |size| around(size, START, "\n", "}")),
    ("spaces behind", |size| {
        around(size, &format!("{START}}}"), "\t", "")
    }),
    ("spaces and nothing else", |size| around(size, "", " ", "")),
    ("a string without an end", |size| {
        around(size, &start(r#""x":""#), "\u{e9}", "")
    }),
];

/// A receipt that lacks its closing brace.
const START: &str = r#"{"carrierId":"acme","operatorMessageId":"7","stat":"DELIVRD""#;

fn start(field: &str) -> String {
    format!("{START},{field}")
}

/// `before`, then `piece` as often as it fits, then `after`.
fn around(size: usize, before: &str, piece: &str, after: &str) -> Vec<u8> {
    let times = (size - before.len() - after.len()) / piece.len();
    [before, &piece.repeat(times), after].concat().into_bytes()
}

/// What this thread has used of a processor: another's turn on a busy machine costs nothing.
fn processor_time() -> Duration {
    let used = clock_gettime(ClockId::ThreadCPUTime);
    used.try_into().expect("a thread's time is not negative")
}

/// What `times` readings of an input cost.
fn run(read: fn(&[u8]), input: &[u8], times: u32) -> Duration {
    let begun = processor_time();
    for _ in 0..times {
        read(black_box(input));
    }
    processor_time().saturating_sub(begun)
}

/// How many times as long the large input takes as the small one, each in the quickest of its runs.
fn ratio(read: fn(&[u8]), shape: Shape) -> f64 {
    let (small, large) = (shape(SMALL), shape(LARGE));
    let mut times = 1;
    while run(read, &large, times) < RUN_MIN {
        times *= 2;
    }
    let (mut small_took, mut large_took) = (Duration::MAX, Duration::MAX);
    // In turns and with runs of the same length, so that what disturbs one disturbs the other.
    let mut ratio = f64::INFINITY;
    for runs in 1..=RUNS_MAX {
        small_took = small_took.min(run(read, &small, 4 * times));
        large_took = large_took.min(run(read, &large, times));
        ratio = 4.0 * large_took.as_secs_f64() / small_took.as_secs_f64();
        if runs >= RUNS && ratio <= FACTOR {
            break;
        }
    }
    ratio
}

#[test]
fn four_times_the_input_takes_a_reader_at_most_five_times_as_long() {
    let mut slow = Vec::new();
    for reader in &READERS {
        for (name, shape) in reader.shapes {
            let ratio = ratio(reader.read, *shape);
            if ratio > FACTOR {
                slow.push(format!("{}, {name}: {ratio:.2} times", reader.name));
            }
        }
    }
    assert!(slow.is_empty(), "{slow:#?}");
}

#[test]
fn the_measure_finds_a_reader_that_is_not_linear() {
    let searches_for_every_byte = |input: &[u8]| {
        for at in (0..input.len()).step_by(64) {
            black_box(input[at..].iter().position(|byte| *byte == b'!'));
        }
    };
    assert!(ratio(searches_for_every_byte, |size| vec![b'x'; size]) > 10.0);
}
