//! Further ways in: the carrier's own text, TLVs, archives, ids in another notation.

use bytes::Bytes;
use dlr::receipt::archive::{ReceiptV1, TlvV1};

use super::canary::in_base_16;
use crate::support::TestApp;

/// A carrier whose ids come in base 16, and stand in the orchestrator's table in another way.
const PROFILE: &str = r#"{"ids": {
    "field": {"form": "hex", "stripPrefix": "x-"},
    "tlv": {"form": "decimal"},
    "text": {"form": "hex"},
    "stored": {"form": "decimal", "width": 14, "prefix": "mo7-"}
}}"#;

/// The messages of [`matched`].
pub(super) async fn fill(app: &TestApp) {
    let insert = "INSERT INTO dlr_conf.carrier_profiles (carrier_id, revision, profile)
        VALUES ('hexa', 1, $1::text::jsonb)";
    app.sql.execute(insert, &[&PROFILE]).await.unwrap();
    app.message_of("hexa", "mo7-00447700900445").await;
    for id in ["gw1-447700900445", "8", "9"] {
        app.message(id).await;
    }
}

/// What ends as applied or recorded.
pub(super) fn matched() -> Vec<Bytes> {
    let hex = in_base_16("447700900445");
    let in_text = r#""sourceAddr":"447700900234","rawPayload":"id:447700900123 sub:001 dlvrd:001
        submit date:447700900567 done date:447700900567 stat:DND_447700900789 err:447700900345
        text:call +447700900678""#
        .replace('\n', " ");
    let own = r#""destAddr":"+447700900445""#;
    let json = [
        format!(r#"{{"carrierId":"acme","destAddr":"+447700900123",{in_text}}}"#),
        format!(r#"{{"carrierId":"hexa","operatorMessageId":"x-{hex}","stat":"DELIVRD",{own}}}"#),
        format!(r#"{{"carrierId":"hexa","rawPayload":"id:{hex} stat:EXPIRED err:000",{own}}}"#),
        r#"{"carrierId":"hexa","tlv":{"receiptedMessageId":"447700900445","messageState":5,
            "networkErrorCode":"447700900456"},"destAddr":"00447700900445"}"#
            .to_owned(),
        format!(
            r#"{{"carrierId":"acme","operatorMessageId":"gw1-447700900445","stat":"ACCEPTD",{own}}}"#
        ),
        r#"{"carrierId":"acme","operatorMessageId":"8","stat":"RT:0148","err":"\u001b[2J",
            "submitDate":"20261121T12Z[x447700900567]"}"#
            .to_owned(),
    ];
    let archive = ReceiptV1 {
        carrier_id: Some("acme".into()),
        operator_message_id: Some("9".into()),
        stat: Some("447700900789".into()),
        err: Some("\u{1b}[2J447700900345".into()),
        network_error_code: Some("447700900456".into()),
        submit_date: Some("447700900567".into()),
        done_date: Some("+44 7700 900567".into()),
        source_addr: Some("+447700900234".into()),
        dest_addr: Some("447700900123".into()),
        raw_payload: Some("to 447700900678".into()),
        tlv: TlvV1 {
            receipted_message_id: Some("447700900123".into()),
            network_error_code: Some("447700900456".into()),
            ..TlvV1::default()
        },
        ..ReceiptV1::default()
    };
    let archive = archive.to_bytes().unwrap();
    json.into_iter().map(Bytes::from).chain([archive]).collect()
}

/// What finds no message, now or later.
pub(super) fn parked() -> Vec<Bytes> {
    let hex = in_base_16("447700900556");
    let own = r#""destAddr":"+447700900556""#;
    [
        format!(r#"{{"carrierId":"hexa","operatorMessageId":"x-{hex}","stat":"DELIVRD",{own}}}"#),
        format!(r#"{{"carrierId":"hexa","operatorMessageId":"{hex}.1","stat":"DELIVRD",{own}}}"#),
        format!(r#"{{"carrierId":"acme","rawPayload":"id:{hex} stat:EXPIRED err:000",{own}}}"#),
        format!(r#"{{"carrierId":"acme","operatorMessageId":"447700900556-2","stat":"A",{own}}}"#),
    ]
    .map(Bytes::from)
    .into()
}
