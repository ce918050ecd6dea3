//! The orchestrator's part in a simulation: its rows are there before the receipts about them,
//! except those of early and late messages, which appear after them.

use std::ops::Range;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::SinkExt;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_postgres::Client;

use super::scenario::{Kind, Scenario, Story};

const COPY: &str = "COPY orch.sms_messages (id, account_id, carrier_id, operator_message_id, status, \
     created_at, client_ref, mccmnc, price, currency, body) FROM STDIN";

/// Stories a COPY: some hundred kilobytes, a fraction of a second.
const CHUNK: u64 = 5_000;

/// Announces a receipt as just published whose message's row is still due.
#[derive(Debug, Clone, Copy)]
pub struct Due {
    pub story: u64,
    pub published_at: Instant,
}

/// Where such receipts are announced: one way for each lag, so that what comes first is due first.
#[derive(Debug, Clone)]
pub struct Announce {
    pub early: mpsc::Sender<Due>,
    pub late: mpsc::Sender<Due>,
}

impl Announce {
    pub(super) fn way(&self, kind: Kind) -> Option<&mpsc::Sender<Due>> {
        match kind {
            Kind::Early => Some(&self.early),
            Kind::Late => Some(&self.late),
            _ => None,
        }
    }
}

/// How far the stories are told and how far their rows are there.
#[derive(Debug, Clone)]
pub struct Extent {
    /// Stories that may have begun.
    pub told: watch::Sender<u64>,
    /// Stories whose rows are committed.
    pub filled: watch::Sender<u64>,
}

impl Default for Extent {
    fn default() -> Self {
        Self {
            told: watch::Sender::new(0),
            filled: watch::Sender::new(0),
        }
    }
}

/// Writes rows for the stories in `range`; those of early and late messages are left out.
pub async fn fill(
    client: &Client,
    scenario: &Scenario,
    range: Range<u64>,
) -> Result<(), tokio_postgres::Error> {
    let stories = range.map(|number| scenario.story(number));
    copy(
        client,
        stories.filter(|story| story.has_row() && story.row_lag().is_none()),
    )
    .await
}

/// Keeps rows for `ahead` stories in front of the publisher, for ever: an endless run needs no
/// endless table at its start. Ends only when it fails.
pub async fn keep_ahead(
    client: &Client,
    scenario: &Scenario,
    extent: &Extent,
    ahead: u64,
) -> Result<(), tokio_postgres::Error> {
    let mut told = extent.told.subscribe();
    loop {
        let filled = *extent.filled.borrow();
        // The sender lives in `extent`, so waiting fails never.
        if told
            .wait_for(|told| told + ahead > filled + CHUNK || filled == 0)
            .await
            .is_err()
        {
            return Ok(());
        }
        fill(client, scenario, filled..filled + CHUNK).await?;
        extent.filled.send_replace(filled + CHUNK);
    }
}

/// Writes the rows of messages of one lag when they are due, until every publisher is gone.
pub async fn insert_due(
    client: &Client,
    scenario: &Scenario,
    mut announced: mpsc::Receiver<Due>,
) -> Result<(), tokio_postgres::Error> {
    /// Rows due within this time go together.
    const TOGETHER: Duration = Duration::from_millis(20);

    let told = |due: Due| {
        let story = scenario.story(due.story);
        (
            due.published_at + story.row_lag().unwrap_or_default(),
            story,
        )
    };
    let mut next = announced.recv().await.map(told);
    while let Some((due, first)) = next {
        sleep_until(due).await;
        let mut batch = vec![first];
        next = loop {
            match announced.try_recv().map(told) {
                Ok((at, story)) if at <= due + TOGETHER => batch.push(story),
                Ok(later) => break Some(later),
                Err(_) => break None,
            }
        };
        copy(client, batch.into_iter()).await?;
        if next.is_none() {
            next = announced.recv().await.map(told);
        }
    }
    Ok(())
}

async fn copy(
    client: &Client,
    stories: impl Iterator<Item = Story>,
) -> Result<(), tokio_postgres::Error> {
    let mut sink = pin!(client.copy_in::<_, Bytes>(COPY).await?);
    let mut lines = String::new();
    for story in stories {
        push_line(&mut lines, &story);
    }
    sink.send(Bytes::from(lines)).await?;
    sink.finish().await?;
    Ok(())
}

/// No field holds a tab, a line end or a backslash, so nothing needs escaping.
fn push_line(lines: &mut String, story: &Story) {
    let fields = [
        &story.message_id.to_string(),
        &story.account_id.to_string(),
        story.carrier.name,
        &story.operator_message_id,
        "sent",
        &story.submitted_at.to_string(),
        &format!("order-{}", story.number),
        "23410",
        "0.0420",
        "EUR",
        "Your parcel is on its way.",
    ];
    for (index, field) in fields.into_iter().enumerate() {
        lines.push_str(if index == 0 { "" } else { "\t" });
        lines.push_str(field);
    }
    lines.push('\n');
}
