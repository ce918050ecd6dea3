//! A lane of the ceiling: one half commits the next batch while the other publishes and acknowledges
//! the one before.

use anyhow::Context as _;
use async_nats::{Client, HeaderMap, Subject, Subscriber};
use bytes::Bytes;
use dlr::broker;
use dlr::config::Config;
use dlr::lifecycle::{Member, Part};
use dlr::store::connect::Connector;
use futures_util::StreamExt as _;
use tokio::sync::mpsc;
use tokio_postgres::Statement;
use tokio_postgres::types::ToSql;

use super::batches::{Batch, COLUMNS, STATEMENT};
use crate::ground::drive;

pub(super) struct Lane {
    database: tokio_postgres::Client,
    statement: Statement,
    batches: Vec<Batch>,
    pulled: mpsc::Receiver<Vec<Subject>>,
    out: Out,
}

struct Out {
    intake: Client,
    client: Client,
    inbox: Subject,
    confirmations: Subscriber,
    billing: Subject,
    webhook: Subject,
}

/// A committed batch on its way out.
struct Committed {
    replies: Vec<Subject>,
    events: Vec<[(HeaderMap, Bytes); 2]>,
}

impl Lane {
    pub(super) async fn open(
        config: &Config,
        intake: Client,
        batches: Vec<Batch>,
        pulled: mpsc::Receiver<Vec<Subject>>,
    ) -> anyhow::Result<Self> {
        let (database, connection) = Connector::new(&config.postgres, "ceiling")
            .connect()
            .await?;
        drive(connection);
        let statement = database.prepare(STATEMENT).await?;
        let client =
            broker::connect(&config.nats, "ceiling", Member::unwatched(Part::Nats)).await?;
        let inbox = Subject::from(client.new_inbox());
        let confirmations = client.subscribe(inbox.clone()).await?;
        Ok(Self {
            database,
            statement,
            batches,
            pulled,
            out: Out {
                intake,
                client,
                inbox,
                confirmations,
                billing: config.streams.billing_subject.as_str().into(),
                webhook: config.streams.webhook_subject.as_str().into(),
            },
        })
    }

    pub(super) async fn run(self) -> anyhow::Result<()> {
        let Self {
            database,
            statement,
            batches,
            mut pulled,
            out,
        } = self;
        let (committed, outgoing) = mpsc::channel(1);
        let commit = async move {
            for batch in batches {
                let replies = pulled.recv().await.context("the intake has ended")?;
                let columns: [&(dyn ToSql + Sync); COLUMNS] =
                    std::array::from_fn(|at| &batch.columns[at] as _);
                let stored = database.execute(&statement, &columns).await?;
                anyhow::ensure!(stored == batch.len as u64, "a batch was stored in part");
                let events = batch.events;
                let committed = committed.send(Committed { replies, events });
                committed.await.ok().context("nobody publishes")?;
            }
            anyhow::Ok(())
        };
        tokio::try_join!(commit, out.run(outgoing))?;
        Ok(())
    }
}

impl Out {
    async fn run(mut self, mut committed: mpsc::Receiver<Committed>) -> anyhow::Result<()> {
        while let Some(Committed { replies, events }) = committed.recv().await {
            let count = 2 * events.len();
            let (client, inbox) = (self.client.clone(), self.inbox.clone());
            let subjects = [self.billing.clone(), self.webhook.clone()];
            let publish = async move {
                for pair in events {
                    for (subject, (headers, body)) in subjects.iter().zip(pair) {
                        let (subject, inbox) = (subject.clone(), inbox.clone());
                        client
                            .publish_with_reply_and_headers(subject, inbox, headers, body)
                            .await?;
                    }
                }
                anyhow::Ok(())
            };
            let confirm = async {
                for _ in 0..count {
                    let message = self.confirmations.next().await;
                    let message = message.context("the connection is gone")?;
                    // `{"stream":…` or `{"error":…`; no need to read on.
                    let stored = message.payload.starts_with(br#"{"stream""#);
                    anyhow::ensure!(stored, "an event was refused: {:?}", message.payload);
                }
                anyhow::Ok(())
            };
            tokio::try_join!(publish, confirm)?;
            for reply in replies {
                self.intake.publish(reply, Bytes::new()).await?;
            }
        }
        self.intake.flush().await?;
        Ok(())
    }
}
