//! The messages, and which of them get a receipt: everything about message `number` is a function of
//! the number, here and in SQL, so that neither side has to tell the other.

use std::collections::HashSet;
use std::time::Instant;

use tokio_postgres::Client;

use crate::progress::{Bar, say};

/// Odd, so that it maps 32 bits onto themselves one to one: ids look random and none is there twice.
const SPREAD: u64 = 2_654_435_761;

pub(crate) const CARRIERS: [&str; 5] = ["acme", "northtel", "metro", "orion", "pacific"];

/// Messages of one statement.
const AT_ONCE: usize = 1_000_000;

/// Nobody counts on what is filled while it is.
const SETTINGS: &str = "SET synchronous_commit = off; SET maintenance_work_mem = '1GB'";

/// Receipts come in about the order in which their messages were sent.
const NEIGHBOURS: usize = 5_000;

pub(crate) fn carrier(number: u64) -> &'static str {
    CARRIERS[usize::try_from(number % 5).expect("below 5")]
}

pub(crate) fn operator_message_id(number: u64) -> String {
    format!("{:08x}", (number * SPREAD) & 0xffff_ffff)
}

/// The carrier's word about it; all are final.
pub(crate) fn stat(number: u64) -> &'static str {
    match number % 20 {
        0 | 1 => "UNDELIV",
        2 => "EXPIRED",
        _ => "DELIVRD",
    }
}

/// The status that this word leads to.
pub(crate) fn status(number: u64) -> &'static str {
    match stat(number) {
        "UNDELIV" => "failed",
        "EXPIRED" => "expired",
        _ => "delivered",
    }
}

/// Fills an empty table with messages 1 to `count`, the last sent just now. `client` is the
/// superuser's. Ten million took 109 and 130 s beside other work.
pub(crate) async fn fill(client: &Client, count: u64) -> anyhow::Result<()> {
    let begun = Instant::now();
    // Building the indexes afterwards halves the time, and leaves them as compact as a new table's.
    let indexes = client
        .query(
            "SELECT format('ALTER TABLE orch.sms_messages DROP CONSTRAINT %I', conname),
                    format('ALTER TABLE orch.sms_messages ADD CONSTRAINT %I %s', conname,
                           pg_get_constraintdef(oid))
             FROM pg_constraint WHERE conrelid = 'orch.sms_messages'::regclass AND contype = 'p'
             UNION ALL
             SELECT 'DROP INDEX ' || indexrelid::regclass, pg_get_indexdef(indexrelid)
             FROM pg_index WHERE indrelid = 'orch.sms_messages'::regclass AND NOT indisprimary",
            &[],
        )
        .await?;
    for row in &indexes {
        client.batch_execute(row.get(0)).await?;
    }
    let has_text = "SELECT EXISTS (SELECT FROM pg_attribute WHERE attname = 'body'
        AND attrelid = 'orch.sms_messages'::regclass)";
    let has_text: bool = client.query_one(has_text, &[]).await?.get(0);
    let (body, text) = if has_text {
        (", body", ", 'Your parcel is on its way.'")
    } else {
        ("", "")
    };
    let carriers = CARRIERS.map(|name| format!("'{name}'")).join(",");
    let mut bar = Bar::new("messages", count);
    let now = "SELECT now()::text";
    let now: String = client.query_one(now, &[]).await?.get(0);
    client.batch_execute(SETTINGS).await?;
    for first in (1..=count).step_by(AT_ONCE) {
        let last = count.min(first + AT_ONCE as u64 - 1);
        let fill = format!(
            "INSERT INTO orch.sms_messages (id, account_id, carrier_id, operator_message_id, status,
                 created_at, client_ref, mccmnc, price, currency{body})
             SELECT gen_random_uuid(), lpad(to_hex(n % 1000), 32, '0')::uuid,
                 (ARRAY[{carriers}])[1 + n % 5], lpad(to_hex((n * {SPREAD}) & 4294967295), 8, '0'),
                 'sent', timestamptz '{now}' - ({count} - n) * (interval '48 hours' / {count}),
                 n::text, '23410', 0.0420, 'EUR'{text}
             FROM generate_series({first}, {last}::bigint) AS n"
        );
        client.batch_execute(&fill).await?;
        // Else the log of what is written grows beyond what is written.
        client.batch_execute("CHECKPOINT").await?;
        bar.at(last);
    }
    drop(bar);
    for row in &indexes {
        client.batch_execute(row.get(1)).await?;
    }
    let tidy = "VACUUM (ANALYZE) orch.sms_messages";
    client.batch_execute(tidy).await?;
    let size = "SELECT pg_size_pretty(pg_total_relation_size('orch.sms_messages'))";
    let size: String = client.query_one(size, &[]).await?.get(0);
    let seconds = begun.elapsed().as_secs_f64();
    say(&format!(
        "filled {count} messages in {seconds:.0} s: {size}"
    ))?;
    Ok(())
}

/// Which messages get a receipt, in the order of the receipts.
pub(crate) fn chosen(messages: u64, receipts: u64, random: bool, seed: u64) -> Vec<u64> {
    let mut dice = fastrand::Rng::with_seed(seed);
    if !random {
        let mut youngest: Vec<u64> = (messages - receipts + 1..=messages).collect();
        for neighbours in youngest.chunks_mut(NEIGHBOURS) {
            dice.shuffle(neighbours);
        }
        return youngest;
    }
    let mut seen = HashSet::new();
    let mut chosen = Vec::new();
    while (chosen.len() as u64) < receipts {
        let number = dice.u64(1..=messages);
        if seen.insert(number) {
            chosen.push(number);
        }
    }
    chosen
}
