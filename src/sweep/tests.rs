use super::*;
use crate::receipt::profile::Profile;

#[test]
fn the_pauses_leave_the_sweeper_its_share() {
    let took = Duration::from_millis(10);
    assert_eq!(pause_after(took, 20), Duration::from_millis(40));
    assert_eq!(pause_after(took, 100), Duration::ZERO);
    assert_eq!(pause_after(Duration::from_mins(5), 20), PAUSE_MAX);
}

#[test]
fn a_profile_that_is_new_other_or_gone_is_a_change() {
    let profile = |revision| Profile {
        revision,
        ..Profile::default()
    };
    let profiles = |known: &[(&str, i32)]| {
        let known = known.iter();
        Profiles::new(known.map(|&(carrier, it)| (carrier.to_owned(), profile(it))))
    };
    let before = profiles(&[("gone", 1), ("other", 1), ("same", 1)]);
    let after = profiles(&[("other", 2), ("same", 1), ("new", 1)]);
    let changed: BTreeSet<&str> = after.changed_since(&before).collect();
    assert_eq!(
        changed.into_iter().collect::<Vec<_>>(),
        ["gone", "new", "other"]
    );
}
