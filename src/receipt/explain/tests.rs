use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::receipt::privacy::has_number;
use crate::receipt::profile::Profile;

fn explain(profile: &Value, receipt: &Value) -> Explanation {
    let profile = Profile::parse(profile, 1).unwrap();
    let payload = receipt.to_string().into();
    Explanation::of(
        payload,
        Publisher::Carrier("acme"),
        &Profiles::every(profile),
    )
    .unwrap()
}

#[test]
fn every_source_is_told_and_the_one_that_counts() {
    let profile = json!({"ids": {
        "field": {"form": "ignore"}, "tlv": {"form": "hex"}, "text": {"form": "decimal"},
        "stored": {"form": "decimal", "width": 10},
    }});
    let told = explain(
        &profile,
        &json!({
            "operatorMessageId": "ours", "messageState": 7, "stat": "MOONED",
            "networkErrorCode": "030045", "doneDate": "soon",
            "tlv": {"receiptedMessageId": "38601fa", "messageState": 200},
            "rawPayload": "id:0059113979 submit date:2611211200 stat:UNDELIV",
        }),
    );
    let shown = json!({"ids": told.ids, "states": told.states, "dates": told.dates});
    let id = |source, notation, written, key: Option<&str>, counts| {
        json!({"source": source, "notation": notation, "written": written, "key": key,
               "isInNotation": key.is_some(), "counts": counts})
    };
    let state = |source, said, status: Option<&str>, counts| json!({"source": source, "said": said, "status": status, "counts": counts});
    let expected = json!({
        "ids": [
            id("field", "ignore", "ours", None, false),
            id("tlv", "hex", "38601fa", Some("0059113978"), true),
            id("text", "decimal", "0059113979", Some("0059113979"), false),
        ],
        "states": [
            state("tlv.messageState", "200", None, false),
            state("messageState", "7", Some("unknown"), false),
            state("stat", "MOONED", None, false),
            state("text", "UNDELIV", Some("failed"), true),
        ],
        "dates": [
            {"field": "submitDate", "written": "2611211200", "at": "2026-11-21T12:00:00Z"},
            {"field": "doneDate", "written": "soon", "at": null},
        ],
    });
    assert_eq!(shown, expected);
    assert_eq!(told.network_error.as_deref(), Some("GSM 0x0045"));
    assert!(told.receipt.id_disagrees);
}

#[test]
fn what_is_rejected_is_rejected_the_same() {
    let payload = || Bytes::from_static(br#"{"operatorMessageId":"7"}"#);
    let told = Explanation::of(payload(), Publisher::Gateway, &Profiles::default());
    let read = Receipt::read(payload(), Publisher::Gateway, &Profiles::default());
    assert_eq!(told.unwrap_err(), read.unwrap_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn the_receipts_own_number_is_not_told(
        number in "[1-9][0-9]{7,13}",
        place in 0..6_usize,
    ) {
        let at = |here: usize, otherwise: &str| {
            if here == place { number.clone() } else { otherwise.to_owned() }
        };
        let told = explain(
            &json!({"ids": {
                "field": {"form": "decimal"}, "tlv": {"form": "verbatim"},
                "text": {"form": "decimal"}, "stored": {"form": "hex"},
            }}),
            &json!({
                "destAddr": format!("+{number}"), "operatorMessageId": at(0, "7"),
                "stat": at(1, "X"), "submitDate": at(2, "soon"), "messageState": 2,
                "tlv": {"receiptedMessageId": at(3, "7")},
                "rawPayload": format!("id:{} stat:{} err:1", at(4, "7"), at(5, "Y")),
            }),
        );
        let shown = json!({"ids": told.ids, "states": told.states, "dates": told.dates});
        let shown = shown.to_string();
        let hex = format!("{:x}", number.parse::<u64>().unwrap());
        prop_assert!(!has_number(&shown) && !shown.contains(&format!("\"{hex}\"")), "{}", shown);
        prop_assert_eq!(told.states.iter().filter(|it| it.counts).count(), 1);
        prop_assert_eq!(told.ids.iter().filter(|it| it.counts).count(), 1);
    }
}
