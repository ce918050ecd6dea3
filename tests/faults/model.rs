//! What a set of published receipts amounts to, told without the product's code.
//!
//! Under faults the order in which receipts are decided is not that of the stream: one may be
//! delivered again behind its successor. So the model says what holds in any order: where each
//! envelope may end, each message's last status, and that the changes it went through are one rising
//! chain, each told once.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Where a status stands, by CONTRACT §4; `None` for no status of ours.
fn rank(status: &str) -> Option<u8> {
    Some(match status {
        "sent" => 0,
        "in_transit" => 1,
        "expired" => 4,
        "failed" => 5,
        "delivered" => 6,
        _ => return None,
    })
}

fn status_of(stat: &str) -> &'static str {
    match stat {
        "ENROUTE" => "in_transit",
        "EXPIRED" => "expired",
        "UNDELIV" => "failed",
        "DELIVRD" => "delivered",
        other => panic!("no story has {other}"),
    }
}

/// Where an envelope has to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Applied or recorded.
    Decided,
    /// Or parked and matched later, for its message came after it.
    Early,
    Poisoned,
    Parked,
    Rejected,
}

/// An envelope as the tables tell it.
#[derive(Debug, Clone)]
pub(crate) struct Disposition {
    pub(crate) sequence: u64,
    /// `applied`, `recorded`, `parked` or `rejected`.
    pub(crate) end: String,
    /// Why it was parked.
    pub(crate) reason: String,
}

/// A change of a message, as the tables tell it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Change {
    pub(crate) id: String,
    pub(crate) from: String,
    pub(crate) to: String,
}

/// Everything that can be seen from outside when all is over.
pub(crate) struct Seen {
    /// The inbound stream's, with their sequences.
    pub(crate) payloads: Vec<(u64, String)>,
    pub(crate) dispositions: Vec<Disposition>,
    pub(crate) changes: Vec<Change>,
    /// Ids of messages that were written after their receipts were published.
    pub(crate) early: BTreeSet<String>,
    /// Sequences that were decided after parking.
    pub(crate) late: BTreeSet<u64>,
    /// Operator message id and status.
    pub(crate) messages: BTreeMap<String, String>,
    /// Messages' ids of `orch.sms_messages` to those of the operator.
    pub(crate) operator_ids: BTreeMap<String, String>,
    pub(crate) webhooks: Vec<Value>,
    pub(crate) bills: Vec<Value>,
    pub(crate) notices: Vec<Value>,
    /// Whether PostgreSQL refuses receipts of this operator message id.
    pub(crate) poisoned: fn(&str) -> bool,
}

impl Seen {
    /// Fails with whatever is not as it has to be.
    #[track_caller]
    pub(crate) fn assert_accounted_for(&self) {
        let fates = self.fates();
        let mut ends: BTreeMap<u64, Vec<(&str, &str)>> = BTreeMap::new();
        for it in &self.dispositions {
            let end = (&*it.end, &*it.reason);
            ends.entry(it.sequence).or_default().push(end);
        }
        for (sequence, fate) in &fates {
            let ends = ends.remove(sequence).unwrap_or_default();
            let right = match fate {
                Fate::Decided => matches!(ends[..], [("applied" | "recorded", _)]),
                // An outage is no fault of the receipt's.
                Fate::Early => match ends[..] {
                    [("parked", "no_message")] => self.late.contains(sequence),
                    ref ends => matches!(ends, [("applied" | "recorded", _)]),
                },
                Fate::Poisoned => ends == [("parked", "store_refused")],
                Fate::Parked => ends == [("parked", "no_message")],
                Fate::Rejected => matches!(ends[..], [("rejected", _)]),
            };
            assert!(right, "{sequence} should be {fate:?}, and is {ends:?}");
        }
        assert_eq!(ends, BTreeMap::new(), "rows without an envelope");
        self.assert_messages();
        self.assert_events();
        let parked = self
            .dispositions
            .iter()
            .filter(|it| it.end == "parked")
            .count();
        let notices: BTreeSet<&str> = self.notices.iter().map(receipt_id).collect();
        assert_eq!(notices.len(), parked, "a notice for each that is parked");
    }

    fn fates(&self) -> BTreeMap<u64, Fate> {
        let fate = |payload: &str| match read(payload) {
            None => Fate::Rejected,
            Some((id, _)) if (self.poisoned)(&id) => Fate::Poisoned,
            Some((id, _)) if self.early.contains(&id) => Fate::Early,
            Some((id, _)) if self.is_decided(&id) => Fate::Decided,
            Some(_) => Fate::Parked,
        };
        let fates = self.payloads.iter();
        fates
            .map(|(sequence, payload)| (*sequence, fate(payload)))
            .collect()
    }

    fn is_decided(&self, id: &str) -> bool {
        self.messages.contains_key(id) && !(self.poisoned)(id)
    }

    /// Each message has the highest status of its receipts, by one rising chain of changes.
    fn assert_messages(&self) {
        let mut highest: BTreeMap<String, &str> = BTreeMap::new();
        let receipts = self
            .payloads
            .iter()
            .filter_map(|(_, payload)| read(payload));
        for (id, stat) in receipts.filter(|(id, _)| self.is_decided(id)) {
            let status = highest.entry(id).or_insert("sent");
            *status = [*status, status_of(&stat)]
                .into_iter()
                .max_by_key(|it| rank(it))
                .unwrap();
        }
        for (id, status) in &self.messages {
            assert_eq!(status, highest.get(id).copied().unwrap_or("sent"), "{id}");
            let mut changes: Vec<&Change> = self.changes.iter().filter(|it| it.id == *id).collect();
            changes.sort_by_key(|it| rank(&it.to));
            let mut at = "sent";
            for change in changes {
                assert_eq!(change.from, at, "{id} does not rise step by step");
                assert!(
                    rank(&change.to) > rank(at),
                    "{id} does not rise: {change:?}"
                );
                at = &change.to;
            }
            assert_eq!(at, status, "{id} is not where its changes led it");
        }
    }

    /// Each change is told to the webhook, and each final one is billed; once each, when what a
    /// consumer drops is dropped.
    fn assert_events(&self) {
        let told = |events: &[Value]| -> Vec<(String, String)> {
            let mut distinct: BTreeMap<&str, &Value> = BTreeMap::new();
            for event in events {
                let first = distinct
                    .entry(event["id"].as_str().unwrap())
                    .or_insert(event);
                assert_eq!(*first, event, "repeated, but not the same");
            }
            let mut told: Vec<_> = distinct
                .into_values()
                .map(|event| {
                    let message = event["data"]["messageId"].as_str().unwrap();
                    let status = event["data"]["status"].as_str().unwrap();
                    (self.operator_ids[message].clone(), status.to_owned())
                })
                .collect();
            told.sort();
            told
        };
        let mut changes: Vec<_> = self
            .changes
            .iter()
            .map(|change| (change.id.clone(), change.to.clone()))
            .collect();
        changes.sort();
        assert_eq!(told(&self.webhooks), changes, "webhooks and changes");
        changes.retain(|(_, status)| rank(status) >= rank("expired"));
        assert_eq!(told(&self.bills), changes, "bills and final changes");
    }
}

fn receipt_id(event: &Value) -> &str {
    event["data"]["receiptId"].as_str().unwrap()
}

/// Operator message id and word of what is a receipt.
fn read(payload: &str) -> Option<(String, String)> {
    let receipt: Value = serde_json::from_str(payload).unwrap();
    let id = receipt["operatorMessageId"].as_str()?;
    Some((id.to_owned(), receipt["stat"].as_str()?.to_owned()))
}
