//! What each step of a receipt's way costs where no server is asked, in processor time: `cargo bench`.
//!
//! What is done to whole batches is measured on one of 1,000: its microseconds are a receipt's
//! nanoseconds.
#![expect(clippy::unwrap_used, reason = "what cannot fail here")]

mod cpu_time;
mod samples;

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput};
use dlr::events::{Encoder, Source};
use dlr::pipeline::matching::fold::{Fold, Matched};
use dlr::pipeline::matching::groups::Groups;
use dlr::pipeline::matching::rows::Sealing;
use dlr::receipt::ids::Identity;
use dlr::receipt::profile::Profiles;
use dlr::receipt::{Publisher, Receipt, Rejection, smpp_text};
use dlr::seal::{Place, Purpose, Sealer};
use dlr::store::receipts::NewReceipts;
use uuid::Uuid;

use self::cpu_time::CpuTime;
use self::samples::{BATCH, Batch, archive, json, read, ring, time, without_carrier};

const TEXT: &str = "id:0059113978 sub:001 dlvrd:001 submit date:2611221200 done date:2611221201 \
    stat:DELIVRD err:000 text:Your parcel is on it";

/// As a receipt's two numbers are sealed.
const NUMBERS: &[u8] = br#"{"source":"+447700900123","dest":"+447900000001"}"#;

fn main() {
    let mut criterion = Criterion::default()
        .with_measurement(CpuTime)
        .configure_from_args();
    reading(&mut criterion);
    batches(&mut criterion);
    sealing(&mut criterion);
    criterion.final_summary();
}

/// Decoding with all validation, from the payload to what the rest of the way trusts.
fn reading(criterion: &mut Criterion<CpuTime>) {
    let profiles = Profiles::default();
    let mut group = criterion.benchmark_group("read");
    for (name, payload) in [("json", json(1)), ("archive", archive(1))] {
        group.throughput(Throughput::Bytes(payload.len() as u64));
        group.bench_function(name, |bench| {
            bench.iter(|| read(black_box(payload.clone()), &profiles));
        });
    }
    for (name, payload) in ["json_fields", "archive_fields"]
        .into_iter()
        .zip(without_carrier(1))
    {
        let unread = Receipt::read(payload.clone(), Publisher::Gateway, &profiles);
        assert_eq!(unread.err(), Some(Rejection::MissingCarrier));
        group.throughput(Throughput::Bytes(payload.len() as u64));
        group.bench_function(name, |bench| {
            bench.iter(|| {
                let payload = black_box(payload.clone());
                Receipt::read(payload, Publisher::Gateway, &profiles).is_ok()
            });
        });
    }
    group.throughput(Throughput::Bytes(TEXT.len() as u64));
    group.bench_function("smpp_text", |bench| {
        bench.iter(|| smpp_text::read(black_box(TEXT)).unwrap());
    });
    group.finish();
}

fn batches(criterion: &mut Criterion<CpuTime>) {
    let (batch, groups, now) = (Batch::new(&Profiles::default()), Groups::default(), time());
    let mut group = criterion.benchmark_group("batch");
    group.throughput(Throughput::Elements(BATCH as u64));

    // The state rule on every receipt, and the update of every message.
    group.bench_function("fold", |bench| {
        let cases = || batch.cases().collect::<Vec<_>>();
        bench.iter_batched(
            cases,
            |cases| {
                let mut fold = Fold::new(&groups, BATCH);
                let decide = |(case, found)| fold.decide(case, found, now);
                let matched: Vec<Matched<'_>> = cases.into_iter().map(decide).collect();
                (matched, fold.raises())
            },
            BatchSize::PerIteration,
        );
    });

    let mut fold = Fold::new(&groups, BATCH);
    let decide = |(case, found)| fold.decide(case, found, now);
    let matched: Vec<Matched<'_>> = batch.cases().map(decide).collect();

    // Two numbers sealed into one value and a keyed hash of each, beside 35 other columns.
    let mut sealing = Sealing::new(&ring());
    group.bench_function("columns", |bench| {
        bench.iter(|| {
            let mut rows = NewReceipts::default();
            for it in &matched {
                rows.push(&sealing.receipt(it).unwrap());
            }
            rows
        });
    });

    group.bench_function("events", |bench| {
        let mut encoder = Encoder::new(&Source::of_deployment("bench"));
        bench.iter(|| {
            let mut events = Vec::with_capacity(2 * matched.len());
            for it in &matched {
                encoder.decision(&it.decision, &mut events);
            }
            events
        });
    });
    group.finish();
}

fn sealing(criterion: &mut Criterion<CpuTime>) {
    let ring = ring();
    let place = Place {
        table: "delivery_receipts",
        column: "personal_sealed",
        row: Uuid::from_u128(1),
        carrier: "northtel",
        account: Some(Uuid::from_u128(7)),
    };
    let mut sealer = Sealer::new(Arc::clone(&ring), Purpose::Msisdn);
    let sealed = sealer.seal(&place, NUMBERS).unwrap();
    let identity = Identity {
        stream: "SMS_DLR".into(),
        sequence: 123_456_789,
        stored_ns: 1_795_348_860_123_456_789,
    };
    let mut group = criterion.benchmark_group("keys");
    group.bench_function("seal", |bench| {
        bench.iter(|| sealer.seal(&place, black_box(NUMBERS)).unwrap());
    });
    group.bench_function("open", |bench| {
        bench.iter(|| {
            ring.open(Purpose::Msisdn, &place, black_box(&sealed))
                .unwrap()
        });
    });
    group.bench_function("blind_index", |bench| {
        bench.iter(|| ring.blind_index(black_box("447700900123")));
    });
    group.bench_function("receipt_id", |bench| {
        bench.iter(|| black_box(&identity).receipt_id());
    });
    group.finish();
}
