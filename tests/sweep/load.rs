//! What sweeping a million parked receipts costs. Minutes long, and worth something on a quiet machine
//! and an optimised build only:
//!
//! `cargo test --release --test integration sweep::load -- --ignored --nocapture --test-threads 1`

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;

use super::parking::{Row, park, ring};
use crate::support::{TestApp, eventually, receipt};

const PARKED: u32 = 1_000_000;
/// Receipts of one run, all published before it begins.
const RECEIPTS: u32 = 100_000;
/// The first and the last are not timed: a run starts and ends slowly.
const MARGIN: u32 = 5_000;
const PAIRS: usize = 5;
const MOST_LOST: f64 = 0.15;
const PATIENCE: Duration = Duration::from_mins(20);

/// A million receipts without a message, parked 20 to 45 minutes ago: none of them falls due again
/// within a quarter of an hour, so what a round reads is what was due when it began.
async fn a_million_parked() -> TestApp {
    let app = TestApp::around(|config| {
        config.streams.inbound_max_bytes = 2 << 30;
        config.streams.output_max_bytes = 2 << 30;
    })
    .await;
    let ring = ring(&app);
    let began = Instant::now();
    for first in (1..=PARKED).step_by(10_000) {
        let row = |n: u32| Row {
            parked_ago: 2_700.0 - f64::from(n) * 0.0015,
            ..Row::new(i64::from(n), payload(&format!("nobody-{n}")))
        };
        let rows: Vec<Row> = (first..first + 10_000).map(row).collect();
        park(&app, &ring, &rows).await;
    }
    app.sql
        .batch_execute("VACUUM ANALYZE dlr.orphaned_receipts")
        .await
        .unwrap();
    say(&format!(
        "parked {PARKED} receipts in {:.0?}",
        began.elapsed()
    ));
    app
}

/// A receipt as long as usual.
fn payload(id: &str) -> String {
    receipt(id, "DELIVRD").replace(
        '}',
        r#","err":"000","submitDate":"2611211200","doneDate":"2611211201","sourceAddr":"ACME","destAddr":"+447700900123"}"#,
    )
}

#[expect(clippy::print_stderr, reason = "the figures are what this is run for")]
fn say(text: &str) {
    eprintln!("{text}");
}

/// The value of a metric without labels, or with exactly these.
fn metric(app: &TestApp, name: &str) -> f64 {
    let text = app.metrics();
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes; see the top of this file"]
async fn a_round_reads_each_of_a_million_open_rows_once() {
    let mut app = a_million_parked().await;
    app.add_processor().await;
    eventually(PATIENCE, "the round is over", async || {
        metric(&app, "dlr_sweep_seconds_count") >= 1.0
    })
    .await;
    let (rows, seconds) = (
        metric(&app, "dlr_sweep_rows_total"),
        metric(&app, "dlr_sweep_seconds_sum"),
    );
    say(&format!(
        "{rows} rows read in one round of {seconds:.0} s, at a share of {} %",
        app.config.sweep.share
    ));
    assert!((rows - f64::from(PARKED)).abs() < 0.5, "{rows}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes; see the top of this file"]
async fn sweeping_a_million_leaves_the_pipeline_its_throughput() {
    let mut app = a_million_parked().await;
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for pair in 0..PAIRS {
        for sweeping in [false, true] {
            app.config.sweep.enabled = sweeping;
            let run = u32::try_from(pair * 2).unwrap() + u32::from(sweeping);
            let rate = run_of(&mut app, run).await;
            if sweeping { &mut beside } else { &mut alone }.push(rate);
        }
    }
    let (alone, beside) = (median(alone), median(beside));
    let lost = 1.0 - beside / alone;
    say(&format!(
        "median of {PAIRS}: {alone:.0} receipts/s alone, {beside:.0} beside the sweeper: {:.1} % lost",
        lost * 100.0
    ));
    assert!(lost <= MOST_LOST, "{lost}");
}

/// Receipts a second of a processor that finds them all waiting.
async fn run_of(app: &mut TestApp, run: u32) -> f64 {
    let fill = format!(
        "INSERT INTO orch.sms_messages
            (id, account_id, carrier_id, operator_message_id, status, created_at)
         SELECT gen_random_uuid(), gen_random_uuid(), 'acme', '{run}-' || n, 'sent', now()
         FROM generate_series(1, {RECEIPTS}) AS n"
    );
    app.sql.batch_execute(&fill).await.unwrap();
    let numbers = futures_util::stream::iter(1..=RECEIPTS);
    numbers
        .map(|n| app.publish(payload(&format!("{run}-{n}"))))
        .buffer_unordered(2_000)
        .for_each(|_sequence| std::future::ready(()))
        .await;
    app.sql.batch_execute("CHECKPOINT").await.unwrap();

    app.add_processor().await;
    let applied = r#"dlr_receipts_total{disposition="applied"}"#;
    let mut marks = Vec::new();
    for mark in [MARGIN, RECEIPTS - MARGIN] {
        eventually(PATIENCE, "the pipeline gets on", async || {
            metric(app, applied) >= f64::from(mark)
        })
        .await;
        let swept = metric(app, "dlr_sweep_rows_total");
        marks.push((Instant::now(), metric(app, applied), swept));
    }
    app.drained_within(PATIENCE).await;
    app.stop_processors().await;
    let [(from, first, swept_before), (to, last, swept)] = marks[..] else {
        unreachable!("two marks");
    };
    let seconds = to.duration_since(from).as_secs_f64();
    let rate = (last - first) / seconds;
    let swept = (swept - swept_before) / seconds;
    say(&format!(
        "{rate:.0} receipts/s, {swept:.0} parked rows/s looked at"
    ));
    // Else there would be nothing to compare with.
    assert_eq!(app.config.sweep.enabled, swept > 0.0);
    rate
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
