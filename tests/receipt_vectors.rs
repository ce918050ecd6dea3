//! What the text reader makes of other projects' receipts: `tests/vectors/README.md`.

use std::io::{self, Write as _};

use dlr::receipt::smpp_text::{self, SmppText};
use dlr::receipt::status::{MessageState, Status};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vector {
    source: String,
    kind: String,
    raw: String,
    expected: Fields,
    #[serde(default)]
    tlv: Tlv,
    #[serde(default)]
    expect_not_a_receipt: bool,
}

#[derive(Deserialize)]
struct Fields {
    id: Option<String>,
    sub: Option<String>,
    dlvrd: Option<String>,
    submit_date: Option<String>,
    done_date: Option<String>,
    stat: Option<String>,
    err: Option<String>,
    text: Option<String>,
}

#[derive(Default, Deserialize)]
struct Tlv {
    receipted_message_id: Option<String>,
    message_state: Option<u8>,
}

const NAMES: [&str; 8] = [
    "id",
    "stat",
    "sub",
    "dlvrd",
    "submit date",
    "done date",
    "err",
    "text",
];

impl Fields {
    /// In the order of [`NAMES`]. Empty is absent; the reader gives no white space around a text.
    fn all(&self) -> [Option<&str>; 8] {
        [
            &self.id,
            &self.stat,
            &self.sub,
            &self.dlvrd,
            &self.submit_date,
            &self.done_date,
            &self.err,
            &self.text,
        ]
        .map(|field| field.as_deref().map(str::trim).filter(|it| !it.is_empty()))
    }
}

fn all<'a>(read: &SmppText<'a>) -> [Option<&'a str>; 8] {
    [
        read.id,
        read.stat,
        read.sub,
        read.dlvrd,
        read.submit_date,
        read.done_date,
        read.err,
        read.text,
    ]
}

fn vectors() -> Vec<Vector> {
    let lines = include_str!("vectors/receipts.jsonl").lines();
    lines
        .map(|line| serde_json::from_str(line).expect("a vector"))
        .collect()
}

/// What text and TLVs say together (CONTRACT §3: the TLV first), for the kind that is about that.
fn read(vector: &Vector) -> Option<SmppText<'_>> {
    let read = smpp_text::read(&vector.raw);
    if vector.kind != "smpp_text_tlv" {
        return read;
    }
    let mut read = read.unwrap_or_default();
    read.id = vector.tlv.receipted_message_id.as_deref().or(read.id);
    if let Some(state) = vector.tlv.message_state.map(MessageState) {
        // The carrier's word, where it says what the state says.
        let agrees = |stat: &&str| Status::from_word(stat) == state.status();
        read.stat = read.stat.filter(agrees).or_else(|| state.word());
    }
    Some(read)
}

#[test]
fn every_vector_of_smpp_text_gives_its_id_and_state_and_no_other_text_is_a_receipt() {
    let vectors = vectors();
    let (receipts, others): (Vec<_>, Vec<_>) = vectors
        .iter()
        .filter(|vector| vector.kind.starts_with("smpp_text"))
        .partition(|vector| !vector.expect_not_a_receipt);
    assert_eq!(
        (receipts.len(), others.len()),
        (128, 7),
        "the file is whole"
    );

    let mut exact = [0; NAMES.len()];
    let mut both = 0;
    let mut wrong = Vec::new();
    for vector in &receipts {
        let found = all(&read(vector).unwrap_or_default());
        let expected = vector.expected.all();
        for (exact, (found, expected)) in exact.iter_mut().zip(found.iter().zip(expected)) {
            *exact += usize::from(*found == expected);
        }
        both += usize::from(found[..2] == expected[..2]);
        if found != expected {
            wrong.push((&vector.source, &vector.raw, found));
        }
    }
    let mut out = io::stdout().lock();
    let of = receipts.len();
    writeln!(out, "SMPP receipt texts of others, fields read exactly:").unwrap();
    for (name, exact) in NAMES.iter().zip(exact).chain([(&"id and stat", both)]) {
        writeln!(out, "{name:>12}: {exact} of {of}").unwrap();
    }
    assert!(wrong.is_empty(), "{wrong:#?}");

    for vector in others {
        assert_eq!(read(vector), None, "{:?} is no receipt", vector.raw);
    }
}

#[test]
fn what_is_no_smpp_text_is_no_receipt_or_misses_what_text_cannot_carry() {
    let vectors = vectors();
    let foreign: Vec<_> = vectors
        .iter()
        .filter(|vector| !vector.kind.starts_with("smpp_text"))
        .collect();
    assert_eq!(foreign.len(), 20, "the file is whole");
    for vector in foreign {
        let read = read(vector);
        if vector.kind == "smgp_bytes" && !vector.source.contains("Hndx") {
            let mut expected = vector.expected.all();
            expected[0] = None;
            assert_eq!(all(&read.unwrap()), expected, "{:?}", vector.raw);
        } else {
            assert_eq!(read, None, "{:?}", vector.raw);
        }
    }
}
