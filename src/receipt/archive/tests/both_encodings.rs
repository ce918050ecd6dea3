//! The same receipts in both encodings give the same.

use std::cell::Cell;

use jiff::Timestamp;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::json;

use super::*;
use crate::receipt::PhoneNumber;
use crate::receipt::profile::Profile;

type Text = Option<Box<str>>;

fn json_of(receipt: &ReceiptV1) -> Vec<u8> {
    let json = json!({
        "carrierId": receipt.carrier_id,
        "operatorMessageId": receipt.operator_message_id,
        "stat": receipt.stat,
        "messageState": receipt.message_state,
        "err": receipt.err,
        "networkErrorCode": receipt.network_error_code,
        "submitDate": receipt.submit_date,
        "doneDate": receipt.done_date,
        "sourceAddr": receipt.source_addr,
        "destAddr": receipt.dest_addr,
        "accountId": receipt.account_id,
        "messageId": receipt.message_id,
        "sub": receipt.sub,
        "dlvrd": receipt.dlvrd,
        "tlv": {
            "receiptedMessageId": receipt.tlv.receipted_message_id,
            "messageState": receipt.tlv.message_state,
            "networkErrorCode": receipt.tlv.network_error_code,
        },
        "rawPayload": receipt.raw_payload,
        "receivedAt": receipt.received_at,
    });
    serde_json::to_vec(&json).unwrap()
}

/// Everything that can be asked of a receipt.
fn facts(receipt: &Receipt) -> impl PartialEq + std::fmt::Debug + use<> {
    let texts = [
        Some(receipt.carrier()),
        Some(receipt.operator_message_id()),
        Some(receipt.written_id()),
        receipt.stat(),
        receipt.err(),
        receipt.network_error_code(),
        receipt.submit_date(),
        receipt.done_date(),
        receipt.source().map(PhoneNumber::expose),
        receipt.dest().map(PhoneNumber::expose),
        Some(&receipt.status_word()),
    ]
    .map(|text| text.map(str::to_owned));
    let states = (receipt.message_state(), receipt.status());
    let ids = [receipt.account_id, receipt.message_id];
    let times = [receipt.submitted_at, receipt.done_at, receipt.received_at];
    let flags = [
        receipt.id_in_notation,
        receipt.id_disagrees,
        receipt.state_disagrees,
    ];
    (texts, states, ids, times, flags)
}

/// A field's text: absent, as it should be, or anything.
fn text(usual: &'static str, present: f64) -> impl Strategy<Value = Text> {
    let unusual = prop_oneof![
        Just(String::new()),
        any::<String>(),
        "[a-z0-9 ]{20,140}",
        Just("é".repeat(33)),
        Just("x".repeat(4_097)),
        Just("a\0b".to_owned()),
        Just("447700900123".to_owned()),
    ];
    let value = prop_oneof![60 => usual, 1 => unusual];
    prop::option::weighted(present, value.prop_map(String::into_boxed_str))
}

fn state() -> impl Strategy<Value = Option<u8>> {
    prop::option::of(prop_oneof![9 => 0..=9_u8, 1 => any::<u8>()])
}

fn time() -> impl Strategy<Value = Option<Timestamp>> {
    let sensible = (0..4_000_000_000_000_000_000_i128).prop_map(Timestamp::from_nanosecond);
    let any = (Timestamp::MIN.as_nanosecond()..=Timestamp::MAX.as_nanosecond())
        .prop_map(Timestamp::from_nanosecond);
    let value = prop_oneof![20 => sensible, 1 => any];
    prop::option::of(value.prop_map(Result::unwrap))
}

fn receipt() -> impl Strategy<Value = ReceiptV1> {
    let id = "[0-9]{1,12}|[0-9A-F]{8}|[!-~]{1,128}";
    let word = "DELIVRD|undeliv|ENROUTE|UNKNOWN|EXPIRED|[A-Za-z0-9_:-]{1,32}";
    let date = "2[0-9]{9}|20[0-9]{10}|20[0-9]{12}|2026-1[0-2]-[012][1-9]T12:00:00Z|0{10}|.{0,32}";
    let number = r"\+?4477009[0-9]{5}|[A-Za-z ]{1,11}|.{0,21}";
    let identity = (text("acme|[a-z0-9_-]{1,64}", 0.97), text(id, 0.9));
    let states = (text(word, 0.8), state(), text("[0-9]{1,4}|.{0,32}", 0.5));
    let codes = (
        text("[0-9]{4}|.{0,16}", 0.3),
        text(date, 0.5),
        text(date, 0.5),
    );
    let addresses = (text(number, 0.5), text(number, 0.5));
    let uuid = || prop::option::of(any::<u128>().prop_map(Uuid::from_u128));
    let counts = (uuid(), uuid(), text("00[0-9]", 0.3), text(".{0,8}", 0.3));
    let tlv = (text(id, 0.4), state(), text("[0-9]{4}|.{0,16}", 0.3));
    let raw = "id:[0-9]{1,12} sub:001 dlvrd:001 submit date:2611211200 done date:2611211201 \
        stat:(DELIVRD|UNDELIV) err:000 text:.{0,20}|.{0,200}";
    let rest = (tlv, text(raw, 0.4), time());
    let fields = (identity, states, codes, addresses, counts, rest);
    fields.prop_map(|(identity, states, codes, addresses, counts, rest)| {
        let (tlv, raw_payload, received_at) = rest;
        ReceiptV1 {
            carrier_id: identity.0,
            operator_message_id: identity.1,
            stat: states.0,
            message_state: states.1,
            err: states.2,
            network_error_code: codes.0,
            submit_date: codes.1,
            done_date: codes.2,
            source_addr: addresses.0,
            dest_addr: addresses.1,
            account_id: counts.0,
            message_id: counts.1,
            sub: counts.2,
            dlvrd: counts.3,
            tlv: TlvV1 {
                receipted_message_id: tlv.0,
                message_state: tlv.1,
                network_error_code: tlv.2,
            },
            raw_payload,
            received_at,
        }
    })
}

#[test]
fn a_receipt_means_the_same_in_both_encodings() {
    const CASES: u32 = 10_000;
    let converting = json!({"ids": {
        "field": {"form": "hex"}, "tlv": {"form": "hex"}, "text": {"form": "decimal"},
        "stored": {"form": "decimal", "width": 10},
    }});
    let converting = Profile::parse(&converting, 1).unwrap();
    let profiles = [Profiles::default(), Profiles::every(converting)];
    let subjects = [Publisher::Gateway, Publisher::Carrier("acme")];
    let accepted = Cell::new(0);
    let mut runner = TestRunner::new(ProptestConfig::with_cases(CASES));
    let outcome = runner.run(&receipt(), |receipt| {
        let json = json_of(&receipt);
        let said = String::from_utf8_lossy(&json).into_owned();
        for (publisher, profiles) in subjects.into_iter().zip(&profiles) {
            let archive = Receipt::read(receipt.to_bytes().unwrap(), publisher, profiles);
            let json = Receipt::read(json.clone().into(), publisher, profiles);
            accepted.set(accepted.get() + u32::from(archive.is_ok()));
            let [archive, json] = [archive, json].map(|it| it.map(|it| facts(&it)));
            prop_assert_eq!(archive, json, "{}", said);
        }
        Ok(())
    });
    outcome.unwrap();
    let share = f64::from(accepted.get()) / f64::from(2 * CASES);
    assert!((0.2..0.8).contains(&share), "{share} of all were accepted");
}
