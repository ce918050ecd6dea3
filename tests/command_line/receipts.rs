//! `dlr receipts check`: what an integration engineer is told about a gateway's payloads.

use std::fmt::Write as _;

use dlr::receipt::PAYLOAD_MAX;
use dlr::receipt::archive::ReceiptV1;
use serde_json::{Value, json};

use super::{Folder, dlr, text};

/// One of each kind of receipt that is read.
fn receipts() -> Vec<Value> {
    let text = |stat| {
        format!(
            "id:0059113978 sub:001 dlvrd:001 submit date:2611211200 done date:2611211201 \
             stat:{stat} err:069 text:MCC=270"
        )
    };
    vec![
        json!({"carrierId": "acme", "operatorMessageId": "0059113978", "stat": "delivrd",
            "submitDate": "201101101010", "doneDate": "2611211201", "err": "000",
            "networkErrorCode": "030045", "sourceAddr": "ACME", "destAddr": "+447700900123",
            "receivedAt": "2026-11-21T12:01:02Z"}),
        // Text and TLV: the id in two bases, and the state not the same.
        json!({"carrierId": "acme", "rawPayload": text("DELIVRD"),
            "tlv": {"receiptedMessageId": "38601fa", "messageState": 5}}),
        // UNKNOWN yields, and a word that nobody knows.
        json!({"carrierId": "acme", "operatorMessageId": "0059113978", "messageState": 7,
            "stat": "MOONED", "rawPayload": text("UNDELIV")}),
        json!({"carrierId": "acme", "operatorMessageId": "0059113978", "stat": "MOONED"}),
        // In no notation but verbatim.
        json!({"carrierId": "acme", "stat": "ACCEPTD",
            "operatorMessageId": "0e999f21-3a0c-4a5c-9d5b-0123456789ab"}),
        // Numbers where none belongs, and what would steer a terminal.
        json!({"carrierId": "acme", "operatorMessageId": "447700900123", "stat": "UNDELIV",
            "err": "+44 7700 900123", "doneDate": "447700900123", "destAddr": "447700900123"}),
        json!({"carrierId": "acme", "operatorMessageId": "7", "stat": "ENROUTE",
            "err": "\u{1b}[2J", "submitDate": "0000000000"}),
    ]
}

/// One of each class of rejection that a line can have.
fn rejections() -> Vec<String> {
    let with = |fields: &str| format!(r#"{{"operatorMessageId":"7","stat":"DELIVRD"{fields}}}"#);
    vec![
        "hello".to_owned(),
        with("").replace('}', ""),
        with("") + "x",
        with(&format!(r#","x":{}{}"#, "[".repeat(17), "]".repeat(17))),
        with(r#","err":"a\u0000""#),
        with(r#","stat":"DELIVRD""#),
        with(r#","tlv":{"messageState":"2"}"#),
        with(&format!(r#","destAddr":"{}""#, "4".repeat(22))),
        with(r#","messageState":256"#),
        with(r#","accountId":"seven""#),
        with(r#","receivedAt":"today""#),
        with(r#","carrierId":"Acme""#),
        with(r#","carrierId":"other""#),
        r#"{"stat":"DELIVRD"}"#.to_owned(),
        r#"{"operatorMessageId":"7","rawPayload":"See you at 5"}"#.to_owned(),
        with(&format!(r#","x":"{}""#, "x".repeat(PAYLOAD_MAX))),
    ]
}

const TWO_BASES: &str = r#"{
    "ids": {
        "field": {"form": "decimal"}, "tlv": {"form": "hex"}, "text": {"form": "decimal"},
        "stored": {"form": "hex", "width": 8}
    },
    "words": {"MOONED": "failed"}, "accepted": "delivered", "timeZone": "Europe/Berlin"
}"#;

/// What a command says and with which code it ends, without the folder's name.
fn session(folder: &Folder, commands: &[&[&str]]) -> String {
    let mut shown = String::new();
    for arguments in commands {
        let paths = arguments.iter().map(|it| match it.strip_prefix('@') {
            Some(name) => folder.path(name),
            None => (*it).to_owned(),
        });
        let paths: Vec<String> = ["receipts", "check"]
            .map(str::to_owned)
            .into_iter()
            .chain(paths)
            .collect();
        let output = dlr(&paths.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
        let code = output.status.code().unwrap();
        let said = [text(&output.stdout), text(&output.stderr)].concat();
        let typed = arguments.join(" ").replace('@', "");
        writeln!(shown, "$ dlr receipts check {typed}   # {code}\n{said}").unwrap();
    }
    shown.replace(&folder.path(""), "")
}

#[test]
fn each_line_is_told_source_by_source() {
    let folder = Folder::new();
    let mut lines = String::new();
    for receipt in receipts() {
        writeln!(lines, "{receipt}").unwrap();
    }
    lines.push_str("\r\nid:0059113978 done date:2611211201 stat:EXPIRED err:000\r\n");
    folder.write("receipts", 0o600, lines.as_bytes());
    folder.write("two-bases.json", 0o600, TWO_BASES.as_bytes());
    let shown = session(
        &folder,
        &[
            &["@receipts"],
            &[
                "@receipts",
                "--carrier",
                "acme",
                "--profile",
                "@two-bases.json",
            ],
            &[
                "@receipts",
                "--carrier",
                "acme",
                "--status",
                "delivered",
                "--json",
            ],
        ],
    );
    assert!(!shown.contains("447700900123") && !shown.contains('\u{1b}'));
    insta::assert_snapshot!("receipts_check", shown);
}

#[test]
fn each_class_of_rejection_is_told_in_a_sentence() {
    let folder = Folder::new();
    folder.write("rejected", 0o600, rejections().join("\n").as_bytes());
    folder.write("not-utf8", 0o600, b"{\"a\":\"\xff\"}");
    folder.write("archive-of-tomorrow", 0o600, b"DLR\x02\0\0\0\0");
    folder.write("broken-archive", 0o600, b"DLR\x01\0\0\x01\0\n");
    let shown = session(
        &folder,
        &[
            &["@rejected", "--carrier", "acme"],
            &["@not-utf8"],
            &["@archive-of-tomorrow"],
            &["@broken-archive"],
        ],
    );
    insta::assert_snapshot!("receipts_check_rejected", shown);
    let reasons: std::collections::BTreeSet<&str> = shown
        .lines()
        .filter_map(|line| line.split_once(": rejected, ")?.1.split(' ').next())
        .collect();
    // No line is empty, --carrier is never a bad subject, and the others depend on the carrier.
    let told_elsewhere = [
        "empty",
        "bad_subject",
        "carrier_is_number",
        "missing_carrier",
    ];
    let missing: Vec<&str> = dlr::receipt::Rejection::REASONS
        .into_iter()
        .filter(|reason| !reasons.contains(reason) && !told_elsewhere.contains(reason))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn an_archive_is_one_receipt() {
    let folder = Folder::new();
    let receipt = ReceiptV1 {
        carrier_id: Some("acme".into()),
        raw_payload: Some("id:7 stat:DELIVRD\nerr:000".into()),
        ..ReceiptV1::default()
    };
    folder.write("archive", 0o600, &receipt.to_bytes().unwrap());
    let shown = session(&folder, &[&["@archive", "--json"]]);
    let (_, json) = shown.split_once('\n').unwrap();
    let report: Value = serde_json::from_str(json).unwrap();
    assert_eq!(report["readAs"], "archive");
    assert_eq!(report["receipt"]["operatorMessageId"], "7");
    assert_eq!(report["receipt"]["err"], "000");
}

#[test]
fn what_it_cannot_begin_with_is_told_in_one_line() {
    let folder = Folder::new();
    folder.write("receipts", 0o600, b"");
    folder.write(
        "octal.json",
        0o600,
        br#"{"ids": {"text": {"form": "octal"}}}"#,
    );
    let shown = session(
        &folder,
        &[
            &["@receipts"],
            &["@nowhere"],
            &["@receipts", "--profile", "@octal.json"],
            &["@receipts", "--from-database"],
        ],
    );
    insta::assert_snapshot!("receipts_check_refused", shown);
}
