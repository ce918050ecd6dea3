//! What a diagnosis says of one carrier.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::evidence::{Counts, Evidence, Refusal};
use super::lately::Noticed;
use super::zone::Skew;
use crate::carriers::Difference;

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnosis {
    pub carrier: String,
    /// Of the profile in force; 0 for none.
    pub revision: i32,
    pub parked: Parked,
    /// The way of reading that would match the most, whether or not it is proposed.
    pub reading: Option<Reading>,
    /// Why those match nothing that no reading finds.
    pub unfound: Unfound,
    pub clock: Option<Clock>,
    pub lately: Noticed,
    pub proposal: Option<Proposal>,
}

/// Parked receipts without a resolution.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Parked {
    pub open: u64,
    pub reasons: BTreeMap<String, u64>,
    pub oldest: Option<Timestamp>,
    pub newest: Option<Timestamp>,
    /// How many of them were studied: a sample, if there are many.
    pub studied: usize,
    /// Of those looked at, the ones that cannot be opened or read.
    pub unreadable: usize,
    /// Of those studied, the ones that match as they are read now: the sweeper will find them.
    pub matching_now: usize,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reading {
    /// From the profile in force.
    pub differences: Vec<Difference>,
    /// Over the sample.
    pub evidence: Evidence,
    #[serde(serialize_with = "told")]
    pub refusals: Vec<Refusal>,
    /// The other reading, if one finds other messages.
    pub rival: Option<Vec<Difference>>,
    /// The pipeline's own matching of everything, without its updates; not of what is refused.
    pub dry_run: Option<DryRun>,
}

fn told<S: Serializer>(refusals: &[Refusal], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(refusals.iter().map(ToString::to_string))
}

/// What the proposal would come to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DryRun {
    #[serde(flatten)]
    pub counts: Counts,
    /// Match as they are read now.
    pub matching_now: usize,
    /// Would match, and do not now.
    pub gained: usize,
    /// Would raise the status of their message.
    pub raising: usize,
    /// Whether it was all of them, or as many as the limit allows.
    pub complete: bool,
    pub examples: Vec<Example>,
}

/// One id, as it is written and as it would be looked for. Never a phone number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Example {
    pub written: String,
    pub looked_for: String,
}

/// Of the receipts studied that match nothing, in any reading.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unfound {
    pub receipts: usize,
    /// Their message is older than the carrier's horizon.
    pub too_old: usize,
    /// Messages of other carriers have their ids.
    pub of_carriers: BTreeMap<String, usize>,
}

impl Unfound {
    /// No message at all has their ids.
    pub fn nowhere(&self) -> usize {
        let elsewhere = self.too_old + self.of_carriers.values().sum::<usize>();
        self.receipts.saturating_sub(elsewhere)
    }
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Clock {
    #[serde(flatten)]
    pub skew: Skew,
    /// The setting that would be right, if the present one is not.
    pub time_zone: Option<String>,
}

/// A next revision of the profile.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Proposal {
    /// It is meant to follow this revision and no other.
    pub follows: i32,
    pub differences: Vec<Difference>,
    pub profile: Value,
    /// What it costs, if anything: never applied without being accepted.
    pub losses: Option<Losses>,
}

/// Receipts that matched in the last 24 hours and would match no more, or another message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Losses {
    pub lost: usize,
    /// Of so many that were looked at.
    pub of: usize,
}

impl fmt::Display for Losses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lost, of } = self;
        write!(
            f,
            "{lost} of {of} that matched in the last 24 h would match no more"
        )
    }
}
