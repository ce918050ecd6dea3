//! Pulls, and hands the reply subjects of each batch to its lane.

use anyhow::Context as _;
use async_nats::{Client, Subject, Subscriber};
use bytes::Bytes;
use dlr::config::Config;
use futures_util::StreamExt as _;
use tokio::sync::mpsc;

/// Messages asked for and not come yet, as the processor's `pipeline.pull_max`, which an account
/// import makes ask for one at a time.
const OPEN: usize = 256;
/// Asked for at once where nothing stands between.
const MANY: usize = 1_000;
/// The prefix of the API in the streams' own account.
const OWN_API: &str = "$JS.API";

pub(super) struct Intake {
    client: Client,
    next: Subject,
    inbox: String,
    replies: Subscriber,
    /// Messages of one pull.
    each: usize,
    open: usize,
}

impl Intake {
    pub(super) async fn open(config: &Config, client: Client) -> anyhow::Result<Self> {
        let inbox = client.new_inbox();
        let replies = client.subscribe(inbox.clone()).await?;
        let streams = &config.streams;
        let next = format!(
            "{}.CONSUMER.MSG.NEXT.{}.{}",
            config.nats.api_prefix, streams.inbound, streams.consumer
        );
        let imported = config.nats.api_prefix != OWN_API;
        Ok(Self {
            client,
            next: next.into(),
            inbox,
            replies,
            each: if imported { 1 } else { MANY },
            open: 0,
        })
    }

    /// Fills batches of these sizes, and hands them to the lanes in turns.
    pub(super) async fn run(
        mut self,
        sizes: Vec<usize>,
        lanes: Vec<mpsc::Sender<Vec<Subject>>>,
    ) -> anyhow::Result<()> {
        let mut left: usize = sizes.iter().sum();
        for (at, size) in sizes.into_iter().enumerate() {
            let mut batch = Vec::with_capacity(size);
            while batch.len() < size {
                left -= self.ask(left).await?;
                let message = self
                    .replies
                    .next()
                    .await
                    .context("the connection is gone")?;
                // An expired or exhausted pull says so; the messages are asked for anew.
                if message.status.is_some() {
                    let lost = self.each.min(self.open);
                    self.open -= lost;
                    left += lost;
                    continue;
                }
                self.open -= 1;
                batch.push(message.reply.context("a message without a reply subject")?);
            }
            // Bounded: a lane that is behind stops the pulls, as it does in the processor.
            let way = &lanes[at % lanes.len()];
            way.send(batch).await.ok().context("a lane has ended")?;
        }
        Ok(())
    }

    /// Keeps enough asked for; returns how many more that are.
    async fn ask(&mut self, left: usize) -> anyhow::Result<usize> {
        let enough = OPEN.max(2 * self.each);
        if self.open > enough / 2 {
            return Ok(0);
        }
        let mut asked = 0;
        while self.open < enough && asked < left {
            let count = self.each.min(left - asked);
            let request = format!(r#"{{"batch":{count},"expires":30000000000}}"#);
            let (next, inbox) = (self.next.clone(), self.inbox.clone());
            let pull = self
                .client
                .publish_with_reply(next, inbox, Bytes::from(request));
            pull.await?;
            self.open += count;
            asked += count;
        }
        Ok(asked)
    }
}
