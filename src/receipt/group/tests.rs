use proptest::prelude::*;

use super::*;

/// Groups of three: their segments in order, by the first letters of their statuses (`-` has no
/// row), and what they come to under each policy. `P` pending, `D` delivered, `p` partially
/// delivered, `F` failed.
const GROUPS: &str = "\
segments          All First Last Any
sent sent sent     P    P    P    P
dlvd sent sent     P    D    P    D
sent dlvd sent     P    P    P    D
sent sent dlvd     P    P    D    D
dlvd dlvd sent     P    D    P    D
dlvd sent dlvd     P    D    D    D
dlvd dlvd dlvd     D    D    D    D
fail sent sent     F    F    P    F
sent fail sent     F    P    P    F
sent sent fail     F    P    F    F
exp  sent sent     F    F    P    F
fail exp  fail     F    F    F    F
dlvd fail sent     p    D    P    D
dlvd sent fail     p    D    p    D
fail dlvd sent     p    p    P    D
fail sent dlvd     p    p    D    D
dlvd dlvd fail     p    D    p    D
fail fail dlvd     p    p    D    D
unkn acc  trns     P    P    P    P
hold hold hold     P    P    P    P
dlvd hold dlvd     P    D    D    D
-    dlvd dlvd     P    P    D    D
dlvd -    -        P    D    P    D
-    fail -        F    P    P    F
-    -    -        P    P    P    P";

const POLICIES: [Segments; 4] = [
    Segments::All,
    Segments::First,
    Segments::Last,
    Segments::Any,
];

fn part(segment: i16, segments: i16, status: Option<Status>) -> Part {
    Part {
        segment: Some(segment),
        segments,
        status,
    }
}

fn status(short: &str) -> Option<Status> {
    match short {
        "sent" => Some(Status::Sent),
        "trns" => Some(Status::InTransit),
        "acc" => Some(Status::Accepted),
        "unkn" => Some(Status::Unknown),
        "exp" => Some(Status::Expired),
        "fail" => Some(Status::Failed),
        "dlvd" => Some(Status::Delivered),
        "hold" => None,
        other => panic!("{other} stands for nothing"),
    }
}

#[test]
fn a_group_comes_to_what_its_expected_segments_come_to() {
    for line in GROUPS.lines().skip(1) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (segments, expected) = words.split_at(3);
        let known = (1..).zip(segments).filter(|(_, short)| **short != "-");
        let parts: Vec<Part> = known
            .map(|(number, short)| part(number, 3, status(short)))
            .collect();
        for (policy, expected) in POLICIES.into_iter().zip(expected) {
            let expected = match *expected {
                "P" => GroupStatus::Pending,
                "D" => GroupStatus::Delivered,
                "p" => GroupStatus::PartiallyDelivered,
                "F" => GroupStatus::Failed,
                other => panic!("{other} stands for nothing"),
            };
            let found = GroupStatus::of(policy, 3, parts.iter().copied());
            assert_eq!(found, Some(expected), "{policy:?}: {line}");
        }
    }
}

#[test]
fn of_a_segment_that_was_sent_again_the_best_counts() {
    use Status::{Delivered, Failed, Sent};
    let of = |statuses: &[(i16, Status)]| {
        let parts = statuses.iter().map(|&(n, status)| part(n, 2, Some(status)));
        GroupStatus::of(Segments::All, 2, parts).unwrap()
    };
    assert_eq!(
        of(&[(1, Failed), (2, Delivered), (1, Sent)]),
        GroupStatus::Pending
    );
    assert_eq!(
        of(&[(1, Delivered), (2, Delivered), (1, Failed)]),
        GroupStatus::Delivered
    );
    assert_eq!(of(&[(1, Failed), (1, Failed)]), GroupStatus::Failed);
}

#[test]
fn numbers_that_contradict_each_other_give_no_status() {
    let of = |segment, segments| {
        let odd = Part {
            segment,
            segments,
            status: Some(Status::Delivered),
        };
        let parts = [part(1, 3, Some(Status::Delivered)), odd];
        GroupStatus::of(Segments::First, 3, parts)
    };
    assert_eq!(of(Some(2), 3), Some(GroupStatus::Delivered));
    for (segment, segments) in [
        (Some(0), 3),
        (Some(-1), 3),
        (Some(4), 3),
        (Some(300), 3),
        (None, 3),
        (Some(2), 2),
    ] {
        assert_eq!(of(segment, segments), None, "{segment:?} of {segments:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    /// Read off the definitions, the other way round than they are computed.
    #[test]
    fn a_group_status_says_what_its_definition_says(
        statuses in proptest::collection::vec(0..Status::ALL.len(), 1..=255),
        policy in 0..POLICIES.len(),
    ) {
        let statuses: Vec<Status> = statuses.iter().map(|&at| Status::ALL[at]).collect();
        let count = i16::try_from(statuses.len()).unwrap();
        let parts = (1..).zip(&statuses).map(|(n, &status)| part(n, count, Some(status)));
        let expected: Vec<Status> = match POLICIES[policy] {
            Segments::First => vec![statuses[0]],
            Segments::Last => vec![*statuses.last().unwrap()],
            Segments::All => statuses.clone(),
            // The one that reports: the best news there is.
            Segments::Any => vec![*statuses.iter().max_by_key(|s| (**s == Status::Delivered, s.is_final())).unwrap()],
        };
        let failed = |status: &Status| status.is_final() && *status != Status::Delivered;
        match GroupStatus::of(POLICIES[policy], count, parts).unwrap() {
            GroupStatus::Delivered => prop_assert!(expected.iter().all(|s| *s == Status::Delivered)),
            GroupStatus::Failed => {
                prop_assert!(expected.iter().any(failed));
                prop_assert!(!statuses.contains(&Status::Delivered));
            }
            GroupStatus::PartiallyDelivered => {
                prop_assert!(expected.iter().any(failed));
                prop_assert!(statuses.contains(&Status::Delivered));
            }
            GroupStatus::Pending => {
                prop_assert!(!expected.iter().any(failed));
                prop_assert!(expected.iter().any(|status| *status != Status::Delivered));
            }
        }
    }
}
