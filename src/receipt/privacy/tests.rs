use super::*;
use crate::receipt::Publisher;
use crate::receipt::profile::{Profile, Profiles};

fn receipt(json: &'static str) -> Receipt {
    Receipt::read(json.into(), Publisher::Gateway, &Profiles::default()).unwrap()
}

#[test]
fn seven_digits_in_a_row_may_be_a_number() {
    assert!(has_number("DND_4477009"));
    assert!(!has_number("123456-789012"));
}

fn value_of(parted: &Parted<'_>) -> Vec<u8> {
    let mut value = Vec::new();
    parted.personal.write(&mut value);
    value
}

#[test]
fn an_id_that_is_the_receipts_own_number_is_sealed() {
    let receipt = receipt(
        r#"{"carrierId":"acme","operatorMessageId":"447700900123","stat":"DELIVRD","destAddr":"+447700900123"}"#,
    );
    let parted = Parted::of(&receipt);
    assert_eq!(parted.operator_message_id, None);
    assert!(parted.withheld);
    let value = value_of(&parted);
    assert_eq!(
        sealed_operator_message_id(&value).as_deref(),
        Some("447700900123")
    );
}

#[test]
fn the_receipts_own_number_is_found_inside_a_text() {
    let receipt = receipt(
        r#"{"carrierId":"acme","operatorMessageId":"7","stat":"UNDELIV","destAddr":"+447700900123","err":"E5 44 7700 900 123 barred"}"#,
    );
    assert_eq!(Parted::of(&receipt).err, None);
}

#[test]
fn an_id_that_tells_the_receipts_own_number_in_another_notation_is_sealed() {
    let profile = serde_json::json!({"ids": {
        "field": {"form": "hex"},
        "tlv": {"form": "decimal"},
        "stored": {"form": "decimal", "width": 16, "prefix": "gw1-"},
    }});
    let profiles = [Profile::default(), Profile::parse(&profile, 1).unwrap()].map(Profiles::every);
    for id in [
        r#""operatorMessageId":"683D0D991B""#,
        r#""operatorMessageId":"0x683d0d991b""#,
        r#""operatorMessageId":"gw1-00447700900123""#,
        r#""operatorMessageId":"447700900123@2""#,
        r#""tlv":{"receiptedMessageId":"447700900123"}"#,
        r#""rawPayload":"id:447700900123 stat:DELIVRD""#,
    ] {
        for dest in ["+447700900123", "00447700900123", "07700900123"] {
            let json =
                format!(r#"{{"carrierId":"acme",{id},"stat":"DELIVRD","destAddr":"{dest}"}}"#);
            // Of the national number hexadecimal digits tell nothing without the country.
            if dest == "07700900123" && id.contains("683") {
                continue;
            }
            for profiles in &profiles {
                let receipt =
                    Receipt::read(json.clone().into(), Publisher::Gateway, profiles).unwrap();
                let parted = Parted::of(&receipt);
                assert_eq!(parted.operator_message_id, None, "{json}");
                assert!(parted.withheld);
            }
        }
    }
}

#[test]
fn a_number_in_another_script_is_a_number() {
    let receipt = receipt(
        r#"{"carrierId":"acme","operatorMessageId":"7","stat":"DELIVRD","err":"\uff14\uff14\uff17\uff17\uff10\uff10\uff19\uff10","doneDate":"\u0664\u0664 \u0667\u0667 \u0660\u0660 \u0669\u0660"}"#,
    );
    let parted = Parted::of(&receipt);
    assert_eq!((parted.err, parted.done_date), (None, None));
}

#[test]
fn a_date_with_more_than_a_date_in_it_is_none() {
    let receipt = receipt(
        r#"{"carrierId":"acme","operatorMessageId":"7","stat":"DELIVRD","doneDate":"20261121T12Z[x447700900123]"}"#,
    );
    assert_eq!(receipt.done_at, None);
    assert_eq!(Parted::of(&receipt).done_date, None);
}

#[test]
fn an_address_in_a_date_field_is_no_date() {
    let receipt = receipt(
        r#"{"carrierId":"acme","operatorMessageId":"7","stat":"DELIVRD","destAddr":"+441212012345","doneDate":"441212012345","submitDate":"441212012346"}"#,
    );
    assert_eq!(receipt.done_at, None);
    assert_eq!(Parted::of(&receipt).done_date, None);
    assert!(receipt.submitted_at.is_some());
}

#[test]
fn an_unreadable_date_with_a_number_is_sealed_and_a_readable_one_stays() {
    let receipt = receipt(
        r#"{"carrierId":"acme","operatorMessageId":"7","stat":"DELIVRD","submitDate":"447700900123","doneDate":"2611211200"}"#,
    );
    let parted = Parted::of(&receipt);
    assert_eq!(
        (parted.submit_date, parted.done_date),
        (None, Some("2611211200"))
    );
}

#[test]
fn a_date_of_zeros_is_no_number() {
    let receipt = receipt(
        r#"{"carrierId":"acme","operatorMessageId":"7","stat":"DELIVRD","doneDate":"0000000000"}"#,
    );
    let parted = Parted::of(&receipt);
    assert_eq!(
        (parted.done_date, parted.withheld),
        (Some("0000000000"), false)
    );
}

#[test]
fn an_id_is_sealed_in_whichever_base_it_is_the_receipts_own_number() {
    let profile = serde_json::json!({"ids": {
        "field": {"form": "decimal"}, "tlv": {"form": "hex"},
        "stored": {"form": "hex"},
    }});
    let profile = Profile::parse(&profile, 1).unwrap();
    let payload = r#"{"operatorMessageId":"0447700900123","stat":"X","destAddr":"0447700900123"}"#;
    let read = Receipt::read(
        payload.into(),
        Publisher::Carrier("acme"),
        &Profiles::every(profile),
    );
    let receipt = read.unwrap();
    assert_eq!(receipt.operator_message_id(), "683d0d991b");
    let parted = Parted::of(&receipt);
    assert_eq!(parted.operator_message_id, None);
    let value = value_of(&parted);
    assert_eq!(
        sealed_operator_message_id(&value).as_deref(),
        Some("683d0d991b")
    );
}

#[test]
fn a_receipt_without_personal_data_has_nothing_to_seal() {
    let receipt = receipt(r#"{"carrierId":"acme","operatorMessageId":"7","stat":"DELIVRD"}"#);
    assert_eq!(value_of(&Parted::of(&receipt)), b"");
}
