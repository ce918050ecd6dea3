//! CONTRACT §4 where it is hardest to keep: two replicas at work on the same messages.

use std::collections::{BTreeMap, BTreeSet};

use dlr::dev::nats::Identity;
use dlr::receipt::status::Status;
use serde_json::Value;

use crate::support::{Published, TestApp, receipt};

const MESSAGES: usize = 10_000;

const WORDS: [&str; 8] = [
    "SUBMITD", "ENROUTE", "ACCEPTD", "UNKNOWN", "EXPIRED", "UNDELIV", "DELIVRD", "RT:0148",
];

/// One to four receipts of random words for each message, some of them twice, in random order.
fn receipts(random: &mut fastrand::Rng) -> Vec<(usize, &'static str)> {
    let mut receipts = Vec::new();
    for message in 0..MESSAGES {
        for _ in 0..random.usize(1..=4) {
            let word = WORDS[random.usize(..WORDS.len())];
            let times = if random.u8(..10) == 0 { 2 } else { 1 };
            receipts.extend(std::iter::repeat_n((message, word), times));
        }
    }
    random.shuffle(&mut receipts);
    receipts
}

async fn publish(app: &TestApp, receipts: &[(usize, &'static str)]) {
    let gateway = async_nats::jetstream::new(app.connect(Identity::Ingest).await);
    for some in receipts.chunks(500) {
        let mut confirmations = Vec::new();
        for (message, word) in some {
            let payload = receipt(&message.to_string(), word).into();
            let published = gateway.publish("sms.dlr.inbound", payload).await;
            confirmations.push(published.unwrap());
        }
        for confirmation in confirmations {
            confirmation.await.unwrap();
        }
    }
}

/// What is left of one message.
#[derive(Default)]
struct Story {
    words: Vec<&'static str>,
    status: String,
    /// Of its applied receipts, by the status each led to: receipt id and the status before.
    applied: BTreeMap<String, (String, String)>,
    webhooks: Vec<Value>,
    bills: Vec<Value>,
}

fn status(text: &str) -> Status {
    Status::from_stored(text).unwrap()
}

impl Story {
    /// In a race it is open which receipts get in before a higher one, so which statuses a message
    /// goes through; only the last one is certain. What must hold of those it did go through:
    /// they form one rising path, and each step of it is told once, by its own receipt.
    fn check(&self) {
        let reported = self.words.iter().filter_map(|word| Status::from_word(word));
        let highest = reported
            .chain([Status::Sent])
            .max_by_key(|status| status.rank())
            .unwrap();
        assert_eq!(status(&self.status), highest, "{:?}", self.words);

        let mut path = self.applied.iter().collect::<Vec<_>>();
        path.sort_by_key(|(to, _)| status(to).rank());
        let mut at = "sent";
        for (to, (_, from)) in &path {
            assert_eq!(from, at, "a step begins where the last one ended: {path:?}");
            assert!(status(to).rank() > status(from).rank());
            let said = |word: &&str| Status::from_word(word) == Some(status(to));
            assert!(self.words.iter().any(said), "nobody said {to}");
            at = to;
        }
        assert_eq!(at, self.status, "the last step leads to the end");

        let finals: Vec<_> = path
            .iter()
            .filter(|(to, _)| status(to).is_final())
            .copied()
            .collect();
        check_events(&self.webhooks, &path);
        check_events(&self.bills, &finals);
        let firsts = self.bills.iter().filter(|data| data["firstFinal"] == true);
        assert_eq!(firsts.count(), usize::from(highest.is_final()));
    }
}

/// One event for each of `steps`, which says what its receipt did.
fn check_events(events: &[Value], steps: &[(&String, &(String, String))]) {
    let told = |data: &Value| {
        let text = |field: &str| data[field].as_str().unwrap().to_owned();
        (text("status"), (text("receiptId"), text("previousStatus")))
    };
    let told: BTreeMap<_, _> = events.iter().map(told).collect();
    let steps = steps.iter().map(|(to, by)| ((*to).clone(), (*by).clone()));
    assert_eq!(told, steps.collect());
    assert_eq!(told.len(), events.len(), "a status is told twice");
    for data in events {
        let to = status(data["status"].as_str().unwrap());
        let was_final = status(data["previousStatus"].as_str().unwrap()).is_final();
        assert_eq!(data["sequence"], to.rank());
        assert_eq!(data["final"], to.is_final());
        assert_eq!(data["firstFinal"], to.is_final() && !was_final);
        assert_eq!(data["correction"], was_final);
    }
}

/// Sorts what a stream holds by message, each event id once.
fn tell(
    stories: &mut BTreeMap<String, Story>,
    events: Vec<Published>,
    events_of: impl Fn(&mut Story) -> &mut Vec<Value>,
) {
    let mut ids = BTreeSet::new();
    for mut event in events {
        let data = event.body["data"].take();
        assert!(ids.insert(event.id), "the stream holds an event twice");
        let story = stories.get_mut(data["messageId"].as_str().unwrap());
        events_of(story.unwrap()).push(data);
    }
}

/// How many receipts the first replica has committed.
fn committed_by_the_first(app: &TestApp) -> usize {
    let metrics = app.metrics();
    let mut lines = metrics.lines();
    let sum = lines.find_map(|line| line.strip_prefix("dlr_batch_receipts_sum "));
    sum.unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_racing_leave_each_message_with_its_highest_status_told_once() {
    // Small batches: many transactions that are at work on the same messages.
    let mut app = TestApp::around(|config| config.pipeline.batch_max = 100).await;
    app.messages(0..MESSAGES).await;
    let receipts = receipts(&mut fastrand::Rng::with_seed(5));
    app.add_processor().await;
    app.add_processor().await;
    publish(&app, &receipts).await;
    app.drained().await;

    let [applied, recorded, ..] = app.dispositions().await;
    assert_eq!(usize::try_from(applied + recorded).unwrap(), receipts.len());
    let one_of_them = committed_by_the_first(&app);
    assert!(
        (1..receipts.len()).contains(&one_of_them),
        "no race: {one_of_them}"
    );
    let mut stories: BTreeMap<String, Story> = BTreeMap::new();
    let mut numbered = vec![String::new(); MESSAGES];
    for row in app
        .rows("SELECT id::text, operator_message_id::int8, status FROM orch.sms_messages")
        .await
    {
        let number = usize::try_from(row.get::<_, i64>(1)).unwrap();
        numbered[number] = row.get(0);
        let story = Story {
            status: row.get(2),
            ..Story::default()
        };
        stories.insert(row.get(0), story);
    }
    for (message, word) in receipts {
        let story = stories.get_mut(&numbered[message]).unwrap();
        story.words.push(word);
    }
    for row in app
        .rows(
            "SELECT message_id::text, status, receipt_id::text, previous_status
             FROM dlr.delivery_receipts WHERE disposition = 'applied'",
        )
        .await
    {
        let story = stories.get_mut(row.get::<_, &str>(0)).unwrap();
        let before = story.applied.insert(row.get(1), (row.get(2), row.get(3)));
        assert!(before.is_none(), "a status is applied twice");
    }
    tell(&mut stories, app.webhooks().await, |story| {
        &mut story.webhooks
    });
    tell(&mut stories, app.billing().await, |story| &mut story.bills);
    for story in stories.values() {
        story.check();
    }
}
