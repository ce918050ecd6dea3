mod encoding;

use uuid::Uuid;

use super::*;
use crate::receipt::decision::{Because, Message, Resolution};
use crate::receipt::ids::ReceiptId;

fn decision() -> Decision<'static> {
    Decision {
        receipt_id: ReceiptId(Uuid::from_u128(1)),
        verdict: Verdict::Applied,
        message: Message {
            id: Uuid::from_u128(2),
            account_id: Uuid::from_u128(3),
            segment: Some(1),
            segments: Some(2),
            group_id: Some(Uuid::from_u128(4)),
            client_ref: Some("order 7"),
            mccmnc: Some("23415"),
            price: Some("0.007500"),
            currency: Some("EUR"),
        },
        carrier_id: "acme",
        operator_message_id: "0059113978",
        previous_status: "failed",
        status: "delivered",
        group_status: Some("partially_delivered"),
        stat: Some("DELIVRD"),
        err: Some("000"),
        submitted_at: Some("2026-11-21T12:00:00Z".parse().unwrap()),
        done_at: None,
        received_at: "2026-11-21T12:00:01.000123Z".parse().unwrap(),
        processed_at: "2026-11-21T12:00:01.5Z".parse().unwrap(),
        late: false,
    }
}

fn events(decision: &Decision<'_>) -> Vec<Event> {
    let mut out = Vec::new();
    of_decision(&Source::of_deployment("test"), decision, &mut out);
    out
}

#[test]
fn a_corrected_final_status_bills_and_notifies() {
    let bodies: Vec<serde_json::Value> = events(&decision())
        .iter()
        .map(|event| serde_json::from_slice(&event.body).unwrap())
        .collect();
    insta::assert_json_snapshot!(bodies);
}

#[test]
fn a_message_in_one_part_has_no_group_status() {
    let events = events(&Decision {
        group_status: None,
        ..decision()
    });
    let body: serde_json::Value = serde_json::from_slice(&events[1].body).unwrap();
    assert_eq!(
        body["data"].get("groupStatus"),
        Some(&serde_json::Value::Null)
    );
}

#[test]
fn a_status_on_the_way_is_not_billed() {
    let events = events(&Decision {
        status: "in_transit",
        previous_status: "sent",
        ..decision()
    });
    assert_eq!(
        events.iter().map(|event| event.kind).collect::<Vec<_>>(),
        [EventKind::Webhook]
    );
}

#[test]
fn a_recorded_receipt_is_silent() {
    let verdict = Verdict::Recorded(Because::NotHigher);
    assert!(
        events(&Decision {
            verdict,
            ..decision()
        })
        .is_empty()
    );
}

#[test]
fn two_receipts_of_one_fact_are_one_event() {
    let other = Decision {
        receipt_id: ReceiptId(Uuid::from_u128(9)),
        ..decision()
    };
    let ids = |decision| {
        events(decision)
            .iter()
            .map(|event| event.id)
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&decision()), ids(&other));
}

fn parked() -> Parked<'static> {
    Parked {
        receipt_id: ReceiptId(Uuid::from_u128(1)),
        carrier_id: "acme",
        operator_message_id: Some("0059113978"),
        stat: Some("DELIVRD"),
        reason: "no_message",
        parked_at: "2026-11-21T12:00:01.5Z".parse().unwrap(),
    }
}

#[test]
fn a_parked_receipt_is_announced() {
    let event = of_parked(&Source::of_deployment("test"), &parked());
    let body: serde_json::Value = serde_json::from_slice(&event.body).unwrap();
    insta::assert_json_snapshot!(body);
}

#[test]
fn each_end_of_a_parked_receipt_is_a_notice_of_its_own() {
    let at = "2026-11-24T13:00:01.5Z".parse().unwrap();
    let source = Source::of_deployment("test");
    let bodies: Vec<serde_json::Value> = Resolution::ALL
        .map(|resolution| of_resolution(&source, &parked(), resolution.as_str(), at))
        .iter()
        .map(|event| serde_json::from_slice(&event.body).unwrap())
        .collect();
    insta::assert_json_snapshot!(bodies);
}
