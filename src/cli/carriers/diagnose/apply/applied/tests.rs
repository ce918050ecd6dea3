use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn applied(expected: u64, is_estimate: bool) -> Applied {
    Applied {
        revision: 1,
        open_before: 1_000,
        resolved: 0,
        open: 1_000,
        expected,
        is_estimate,
    }
}

/// `gained` of `tried` receipts, where so many are open.
fn diagnosis(open: u64, tried: usize, gained: usize) -> Diagnosis {
    use crate::diagnosis::{Counts, DryRun, Evidence, Parked, Reading};
    let lately = crate::diagnosis::Noticed {
        looked_at: 0,
        ids_disagree: 0,
        states_disagree: 0,
        unknown_words: Vec::new(),
    };
    let dry_run = DryRun {
        counts: Counts {
            studied: tried,
            ..Counts::default()
        },
        gained,
        complete: tried as u64 == open,
        ..DryRun::default()
    };
    Diagnosis {
        carrier: "acme".to_owned(),
        revision: 0,
        parked: Parked {
            open,
            studied: 500,
            ..Parked::default()
        },
        reading: Some(Reading {
            differences: Vec::new(),
            evidence: Evidence::default(),
            refusals: Vec::new(),
            rival: None,
            dry_run: Some(dry_run),
        }),
        unfound: crate::diagnosis::Unfound::default(),
        clock: None,
        lately,
        proposal: None,
    }
}

#[test]
fn what_was_tried_on_some_is_expected_of_all() {
    assert_eq!(expected(&diagnosis(100, 100, 95)), (95, false));
    let (expected_of_all, is_estimate) = expected(&diagnosis(400_000, 20_000, 19_000));
    assert!(is_estimate);
    assert!(
        (375_000..380_000).contains(&expected_of_all),
        "{expected_of_all}"
    );
    // Too few to say more than what was seen.
    assert_eq!(expected(&diagnosis(1_000, 4, 3)), (3, true));
}

#[test]
fn an_estimate_is_waited_on_for_until_nothing_ends_any_more() {
    let watch = Watch {
        at_most: 120 * SECOND,
        changed: 10 * SECOND,
    };
    let mut exact = applied(900, false);
    let mut estimate = applied(900, true);
    for applied in [&mut exact, &mut estimate] {
        assert!(applied.count(50));
        assert!(!applied.count(50));
        assert!(applied.is_complete());
    }
    assert_eq!(watch.pause(&exact, SECOND, 11 * SECOND), None);
    assert!(watch.pause(&estimate, SECOND, 11 * SECOND).is_some());
    assert_eq!(watch.pause(&estimate, SECOND, 26 * SECOND), None);
    estimate.count(0);
    assert_eq!(watch.pause(&estimate, SECOND, 11 * SECOND), None);
}

#[test]
fn counting_takes_a_fifth_of_the_time_however_fast_the_count_moves() {
    let mut watch = Watch {
        at_most: 100 * SECOND,
        changed: Duration::ZERO,
    };
    let mut applied = applied(900, false);
    applied.count(500);
    watch.changed = 20 * SECOND;
    let pause = |took: Duration, now| watch.pause(&applied, took, now);
    assert_eq!(pause(SECOND / 100, 20 * SECOND), Some(SECOND));
    assert_eq!(pause(3 * SECOND, 20 * SECOND), Some(12 * SECOND));
    assert_eq!(pause(3 * SECOND, 30 * SECOND), Some(12 * SECOND));
    // But not beyond the end.
    watch.changed = 90 * SECOND;
    assert_eq!(
        watch.pause(&applied, 3 * SECOND, 95 * SECOND),
        Some(5 * SECOND)
    );
    assert_eq!(watch.pause(&applied, SECOND, 100 * SECOND), None);
}
