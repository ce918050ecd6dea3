//! Receipts read back, with the decision that was taken about them.

use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::receipt::decision::{Because, Decision, Message, Verdict};
use crate::receipt::ids::ReceiptId;

/// What [`StoredReceipt`] reads: of the receipt `r`, and of what was decided about it, `d`.
macro_rules! receipt_columns {
    () => {
        "r.seq, r.receipt_id, d.disposition, d.reason, r.message_id, r.account_id, r.carrier_id,
    r.operator_message_id, r.segment, r.segments, r.group_id, r.client_ref, r.mccmnc,
    r.price::text, r.currency, d.previous_status, d.status, r.stat, r.err, r.submitted_at,
    r.done_at, r.received_at, d.decided_at, r.late, r.personal_sealed, d.group_status"
    };
}
pub(in crate::store) use receipt_columns;

/// What was decided about the receipt `r` when it came; to be joined.
macro_rules! first_decision {
    () => {
        "CROSS JOIN LATERAL (
    SELECT r.disposition, r.reason, r.previous_status, r.status, r.group_status,
        r.processed_at AS decided_at
) AS d"
    };
}
pub(in crate::store) use first_decision;

/// How many [`receipt_columns`] there are.
pub(in crate::store) const COLUMNS: usize = 26;

pub(in crate::store) const FIND: &str = concat!(
    "-- find_receipts\nSELECT ",
    receipt_columns!(),
    "
FROM unnest($1::timestamptz[], $2::int8[]) AS k (stored_at, seq)
JOIN dlr.delivery_receipts AS r
  ON r.stored_at = k.stored_at AND r.stream = $3 AND r.seq = k.seq
",
    first_decision!()
);

/// A receipt read back.
pub struct StoredReceipt(pub(in crate::store) Row);

impl StoredReceipt {
    pub fn sequence(&self) -> i64 {
        self.0.get(0)
    }

    pub fn receipt_id(&self) -> ReceiptId {
        ReceiptId(self.0.get(1))
    }

    pub fn message_id(&self) -> Uuid {
        self.0.get(4)
    }

    pub fn carrier_id(&self) -> &str {
        self.0.get(6)
    }

    /// `None` when there is none, and when it is sealed for looking like a phone number.
    pub fn stat(&self) -> Option<&str> {
        self.0.get(17)
    }

    pub fn account_id(&self) -> Uuid {
        self.0.get(5)
    }

    pub fn operator_message_id(&self) -> Option<&str> {
        self.0.get(7)
    }

    pub fn is_applied(&self) -> bool {
        self.0.get::<_, &str>(2) == "applied"
    }

    pub fn processed_at(&self) -> Timestamp {
        self.0.get(22)
    }

    pub fn personal_sealed(&self) -> Option<&[u8]> {
        self.0.get(24)
    }

    /// The decision as it was taken; `operator_message_id` is given because the row may hold it
    /// sealed.
    pub fn decision<'a>(&'a self, operator_message_id: &'a str) -> Decision<'a> {
        let row = &self.0;
        Decision {
            receipt_id: self.receipt_id(),
            verdict: verdict(row.get(2), row.get(3)),
            message: Message {
                id: row.get(4),
                account_id: row.get(5),
                segment: row.get(8),
                segments: row.get(9),
                group_id: row.get(10),
                client_ref: row.get(11),
                mccmnc: row.get(12),
                price: row.get(13),
                currency: row.get(14),
            },
            carrier_id: self.carrier_id(),
            operator_message_id,
            previous_status: row.get(15),
            status: row.get(16),
            group_status: row.get(25),
            stat: row.get(17),
            err: row.get(18),
            submitted_at: row.get(19),
            done_at: row.get(20),
            received_at: row.get(21),
            processed_at: self.processed_at(),
            late: row.get(23),
        }
    }
}

fn verdict(disposition: &str, reason: Option<&str>) -> Verdict {
    if disposition == "applied" {
        return Verdict::Applied;
    }
    let because = Because::ALL
        .into_iter()
        .find(|because| Some(because.as_str()) == reason);
    // A later version's reason changes nothing about its events: there are none.
    Verdict::Recorded(because.unwrap_or(Because::NotHigher))
}
