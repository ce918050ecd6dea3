use futures_util::FutureExt as _;

use super::*;
use crate::pipeline::tests::item;
use crate::receipt::profile::Profiles;

const HOUR: Duration = Duration::from_hours(1);

/// A lane's queue with batches of two at most, and the way into it.
fn queue(interval_min: Duration) -> (mpsc::Sender<Item>, Queue) {
    let (sender, items) = mpsc::channel(8);
    let limits = config::Pipeline {
        batch_max: 2,
        batch_interval_min: interval_min,
        ..config::Pipeline::default()
    };
    (sender, Queue::new(items, &limits))
}

fn put(sender: &mpsc::Sender<Item>, count: usize) {
    for _ in 0..count {
        let item = item("{}".to_owned(), &Profiles::default());
        sender.try_send(item).expect("there is room");
    }
}

#[tokio::test]
async fn what_comes_to_an_idle_lane_goes_at_once() {
    let (sender, mut queue) = queue(HOUR);
    put(&sender, 1);
    assert_eq!(queue.gather().now_or_never().map(|it| it.len()), Some(1));
}

#[tokio::test]
async fn the_next_batch_takes_what_comes_until_its_time() {
    let interval = Duration::from_secs(1);
    let (sender, mut queue) = queue(interval);
    let began = Instant::now();
    put(&sender, 1);
    queue.gather().await;
    put(&sender, 1);
    assert_eq!(queue.gather().await.len(), 1);
    assert!(began.elapsed() >= interval, "{:?}", began.elapsed());
}

#[tokio::test]
async fn what_fills_a_batch_meanwhile_sends_it_off() {
    let (sender, mut queue) = queue(HOUR);
    put(&sender, 1);
    queue.gather().await;
    put(&sender, 1);
    let (batch, ()) = tokio::join!(queue.gather(), async { put(&sender, 1) });
    assert_eq!(batch.len(), 2);
}

#[tokio::test]
async fn a_lane_that_is_closed_waits_for_nothing() {
    let (sender, mut queue) = queue(HOUR);
    put(&sender, 1);
    queue.gather().await;
    put(&sender, 1);
    drop(sender);
    assert_eq!(queue.gather().await.len(), 1);
    assert!(queue.gather().await.is_empty());
}

#[tokio::test]
async fn a_full_batch_does_not_wait() {
    let (sender, mut queue) = queue(HOUR);
    put(&sender, 3);
    assert_eq!(queue.gather().await.len(), 2);
    assert!(
        queue.gather().now_or_never().is_none(),
        "one is not a full batch"
    );
    put(&sender, 1);
    assert_eq!(queue.gather().now_or_never().map(|it| it.len()), Some(2));
}
