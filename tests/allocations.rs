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
    let mut fold = Fold::new(&groups);
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
fn a_receipt_id_is_made_from_two_numbers_as_text() {
    let batch = Batch::new(&Profiles::default());
    let mut cases = Vec::with_capacity(BATCH);
    let count = allocations(|| cases.extend(batch.cases()));
    assert_eq!(count, 2 * BATCH as u64);
}

#[test]
fn deciding_keeps_a_table_of_the_messages_and_the_word_of_each() {
    let (batch, groups, now) = (Batch::new(&Profiles::default()), Groups::default(), time());
    let cases: Vec<_> = batch.cases().collect();
    let mut matched: Vec<Matched<'_>> = Vec::with_capacity(BATCH);
    let mut raises = Vec::new();
    let count = allocations(|| {
        let mut fold = Fold::new(&groups);
        for (case, found) in cases {
            matched.push(fold.decide(case, found, now));
        }
        raises = fold.raises();
    });
    assert_eq!(raises.len(), BATCH);
    // The word of each update; the table grows ten times, and the list of updates nine times.
    assert_eq!(count, BATCH as u64 + 19);
}

#[test]
fn a_row_with_two_numbers_writes_them_down_and_seals_them() {
    decided(&Batch::new(&Profiles::default()), |matched| {
        let mut sealing = Sealing::new(&ring());
        let mut rows = Vec::with_capacity(BATCH);
        // The first seal draws the key of all that follow.
        sealing.receipt(&matched[0]).unwrap();
        let count = allocations(|| {
            let sealed = matched.iter().map(|it| sealing.receipt(it).unwrap());
            rows.extend(sealed);
        });
        // What is sealed, its envelope, and the digits of two numbers, each of which grows once.
        assert_eq!(count, 6 * BATCH as u64);
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
