//! Everything the ceiling sends, made before it begins.

use std::error::Error;
use std::time::Duration;

use async_nats::HeaderMap;
use bytes::{Bytes, BytesMut};
use dlr::clock::Clock;
use dlr::events::{Source, of_decision};
use dlr::receipt::decision::{Decision, Message, Verdict};
use dlr::receipt::ids::Identity;
use jiff::Timestamp;
use tokio_postgres::types::{Format, IsNull, ToSql, Type, to_sql_checked};
use uuid::Uuid;

use crate::messages::{carrier, operator_message_id, stat, status};

/// Finds, updates and inserts at once. Like the processor it looks for two candidates of an id, and
/// re-checks the status that it starts from.
pub(super) const STATEMENT: &str = "\
WITH found AS MATERIALIZED (
    SELECT v.*, m.*
    FROM unnest($1::int8[], $2::timestamptz[], $3::uuid[], $4::text[], $5::text[], $6::text[],
        $7::text[], $8::int2[], $9::text[], $10::text[], $11::text[], $12::timestamptz[],
        $13::timestamptz[], $14::timestamptz[], $15::bytea[], $16::bytea[], $17::bytea[])
      AS v (seq, stored_at, receipt_id, carrier, opid, status, stat, message_state, err, submit_date,
        done_date, submitted_at, done_at, received_at, personal_sealed, source_hash, dest_hash)
    CROSS JOIN LATERAL (
        SELECT ctid AS place, id, account_id, status AS previous, segment, segments, group_id,
            client_ref, mccmnc, price, currency
        FROM orch.sms_messages
        WHERE operator_message_id = v.opid AND carrier_id = v.carrier
          AND created_at > now() - interval '73 hours'
        LIMIT 2
    ) AS m
), raised AS (
    UPDATE orch.sms_messages AS m
    SET status = found.status, dlr_status = found.stat, dlr_received_at = found.received_at,
        processed_at = now()
    FROM found WHERE m.ctid = found.place AND m.status = found.previous
)
INSERT INTO dlr.delivery_receipts (
    stored_at, stream, seq, receipt_id, disposition, late, message_id, account_id, carrier_id,
    operator_message_id, segment, segments, group_id, client_ref, mccmnc, price, currency,
    previous_status, status, reported_status, stat, message_state, err, flags, submit_date, done_date,
    submitted_at, done_at, received_at, processed_at, personal_sealed, source_hash, dest_hash,
    hash_kid, profile_revision)
SELECT stored_at, 'SMS_DLR', seq, receipt_id, 'applied', false, id, account_id, carrier, opid,
    segment, segments, group_id, client_ref, mccmnc, price, currency, previous, status, status, stat,
    message_state, err, 0, submit_date, done_date, submitted_at, done_at, received_at, now(),
    personal_sealed, source_hash, dest_hash, 1, 0
FROM found";

pub(super) const COLUMNS: usize = 17;

/// One transaction, and what follows from it.
pub(super) struct Batch {
    pub(super) len: usize,
    pub(super) columns: [Ready; COLUMNS],
    /// Billing and webhook of each receipt.
    pub(super) events: Vec<[(HeaderMap, Bytes); 2]>,
}

/// A parameter in the form that goes over the wire.
#[derive(Debug)]
pub(super) struct Ready(Bytes);

impl Ready {
    fn new(values: impl ToSql, kind: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let mut bytes = BytesMut::new();
        values.to_sql(kind, &mut bytes)?;
        Ok(Self(bytes.freeze()))
    }
}

impl ToSql for Ready {
    fn to_sql(
        &self,
        _kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.extend_from_slice(&self.0);
        Ok(IsNull::No)
    }

    fn accepts(_kind: &Type) -> bool {
        true
    }

    fn encode_format(&self, _kind: &Type) -> Format {
        Format::Binary
    }

    to_sql_checked!();
}

/// The batches for receipts about these messages, which the stream has under sequences from 1 on.
pub(super) fn make(numbers: &[u64], size: usize) -> anyhow::Result<Vec<Batch>> {
    let now = Clock.now();
    let mut first = 1;
    let mut batches = Vec::new();
    for some in numbers.chunks(size) {
        let batch = batch(some, first, now);
        batches.push(batch.map_err(|error| anyhow::anyhow!("{error}"))?);
        first += some.len() as u64;
    }
    Ok(batches)
}

fn batch(
    numbers: &[u64],
    first: u64,
    now: Timestamp,
) -> Result<Batch, Box<dyn Error + Sync + Send>> {
    let len = numbers.len();
    let each =
        |make: fn(u64) -> &'static str| numbers.iter().map(|it| make(*it)).collect::<Vec<_>>();
    let identities: Vec<Identity> = (first..)
        .take(len)
        .map(|sequence| Identity {
            stream: "SMS_DLR".into(),
            sequence,
            stored_ns: i64::try_from(now.as_nanosecond()).unwrap_or(0)
                + 1_000 * sequence.cast_signed(),
        })
        .collect();
    let receipt_ids: Vec<Uuid> = identities.iter().map(|it| it.receipt_id().0).collect();
    let stored: Vec<Timestamp> = identities.iter().map(Identity::stored_at).collect();
    let sequences: Vec<i64> = identities
        .iter()
        .map(|it| it.sequence.cast_signed())
        .collect();
    let ids: Vec<String> = numbers.iter().map(|it| operator_message_id(*it)).collect();
    let hash = |_| [7_u8; 16].to_vec();
    // As long as two sealed numbers are: key id, nonce, text and tag.
    let sealed: Vec<Vec<u8>> = (0..len).map(|_| vec![fastrand::u8(..); 96]).collect();
    let hashes: Vec<Vec<u8>> = (0..len).map(hash).collect();
    let columns = [
        Ready::new(sequences, &Type::INT8_ARRAY)?,
        Ready::new(stored, &Type::TIMESTAMPTZ_ARRAY)?,
        Ready::new(receipt_ids, &Type::UUID_ARRAY)?,
        Ready::new(each(carrier), &Type::TEXT_ARRAY)?,
        Ready::new(ids, &Type::TEXT_ARRAY)?,
        Ready::new(each(status), &Type::TEXT_ARRAY)?,
        Ready::new(each(stat), &Type::TEXT_ARRAY)?,
        Ready::new(vec![2_i16; len], &Type::INT2_ARRAY)?,
        Ready::new(vec!["000"; len], &Type::TEXT_ARRAY)?,
        Ready::new(vec!["2611221201"; len], &Type::TEXT_ARRAY)?,
        Ready::new(vec!["2611221201"; len], &Type::TEXT_ARRAY)?,
        Ready::new(vec![now; len], &Type::TIMESTAMPTZ_ARRAY)?,
        Ready::new(vec![now; len], &Type::TIMESTAMPTZ_ARRAY)?,
        Ready::new(vec![now; len], &Type::TIMESTAMPTZ_ARRAY)?,
        Ready::new(sealed, &Type::BYTEA_ARRAY)?,
        Ready::new(&hashes, &Type::BYTEA_ARRAY)?,
        Ready::new(&hashes, &Type::BYTEA_ARRAY)?,
    ];
    let events = numbers
        .iter()
        .zip(&identities)
        .map(|(number, identity)| events(*number, identity, now))
        .collect();
    Ok(Batch {
        len,
        columns,
        events,
    })
}

/// The bytes that the processor would publish, about a message of another id.
fn events(number: u64, identity: &Identity, now: Timestamp) -> [(HeaderMap, Bytes); 2] {
    let (id, client_ref) = (operator_message_id(number), number.to_string());
    let decision = Decision {
        receipt_id: identity.receipt_id(),
        verdict: Verdict::Applied,
        message: Message {
            id: Uuid::new_v4(),
            account_id: Uuid::from_u128(u128::from(number % 1_000)),
            segment: Some(1),
            segments: Some(1),
            group_id: None,
            client_ref: Some(&client_ref),
            mccmnc: Some("23410"),
            price: Some("0.0420"),
            currency: Some("EUR"),
        },
        carrier_id: carrier(number),
        operator_message_id: &id,
        previous_status: "sent",
        status: status(number),
        group_status: None,
        stat: Some(stat(number)),
        err: Some("000"),
        submitted_at: Some(now),
        done_at: Some(now),
        received_at: now,
        processed_at: now.saturating_add(Duration::from_millis(5)).unwrap_or(now),
        late: false,
    };
    let mut made = Vec::with_capacity(2);
    of_decision(&Source::of_deployment("ceiling"), &decision, &mut made);
    let [billing, webhook] = made.try_into().expect("a final status has two events");
    [billing, webhook].map(|event| {
        let mut headers = HeaderMap::new();
        headers.insert(async_nats::header::NATS_MESSAGE_ID, event.id.to_string());
        headers.insert("Content-Type", "application/cloudevents+json");
        (headers, event.body)
    })
}
