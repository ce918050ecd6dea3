//! The same histories, of messages that are the segments of one.

use super::*;
use crate::receipt::group::Part;
use crate::receipt::profile::{Profile, Segments};
use crate::store::siblings::Sibling;

const GROUP: Uuid = Uuid::from_u128(7);
const COUNT: i16 = 3;

const POLICIES: [Segments; 4] = [
    Segments::All,
    Segments::First,
    Segments::Last,
    Segments::Any,
];

/// A receipt of each word, as a carrier of each policy gives it.
static RECEIPTS: LazyLock<Vec<Vec<Receipt>>> = LazyLock::new(|| {
    let receipts_under = |segments| {
        let profile = Profile {
            segments,
            ..Profile::default()
        };
        let profiles = Profiles::new([("acme".to_owned(), profile)]);
        let receipt = |word| {
            let json = format!(r#"{{"carrierId":"acme","operatorMessageId":"7","stat":"{word}"}}"#);
            Receipt::read(Bytes::from(json), Publisher::Gateway, &profiles).unwrap()
        };
        WORDS.map(receipt).into()
    };
    POLICIES.map(receipts_under).into()
});

fn segment(message: usize) -> Message<'static> {
    Message {
        segment: Some(number_of(message)),
        segments: Some(COUNT),
        group_id: Some(GROUP),
        ..row(message)
    }
}

fn number_of(message: usize) -> i16 {
    i16::try_from(message + 1).unwrap()
}

fn siblings(statuses: &[String]) -> Groups {
    let sibling = |(message, status): (usize, &String)| Sibling {
        id: row(message).id,
        account_id: row(message).account_id,
        group_id: GROUP,
        segment: Some(number_of(message)),
        segments: COUNT,
        status: status.clone(),
    };
    statuses.iter().enumerate().map(sibling).collect()
}

fn expected(policy: Segments, statuses: &[String]) -> Option<&'static str> {
    let part = |(message, status): (usize, &String)| Part {
        segment: Some(number_of(message)),
        segments: COUNT,
        status: Status::from_stored(status),
    };
    let parts = statuses.iter().enumerate().map(part);
    GroupStatus::of(policy, COUNT, parts).map(GroupStatus::as_str)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn each_receipt_tells_the_group_as_it_leaves_it(
        arrivals in arrivals(),
        stored in [0..STORED.len(), 0..STORED.len(), 0..STORED.len()],
        policy in 0..POLICIES.len(),
    ) {
        let mut statuses = stored.map(|status| STORED[status].to_owned());
        for batch in arrivals.split_inclusive(|&(.., ends)| ends) {
            let groups = siblings(&statuses);
            let mut fold = Fold::new(&groups, 8);
            let identity = identity(1);
            for &(message, word, _) in batch {
                let case = Case {
                    key: identity.row_key(),
            receipt_id: identity.receipt_id(),
                    receipt: &RECEIPTS[policy][word],
                    late: false,
                };
                // Read before the lock: whatever it was then, the locked status counts.
                let found = Found { message: segment(message), status: "sent", price: None, place: None };
                let Decision { previous_status, status, group_status, .. } =
                    fold.decide(case, found, Timestamp::UNIX_EPOCH).decision;
                prop_assert_eq!(previous_status, &statuses[message]);
                status.clone_into(&mut statuses[message]);
                prop_assert_eq!(group_status, expected(POLICIES[policy], &statuses));
            }
        }
    }
}

#[test]
fn what_is_no_segment_or_not_looked_up_has_no_group_status() {
    let statuses = ["sent", "sent", "sent"].map(str::to_owned);
    let group_status = |message, groups: &Groups| {
        let identity = identity(1);
        let case = Case {
            key: identity.row_key(),
            receipt_id: identity.receipt_id(),
            receipt: &RECEIPTS[0][0],
            late: false,
        };
        let found = Found {
            message,
            status: "sent",
            price: None,
            place: None,
        };
        let mut fold = Fold::new(groups, 8);
        let decided = fold.decide(case, found, Timestamp::UNIX_EPOCH);
        decided.decision.group_status.map(str::to_owned)
    };
    let known = siblings(&statuses);
    assert_eq!(group_status(segment(0), &known), Some("pending".to_owned()));
    assert_eq!(group_status(segment(0), &Groups::default()), None);
    assert_eq!(group_status(row(0), &known), None);
    for segments in [None, Some(-1), Some(0), Some(1), Some(2), Some(256)] {
        let odd = Message {
            segments,
            ..segment(0)
        };
        assert_eq!(group_status(odd, &known), None, "{segments:?}");
    }
    let of_another_account = Message {
        account_id: Uuid::from_u128(9),
        ..segment(0)
    };
    assert_eq!(group_status(of_another_account, &known), None);
}
