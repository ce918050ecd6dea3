//! Whether every receipt ended exactly once, with the status and the events that it is due: read
//! from the tables and the streams, without asking whoever did the work.

use std::fmt::Write as _;
use std::pin::pin;

use bytes::Bytes;
use dlr::broker::layout::{BILLING_CONSUMER, WEBHOOK_CONSUMER};
use dlr::dev::nats::Identity;
use futures_util::SinkExt as _;
use serde::Serialize;

use crate::events::{Reader, Tally};
use crate::ground::Field;
use crate::messages::status;
use crate::offer::Offered;

#[derive(Debug, Default, Clone, Serialize)]
pub(crate) struct Ledger {
    pub(crate) receipts: u64,
    pub(crate) applied: u64,
    pub(crate) without_disposition: u64,
    pub(crate) with_two: u64,
    /// Rows about another message, or with another status, than the receipt's; here or there.
    pub(crate) wrong_rows: u64,
    /// Rows and changed messages that no receipt accounts for.
    pub(crate) strange: u64,
    pub(crate) events: u64,
    pub(crate) event_messages: u64,
    pub(crate) events_missing: u64,
    pub(crate) events_double: u64,
    pub(crate) events_wrong: u64,
}

impl Ledger {
    pub(crate) fn lost(&self) -> u64 {
        self.without_disposition + self.wrong_rows + self.events_missing + self.events_wrong
    }

    pub(crate) fn double(&self) -> u64 {
        self.with_two + self.strange + self.events_double
    }

    /// Whether nothing was lost and nothing came twice.
    pub(crate) fn is_balanced(&self) -> bool {
        self.lost() == 0 && self.double() == 0
    }
}

const EXPECTED: &str = "CREATE TEMP TABLE expected (number text, seq bigint, status text)";

/// Every end that is stored, and of those about a message what the message has come to. By its key: a
/// hash of many million messages takes a minute.
const ENDED: &str = "
CREATE TEMP TABLE ended AS
SELECT seq, message_id, client_ref, disposition, status FROM dlr.delivery_receipts WHERE NOT late
UNION ALL
SELECT seq, NULL, NULL, 'parked', NULL FROM dlr.orphaned_receipts WHERE reason <> 'redriven'
UNION ALL
SELECT seq, NULL, NULL, 'rejected', NULL FROM dlr.rejected_receipts;
ANALYZE ended;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
CREATE TEMP TABLE met AS
SELECT ended.*, message.client_ref AS number, message.status AS reached
FROM ended LEFT JOIN orch.sms_messages AS message ON message.id = ended.message_id;
RESET enable_hashjoin;
RESET enable_mergejoin;
ANALYZE met";

/// One row: how many were applied, have no disposition, have two, have a wrong row.
const ENDS: &str = "
WITH each AS (
    SELECT expected.seq, count(met.seq) AS ends,
           count(*) FILTER (WHERE disposition = 'applied') AS applied,
           count(*) FILTER (WHERE met.client_ref = expected.number AND met.status = expected.status
               AND met.number = expected.number AND met.reached = expected.status) AS right
    FROM expected
    LEFT JOIN met USING (seq)
    GROUP BY expected.seq
)
SELECT coalesce(sum(applied), 0)::bigint, count(*) FILTER (WHERE ends = 0),
       count(*) FILTER (WHERE ends > 1), count(*) FILTER (WHERE ends = 1 AND each.right <> 1),
       (SELECT count(*) FROM met WHERE NOT EXISTS (SELECT FROM expected WHERE seq = met.seq)),
       (SELECT count(*) FROM orch.sms_messages WHERE status <> 'sent')
FROM each";

/// `webhook` is what was read of that stream already.
pub(crate) async fn reconcile(
    field: &Field,
    offered: &[Offered],
    webhook: Option<Tally>,
) -> anyhow::Result<Ledger> {
    let mut ledger = Ledger {
        receipts: offered.len() as u64,
        ..Ledger::default()
    };
    tables(field, offered, &mut ledger).await?;
    let streams = &field.config.streams;
    for (name, consumer, identity, read) in [
        (
            &streams.webhook,
            WEBHOOK_CONSUMER,
            Identity::Webhook,
            webhook,
        ),
        (&streams.billing, BILLING_CONSUMER, Identity::Billing, None),
    ] {
        let mut tally = read.unwrap_or_default();
        let held = field.streams(Identity::Reconcile).await?;
        let held = held.get_stream(name).await?.cached_info().state.messages;
        if tally.messages < held {
            let context = field.streams(identity).await?;
            let mut reader = Reader::open(&context, name, consumer).await?;
            reader.read(&mut tally, held).await?;
        }
        let missing = offered
            .iter()
            .filter(|it| !tally.numbers.contains(&it.number));
        ledger.events += tally.events;
        ledger.event_messages += tally.messages;
        ledger.events_missing += missing.count() as u64;
        ledger.events_double += tally.double;
        ledger.events_wrong += tally.wrong;
    }
    Ok(ledger)
}

/// The same of a program whose tables and events are other ones: by its rows and messages, and the
/// number of its events.
pub(crate) async fn count(field: &Field, offered: &[Offered]) -> anyhow::Result<Ledger> {
    const ENDS: &str = "
        SELECT count(*) FILTER (WHERE ends > 0), count(*) FILTER (WHERE ends = 0),
               count(*) FILTER (WHERE ends > 1), count(*) FILTER (WHERE ends = 1 AND each.right <> 1)
        FROM (
            SELECT expected.seq, count(stored.stream_seq) AS ends,
                   count(*) FILTER (WHERE message.client_ref = number
                       AND message.status = expected.status) AS right
            FROM expected
            LEFT JOIN dlr.delivery_receipts AS stored ON stored.stream_seq = expected.seq
            LEFT JOIN orch.sms_messages AS message ON message.id = stored.message_id
            GROUP BY expected.seq
        ) AS each";
    expect(field, offered).await?;
    let row = field.sql.query_one(ENDS, &[]).await?;
    let number = |column: usize| u64::try_from(row.get::<_, i64>(column)).unwrap_or(0);
    let mut ledger = Ledger {
        receipts: offered.len() as u64,
        applied: number(0),
        without_disposition: number(1),
        with_two: number(2),
        wrong_rows: number(3),
        ..Ledger::default()
    };
    let context = field.streams(Identity::Reconcile).await?;
    let streams = &field.config.streams;
    for name in [&streams.webhook, &streams.billing] {
        let held = context.get_stream(name).await?.cached_info().state.messages;
        ledger.events += held;
        ledger.event_messages += held;
        ledger.events_missing += ledger.receipts.saturating_sub(held);
        ledger.events_double += held.saturating_sub(ledger.receipts);
    }
    Ok(ledger)
}

/// What was offered, as a table for this session.
async fn expect(field: &Field, offered: &[Offered]) -> anyhow::Result<()> {
    field.sql.batch_execute(EXPECTED).await?;
    let copy = "COPY expected FROM STDIN";
    let mut sink = pin!(field.sql.copy_in::<_, Bytes>(copy).await?);
    for some in offered.chunks(10_000) {
        let mut lines = String::new();
        for Offered { number, sequence } in some {
            writeln!(lines, "{number}\t{sequence}\t{}", status(*number))?;
        }
        sink.send(lines.into()).await?;
    }
    sink.finish().await?;
    Ok(field.sql.batch_execute("ANALYZE expected").await?)
}

async fn tables(field: &Field, offered: &[Offered], ledger: &mut Ledger) -> anyhow::Result<()> {
    expect(field, offered).await?;
    field.sql.batch_execute(ENDED).await?;
    let row = field.sql.query_one(ENDS, &[]).await?;
    let count = |column: usize| u64::try_from(row.get::<_, i64>(column)).unwrap_or(0);
    ledger.applied = count(0);
    ledger.without_disposition = count(1);
    ledger.with_two = count(2);
    ledger.wrong_rows = count(3);
    ledger.strange = count(4) + count(5).abs_diff(ledger.receipts);
    Ok(())
}
