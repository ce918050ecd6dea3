use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn event(number: u128, kind: EventKind, length: usize) -> Event {
    let id = Uuid::from_u128(number);
    let body = format!(r#"{{"id":"{id}","filler":"{}"}}"#, "x".repeat(length));
    Event {
        kind,
        id,
        body: body.into(),
    }
}

fn ids(parcel: &Parcel<'_>) -> Vec<String> {
    let body: Value = serde_json::from_slice(&parcel.body()).unwrap();
    let id = |event: &Value| event["id"].as_str().unwrap().to_owned();
    body.as_array().unwrap().iter().map(id).collect()
}

#[test]
fn without_packing_an_event_is_published_as_it_is_behind_those_of_earlier_kinds() {
    let events = [
        event(1, EventKind::Webhook, 0),
        event(2, EventKind::Billing, 0),
        event(3, EventKind::Webhook, 0),
    ];
    let parcels = parcels(&events, Packing::of(1), 1 << 20);
    let found: Vec<_> = (parcels.iter())
        .map(|it| (it.kind(), it.id(), it.body(), it.events()))
        .collect();
    let expected = [1, 0, 2].map(|at: usize| {
        let Event { kind, id, body } = events[at].clone();
        (kind, id, body, 1)
    });
    assert_eq!(found, expected);
}

/// Consumers compute it too: it stands in the README.
#[test]
fn the_id_of_a_pack_never_changes_between_releases() {
    let events = [1, 2, 3].map(|number| event(number, EventKind::Webhook, 0));
    let parcels = parcels(&events, Packing::Packs(3), 1 << 20);
    let [pack] = &parcels[..] else {
        panic!("{} packs", parcels.len());
    };
    // Python: sha1(namespace.bytes + b"".join(id.bytes for id in ids)), made a UUID of version 5.
    assert_eq!(
        pack.id().to_string(),
        "67b0db94-7b20-5091-ab25-549cc155c66e"
    );
    assert_eq!(pack.events(), 3);
}

#[test]
fn a_pack_that_the_server_no_longer_takes_is_halved_down_to_single_events() {
    let events = [1, 2, 3].map(|number| event(number, EventKind::Webhook, 0));
    let [pack] = &parcels(&events, Packing::Packs(64), 1 << 20)[..] else {
        panic!("more than one pack");
    };
    let (one, two) = pack.halves().unwrap();
    assert_eq!([ids(&one), ids(&two)].concat(), ids(pack));
    assert_eq!((one.events(), two.events()), (1, 2));
    assert!(one.halves().is_none());
    assert_ne!(
        one.id(),
        events[0].id,
        "an array is another message than its event"
    );
}

proptest! {
    #[test]
    fn packs_hold_every_event_once_in_order_and_fit(
        lengths in proptest::collection::vec((0_usize..3_000, 0_usize..3), 0..200),
        events_max in 2_usize..80,
        payload_max in 4_096_usize..40_000,
    ) {
        let events: Vec<Event> = (0..)
            .zip(&lengths)
            .map(|(number, &(length, kind))| event(number, EventKind::ALL[kind], length))
            .collect();
        let parcels = parcels(&events, Packing::Packs(events_max), payload_max);
        for kind in EventKind::ALL {
            let of_kind = || parcels.iter().filter(|it| it.kind() == kind);
            let found: Vec<String> = of_kind().flat_map(ids).collect();
            let expected: Vec<String> = events
                .iter()
                .filter(|it| it.kind == kind)
                .map(|it| it.id.to_string())
                .collect();
            prop_assert_eq!(found, expected);
            let carried: u64 = of_kind().map(Parcel::events).sum();
            prop_assert_eq!(carried, of_kind().flat_map(ids).count() as u64);
            for one in of_kind().take(of_kind().count().saturating_sub(1)) {
                // As full as it may be: the next might be that large.
                let is_full = one.events() == events_max as u64;
                prop_assert!(is_full || one.body().len() + 3_100 > payload_max - HEADERS);
            }
        }
        for parcel in &parcels {
            prop_assert!(parcel.events() <= events_max as u64);
            prop_assert!(parcel.body().len() + HEADERS <= payload_max);
        }
    }
}
