//! What is written by hand is, byte for byte, what serde writes of the contract's fields.

use proptest::option;
use proptest::prelude::*;
use serde::Serialize;

use super::*;
use crate::receipt::ids::{message_event_id, unmatched_event_id};

#[derive(Serialize)]
struct Envelope<'a, D> {
    specversion: &'static str,
    id: Uuid,
    source: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<Uuid>,
    time: Timestamp,
    datacontenttype: &'static str,
    data: D,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "the contract's fields")]
struct Data<'a> {
    receipt_id: Uuid,
    message_id: Uuid,
    account_id: Uuid,
    carrier_id: &'a str,
    segment: Option<i16>,
    segments: Option<i16>,
    group_id: Option<Uuid>,
    client_ref: Option<&'a str>,
    mccmnc: Option<&'a str>,
    price: Option<&'a str>,
    currency: Option<&'a str>,
    previous_status: &'a str,
    status: &'a str,
    stat: Option<&'a str>,
    err: Option<&'a str>,
    #[serde(rename = "final")]
    is_final: bool,
    first_final: bool,
    correction: bool,
    late: bool,
    sequence: u8,
    submitted_at: Option<Timestamp>,
    done_at: Option<Timestamp>,
    received_at: Timestamp,
    processed_at: Timestamp,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WebhookData<'a> {
    #[serde(flatten)]
    message: Data<'a>,
    group_status: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NoticeData<'a> {
    receipt_id: Uuid,
    carrier_id: &'a str,
    operator_message_id: Option<&'a str>,
    stat: Option<&'a str>,
    reason: &'a str,
    parked_at: Timestamp,
    resolution: Option<&'a str>,
}

fn json<D: Serialize>(
    (kind, id): (&'static str, Uuid),
    subject: Option<Uuid>,
    time: Timestamp,
    data: D,
) -> String {
    let envelope = Envelope {
        specversion: "1.0",
        id,
        source: SOURCE,
        kind,
        subject,
        time,
        datacontenttype: "application/json",
        data,
    };
    serde_json::to_string(&envelope).unwrap()
}

const DEPLOYMENT: &str = "no \"plain\" name\n";
const SOURCE: &str = "/dlr/no \"plain\" name\n";

fn data<'a>(decision: &Decision<'a>) -> Data<'a> {
    let message = &decision.message;
    let was_final = Status::from_stored(decision.previous_status).is_some_and(Status::is_final);
    let status = Status::from_stored(decision.status);
    let is_final = status.is_some_and(Status::is_final);
    Data {
        receipt_id: decision.receipt_id.0,
        message_id: message.id,
        account_id: message.account_id,
        carrier_id: decision.carrier_id,
        segment: message.segment,
        segments: message.segments,
        group_id: message.group_id,
        client_ref: message.client_ref,
        mccmnc: message.mccmnc,
        price: message.price,
        currency: message.currency,
        previous_status: decision.previous_status,
        status: decision.status,
        stat: decision.stat,
        err: decision.err,
        is_final,
        first_final: is_final && !was_final,
        correction: was_final,
        late: decision.late,
        sequence: status.map_or(0, Status::rank),
        submitted_at: decision.submitted_at,
        done_at: decision.done_at,
        received_at: decision.received_at,
        processed_at: decision.processed_at,
    }
}

fn expected(decision: &Decision<'_>) -> Vec<String> {
    let message = &decision.message;
    let id = |kind| {
        let (id, status) = (decision.operator_message_id, decision.status);
        message_event_id(kind, message.id, id, status)
    };
    let (account, time) = (Some(message.account_id), decision.processed_at);
    let billing = ("sms.dlr.billing.v1", id(EventKind::Billing));
    let webhook = ("sms.dlr.webhook.v1", id(EventKind::Webhook));
    let told = WebhookData {
        message: data(decision),
        group_status: decision.group_status,
    };
    is_billed(decision.status)
        .then(|| json(billing, account, time, data(decision)))
        .into_iter()
        .chain([json(webhook, account, time, told)])
        .collect()
}

fn written(events: &[Event]) -> Vec<String> {
    let text = |event: &Event| String::from_utf8(event.body.to_vec()).unwrap();
    events.iter().map(text).collect()
}

/// Quotes, control characters, and what is long and not ASCII.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,40}",
        any::<String>(),
        r#"["\\/\u{0}-\u{20}\u{7f}é漢😀]{0,9}"#
    ]
}

fn status() -> impl Strategy<Value = String> {
    const KNOWN: [&str; 6] = [
        "sent",
        "in_transit",
        "unknown",
        "expired",
        "failed",
        "delivered",
    ];
    prop_oneof![
        proptest::sample::select(&KNOWN[..]).prop_map(str::to_owned),
        text()
    ]
}

fn time() -> impl Strategy<Value = Timestamp> {
    let of = |micros| Timestamp::from_microsecond(micros).unwrap();
    prop_oneof![
        (0_i64..4_102_444_800_000_000).prop_map(of),
        (0_i64..4_102_444_800).prop_map(move |seconds| of(seconds * 1_000_000)),
        (Timestamp::MIN.as_microsecond()..=Timestamp::MAX.as_microsecond()).prop_map(of),
    ]
}

proptest! {
    #[test]
    fn events_of_decisions_are_written_as_serde_writes_them(
        ids: [u128; 4],
        in_group: bool,
        numbers in proptest::array::uniform2(option::of(any::<i16>())),
        texts in proptest::array::uniform2(text()),
        optional in proptest::array::uniform7(option::of(text())),
        statuses in proptest::array::uniform2(status()),
        dates in proptest::array::uniform2(option::of(time())),
        times in proptest::array::uniform2(time()),
        late: bool,
    ) {
        let [receipt, message, account, group] = ids.map(Uuid::from_u128);
        let [client_ref, mccmnc, price, currency, stat, err, group_status] =
            optional.each_ref().map(Option::as_deref);
        let decision = Decision {
            receipt_id: ReceiptId(receipt),
            verdict: Verdict::Applied,
            message: Message {
                id: message,
                account_id: account,
                segment: numbers[0],
                segments: numbers[1],
                group_id: in_group.then_some(group),
                client_ref,
                mccmnc,
                price,
                currency,
            },
            carrier_id: &texts[0],
            operator_message_id: &texts[1],
            previous_status: &statuses[0],
            status: &statuses[1],
            group_status,
            stat,
            err,
            submitted_at: dates[0],
            done_at: dates[1],
            received_at: times[0],
            processed_at: times[1],
            late,
        };
        let mut encoder = Encoder::new(&Source::of_deployment(DEPLOYMENT));
        let mut events = Vec::new();
        // Twice: what lies in the buffer already changes nothing.
        encoder.decision(&decision, &mut events);
        encoder.decision(&decision, &mut events);
        let once = expected(&decision);
        prop_assert_eq!(written(&events), [once.clone(), once].concat());
    }

    #[test]
    fn notices_are_written_as_serde_writes_them(
        receipt: u128,
        texts in proptest::array::uniform2(text()),
        optional in proptest::array::uniform3(option::of(text())),
        times in proptest::array::uniform2(time()),
    ) {
        let [operator_message_id, stat, resolution] = optional.each_ref().map(Option::as_deref);
        let parked = Parked {
            receipt_id: ReceiptId(Uuid::from_u128(receipt)),
            carrier_id: &texts[0],
            operator_message_id,
            stat,
            reason: &texts[1],
            parked_at: times[0],
        };
        let source = Source::of_deployment(DEPLOYMENT);
        let (event, at) = match resolution {
            Some(resolution) => (of_resolution(&source, &parked, resolution, times[1]), times[1]),
            None => (of_parked(&source, &parked), parked.parked_at),
        };
        let id = unmatched_event_id(parked.receipt_id, resolution.unwrap_or("parked"));
        let data = NoticeData {
            receipt_id: parked.receipt_id.0,
            carrier_id: parked.carrier_id,
            operator_message_id,
            stat,
            reason: parked.reason,
            parked_at: parked.parked_at,
            resolution,
        };
        prop_assert_eq!(written(&[event]), [json(("sms.dlr.unmatched.v1", id), None, at, data)]);
    }
}

#[test]
fn a_batch_of_events_shares_its_buffers() {
    let mut encoder = Encoder::new(&Source::of_deployment("test"));
    let mut events = Vec::new();
    for _ in 0..1_000 {
        encoder.decision(&decision(), &mut events);
    }
    let (first, second) = (&events[0].body, &events[1].body);
    assert_eq!(
        second.as_ptr() as usize - first.as_ptr() as usize,
        first.len()
    );
    let all = written(&events);
    assert!(all.iter().step_by(2).all(|body| *body == all[0]));
    assert!(all.iter().skip(1).step_by(2).all(|body| *body == all[1]));
}
