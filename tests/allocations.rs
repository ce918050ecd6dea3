//! How often a receipt's way asks for memory: counted thread by thread, under an allocator that only
//! counts.
//!
//! The numbers are exact: whoever adds an allocation reads of it here, and whoever takes one away
//! lowers the number.
#![expect(
    clippy::unwrap_used,
    reason = "what sets up a test may fail it; clippy knows test functions only"
)]

#[path = "../benches/samples.rs"]
mod samples;

use allocation_counter::measure;
use bytes::Bytes;
use dlr::events::{Encoder, Source};
use dlr::pipeline::matching::fold::{Fold, Matched};
use dlr::pipeline::matching::groups::Groups;
use dlr::pipeline::matching::rows::Sealing;
use dlr::receipt::profile::Profiles;
use dlr::receipt::{Publisher, Receipt};
use dlr::store::receipts::NewReceipts;

use samples::{BATCH, Batch, archive, json, read, ring, time, without_carrier};

/// Calls of the allocator, those that enlarge a piece of memory included.
fn allocations(work: impl FnOnce()) -> u64 {
    measure(work).count_total
}

fn of_reading(payload: Bytes) -> u64 {
    let profiles = Profiles::default();
    let mut receipt = None;
    let count = allocations(|| receipt = Some(read(payload, &profiles)));
    assert!(receipt.is_some_and(|it| it.id_in_notation));
    count
}

fn of_rejecting(payload: Bytes) -> u64 {
    let profiles = Profiles::default();
    let mut rejection = None;
    let count = allocations(|| {
        rejection = Receipt::read(payload, Publisher::Gateway, &profiles).err();
    });
    assert!(rejection.is_some());
    count
}

/// A batch decided, for what comes after.
fn decided(batch: &Batch, then: impl FnOnce(&[Matched<'_>])) {
    let (groups, now) = (Groups::default(), time());
    let mut fold = Fold::new(&groups, BATCH);
    let decide = |(case, found)| fold.decide(case, found, now);
    let matched: Vec<Matched<'_>> = batch.cases().map(decide).collect();
    then(&matched);
}

#[test]
fn the_allocator_counts() {
    assert_eq!(allocations(|| drop(vec![1, 2, 3])), 1);
}

#[test]
fn json_without_escapes_is_read_in_place() {
    assert_eq!(of_reading(json(1)), 0);
}

#[test]
fn an_archive_is_read_in_place() {
    assert_eq!(of_reading(archive(1)), 0);
}

#[test]
fn a_rejection_costs_no_more() {
    assert_eq!(without_carrier(1).map(of_rejecting), [0, 0]);
}

#[test]
fn a_receipt_id_is_made_on_the_stack() {
    let batch = Batch::new(&Profiles::default());
    let mut cases = Vec::with_capacity(BATCH);
    let count = allocations(|| cases.extend(batch.cases()));
    assert_eq!(count, 0);
}

#[test]
fn deciding_keeps_a_table_of_the_messages() {
    let (batch, groups, now) = (Batch::new(&Profiles::default()), Groups::default(), time());
    let cases: Vec<_> = batch.cases().collect();
    let mut matched: Vec<Matched<'_>> = Vec::with_capacity(BATCH);
    let mut raises = Vec::new();
    let count = allocations(|| {
        let mut fold = Fold::new(&groups, BATCH);
        for (case, found) in cases {
            matched.push(fold.decide(case, found, now));
        }
        raises = fold.raises();
    });
    assert_eq!(raises.len(), BATCH);
    // The table, and a list of updates that grows nine times.
    assert_eq!(count, 10);
}

#[test]
fn rows_with_two_sealed_numbers_lie_beside_each_other_in_few_buffers() {
    decided(&Batch::new(&Profiles::default()), |matched| {
        let mut sealing = Sealing::new(&ring());
        // The first seal draws the key and the nonces of those that follow.
        sealing.receipt(&matched[0]).unwrap();
        let mut rows = NewReceipts::default();
        let count = allocations(|| {
            for it in matched {
                rows.push(&sealing.receipt(it).unwrap());
            }
        });
        // Buffers of 64 KiB, the count of each one's readers, and the list of them.
        assert_eq!(count, 24);
    });
}

#[test]
fn events_lie_beside_each_other_in_few_buffers() {
    decided(&Batch::new(&Profiles::default()), |matched| {
        let mut encoder = Encoder::new(&Source::of_deployment("test"));
        let mut events = Vec::with_capacity(2 * BATCH);
        let count = allocations(|| {
            for it in matched {
                encoder.decision(&it.decision, &mut events);
            }
        });
        assert_eq!(events.len(), 2 * BATCH);
        // A buffer of 64 KiB for some 38 receipts, and the count of its readers.
        assert_eq!(count, 53);
    });
}
