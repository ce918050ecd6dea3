//! The state rule over whole histories: any order, repetition and batching of any receipts.

mod groups;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::events::{self, EventKind, Source};
use crate::receipt::Publisher;
use crate::receipt::decision::{Because, Message};
use crate::receipt::ids::Identity;
use crate::receipt::profile::Profiles;

const MESSAGES: usize = 3;

/// One word of each status, two of one, and one that no table knows.
const WORDS: [&str; 9] = [
    "SUBMITD", "ENROUTE", "ACCEPTD", "UNKNOWN", "EXPIRED", "UNDELIV", "REJECTD", "DELIVRD",
    "RT:0148",
];

/// What the orchestrator may have left in the column.
const STORED: [&str; 9] = [
    "queued",
    "sent",
    "in_transit",
    "accepted",
    "unknown",
    "expired",
    "failed",
    "delivered",
    "on_hold",
];

/// A receipt of each word for each message.
static RECEIPTS: LazyLock<Vec<Vec<Receipt>>> = LazyLock::new(|| {
    let receipt = |message: usize, word| {
        let json =
            format!(r#"{{"carrierId":"acme","operatorMessageId":"op-{message}","stat":"{word}"}}"#);
        let profiles = Profiles::default();
        Receipt::read(Bytes::from(json), Publisher::Gateway, &profiles).unwrap()
    };
    let receipts_of = |message| WORDS.map(|word| receipt(message, word)).into();
    (0..MESSAGES).map(receipts_of).collect()
});

/// A receipt that comes: of which message, with which word, and whether its batch ends with it.
type Arrival = (usize, usize, bool);

fn arrivals() -> impl Strategy<Value = Vec<Arrival>> {
    let arrival = (0..MESSAGES, 0..WORDS.len(), any::<bool>());
    proptest::collection::vec(arrival, 1..20)
}

/// What was decided about one receipt, and the events it gave rise to.
#[derive(Debug, PartialEq)]
struct Told {
    message: usize,
    verdict: Verdict,
    previous: String,
    status: String,
    events: Vec<(EventKind, Uuid, Value)>,
}

/// Decides batch by batch, and keeps in `statuses` what `orch.sms_messages` would.
fn decide_all(arrivals: &[Arrival], statuses: &mut [String]) -> Vec<Told> {
    let mut told = Vec::new();
    for batch in arrivals.split_inclusive(|&(.., ends)| ends) {
        let at = told.len();
        decide_batch(at, batch, statuses, &mut told);
    }
    told
}

fn decide_batch(at: usize, batch: &[Arrival], statuses: &mut [String], told: &mut Vec<Told>) {
    let identities: Vec<Identity> = (at..at + batch.len()).map(identity).collect();
    let now = Timestamp::UNIX_EPOCH;
    let groups = Groups::default();
    let mut fold = Fold::new(&groups, 8);
    for (&(message, word, _), identity) in batch.iter().zip(&identities) {
        let case = Case {
            key: identity.row_key(),
            receipt_id: identity.receipt_id(),
            receipt: &RECEIPTS[message][word],
            late: false,
        };
        let found = Found {
            message: row(message),
            status: &statuses[message],
            price: None,
            place: None,
        };
        let Matched { decision, .. } = fold.decide(case, found, now);
        let mut events = Vec::new();
        events::of_decision(&Source::of_deployment("test"), &decision, &mut events);
        let body = |body: &[u8]| serde_json::from_slice::<Value>(body).unwrap();
        told.push(Told {
            message,
            verdict: decision.verdict,
            previous: decision.previous_status.to_owned(),
            status: decision.status.to_owned(),
            events: events
                .iter()
                .map(|event| (event.kind, event.id, body(&event.body)["data"].take()))
                .collect(),
        });
    }
    let raised: Vec<(usize, String, &str)> = fold
        .raises()
        .iter()
        .map(|raise| (number(raise.id), raise.previous.to_owned(), raise.status))
        .collect();
    for (message, previous, status) in raised {
        assert_eq!(previous, statuses[message], "compare and set would miss");
        status.clone_into(&mut statuses[message]);
    }
}

fn identity(sequence: usize) -> Identity {
    Identity {
        stream: "SMS_DLR".into(),
        sequence: sequence as u64,
        stored_ns: 1,
    }
}

fn row(message: usize) -> Message<'static> {
    Message {
        id: Uuid::from_u128(message as u128),
        account_id: Uuid::from_u128(1 << 64),
        segment: Some(1),
        segments: Some(1),
        group_id: None,
        client_ref: None,
        mccmnc: None,
        price: None,
        currency: None,
    }
}

fn number(message: Uuid) -> usize {
    usize::try_from(message.as_u128()).unwrap()
}

fn rank(status: &str) -> Option<u8> {
    Status::from_stored(status).map(Status::rank)
}

fn is_final(status: &str) -> bool {
    Status::from_stored(status).is_some_and(Status::is_final)
}

/// The highest-ranked of a message's receipts, if any of them has a rank.
fn highest(arrivals: &[Arrival], message: usize) -> Option<Arrival> {
    let ranked = arrivals.iter().filter(|arrival| arrival.0 == message);
    ranked
        .filter_map(|&arrival| Some((Status::from_word(WORDS[arrival.1])?.rank(), arrival)))
        .max_by_key(|&(rank, _)| rank)
        .map(|(_, arrival)| arrival)
}

/// What must hold of one message's decisions, in the order in which they were taken.
fn check_chain(start: &str, end: &str, told: &[&Told]) -> Result<(), TestCaseError> {
    let mut status = start;
    let mut sequences = Vec::new();
    let mut first_finals = 0;
    for step in told {
        prop_assert_eq!(
            &step.previous,
            status,
            "each begins where the last one ended"
        );
        if step.verdict != Verdict::Applied {
            prop_assert_eq!(&step.status, status, "a recorded receipt changes nothing");
            prop_assert!(step.events.is_empty());
            continue;
        }
        let kinds: Vec<EventKind> = step.events.iter().map(|(kind, ..)| *kind).collect();
        let expected: &[EventKind] = if is_final(&step.status) {
            &[EventKind::Billing, EventKind::Webhook]
        } else {
            &[EventKind::Webhook]
        };
        prop_assert_eq!(kinds, expected);
        for (_, _, data) in &step.events {
            prop_assert_eq!(&data["previousStatus"], status);
            prop_assert_eq!(&data["status"], &step.status);
            prop_assert_eq!(&data["sequence"], rank(&step.status).unwrap());
            prop_assert_eq!(&data["final"], is_final(&step.status));
            prop_assert_eq!(&data["correction"], is_final(status));
            prop_assert_eq!(
                &data["firstFinal"],
                is_final(&step.status) && !is_final(status)
            );
        }
        first_finals += usize::from(is_final(&step.status) && !is_final(status));
        sequences.push(rank(&step.status));
        status = &step.status;
    }
    prop_assert_eq!(status, end);
    prop_assert!(sequences.is_sorted_by(|a, b| a < b), "{:?}", sequences);
    prop_assert_eq!(first_finals, usize::from(is_final(end) && !is_final(start)));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn any_order_repetition_and_batching_ends_in_the_highest_status(
        arrivals in arrivals(),
        stored in [0..STORED.len(), 0..STORED.len(), 0..STORED.len()],
    ) {
        let start = stored.map(|status| STORED[status].to_owned());
        let mut end = start.clone();
        let told = decide_all(&arrivals, &mut end);
        prop_assert_eq!(told.len(), arrivals.len());
        for message in 0..MESSAGES {
            let mut alone = start.clone();
            decide_all(highest(&arrivals, message).as_slice(), &mut alone);
            prop_assert_eq!(&end[message], &alone[message]);
            let told: Vec<&Told> = told.iter().filter(|told| told.message == message).collect();
            check_chain(&start[message], &end[message], &told)?;
        }

        // One event for each kind, message and status, whatever was repeated.
        let ids: Vec<Uuid> = told.iter().flat_map(|told| &told.events).map(|event| event.1).collect();
        prop_assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());

        // How the receipts were batched shows in nothing.
        let one_batch: Vec<Arrival> = arrivals.iter().map(|&(m, w, _)| (m, w, false)).collect();
        let mut end = start;
        prop_assert_eq!(decide_all(&one_batch, &mut end), told);
    }
}

#[test]
fn what_no_table_knows_is_said_and_changes_nothing() {
    let verdict = |stored: &str, word| {
        let word = WORDS.iter().position(|known| *known == word).unwrap();
        let mut statuses = [stored, stored, stored].map(str::to_owned);
        let told = decide_all(&[(0, word, true)], &mut statuses);
        assert_eq!(statuses[0], stored);
        told[0].verdict
    };
    assert_eq!(
        verdict("sent", "RT:0148"),
        Verdict::Recorded(Because::UnknownWord)
    );
    assert_eq!(
        verdict("on_hold", "DELIVRD"),
        Verdict::Recorded(Because::UnknownStatus)
    );
}
