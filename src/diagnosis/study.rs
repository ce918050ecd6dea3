//! Brings the facts together: from the tables to a diagnosis.

mod around;
mod dry_run;
mod holders;
mod reading;
mod sample;

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use self::around::Around;
use self::sample::Sample;
use super::evidence::Evidence;
use super::lately::Lately;
use super::report::{Clock, Diagnosis, Losses, Parked, Proposal, Reading};
use super::rules::Rules;
use super::zone::{self, skew};
use crate::carriers::{Standing, differences};
use crate::receipt::profile::{HORIZON_MAX, Profile};
use crate::seal::KeyRing;
use crate::store::StoreError;
use crate::store::studies::{OpenCount, Studies};

/// Carriers that are diagnosed, those with the most open receipts.
pub const CARRIERS_MAX: usize = 200;

/// What the sweeper may be behind.
const MARGIN: Duration = Duration::from_hours(24);

#[derive(Debug, thiserror::Error)]
pub enum StudyError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("cannot read the carriers' profiles: {}", crate::store::failure::describe_query(.0))]
    Profiles(#[from] tokio_postgres::Error),
}

/// A study of what is parked at one moment.
pub struct Study<'a> {
    pub studies: &'a Studies,
    pub ring: &'a KeyRing,
    /// `pipeline.horizon`: how old a message may be for carriers whose profile says nothing else.
    pub horizon: Duration,
    /// `pipeline.message_lag`: how long after its receipt a message may be created.
    pub message_lag: Duration,
    /// Most receipts of a carrier that a proposal is tried on.
    pub limit: usize,
    pub now: Timestamp,
}

/// What was found, carrier by carrier.
pub struct Findings {
    /// Those with the most open receipts first.
    pub carriers: Vec<Diagnosis>,
    /// Carriers with open receipts that were left out.
    pub left_out: usize,
}

/// What there is to know of a carrier before its receipts are looked at.
struct Subject<'a> {
    carrier: &'a str,
    head: i32,
    /// `{}` for a carrier without a profile.
    document: Value,
    profile: Profile,
    parked: Parked,
}

impl Study<'_> {
    /// Diagnoses one carrier, or all that have open receipts or odd ones; `tell` is called as soon as
    /// one is done.
    pub async fn diagnose(
        &self,
        carrier: Option<&str>,
        mut tell: impl FnMut(&Diagnosis),
    ) -> Result<Findings, StudyError> {
        let stretches = self.stretches().await?;
        let mut parked: BTreeMap<String, Parked> = BTreeMap::new();
        for stretch in &stretches {
            for count in self.studies.open_counts(stretch, carrier).await? {
                parked.entry(count.carrier.clone()).or_default().add(&count);
            }
        }
        let around = Around {
            studies: self.studies,
        };
        let decided = around.lately(self.now).await?;
        let mut decided_of: HashMap<String, Vec<_>> = HashMap::new();
        for decided in decided {
            if carrier.is_none_or(|carrier| carrier == decided.carrier) {
                parked.entry(decided.carrier.clone()).or_default();
                let of_carrier = decided_of.entry(decided.carrier.clone()).or_default();
                of_carrier.push(decided);
            }
        }
        if let Some(carrier) = carrier {
            parked.entry(carrier.to_owned()).or_default();
        }
        let mut parked: Vec<(String, Parked)> = parked.into_iter().collect();
        parked.sort_by_key(|(_, parked)| std::cmp::Reverse(parked.open));
        let left_out = parked.len().saturating_sub(CARRIERS_MAX);
        let mut carriers = Vec::new();
        for (carrier, parked) in parked.into_iter().take(CARRIERS_MAX) {
            let subject = self.subject(&carrier, parked).await?;
            let mut lately = Lately::default();
            for decided in decided_of.remove(&carrier).unwrap_or_default() {
                lately.add(&decided, &subject.profile);
            }
            let diagnosis = self.of_carrier(subject, lately, &stretches).await?;
            tell(&diagnosis);
            carriers.push(diagnosis);
        }
        Ok(Findings { carriers, left_out })
    }

    /// How many of the receipts that are studied are open by now.
    pub async fn open(&self, carrier: &str) -> Result<u64, StudyError> {
        let mut open = 0;
        for stretch in self.stretches().await? {
            let counts = self.studies.open_counts(&stretch, Some(carrier)).await?;
            open += counts.iter().map(|count| count.count).sum::<u64>();
        }
        Ok(open)
    }

    /// Everything that may still be open: what is older than the horizon has lapsed. What is parked
    /// during the study is left out, so that whatever is counted later is of the same receipts.
    async fn stretches(&self) -> Result<Vec<Range<Timestamp>>, StoreError> {
        let longest = if self.studies.horizons_differ().await? {
            self.horizon.max(HORIZON_MAX)
        } else {
            self.horizon
        };
        let range = before(self.now, longest + MARGIN)..self.now + SignedDuration::from_micros(1);
        self.studies.stretches(range).await
    }

    async fn subject<'a>(
        &self,
        carrier: &'a str,
        parked: Parked,
    ) -> Result<Subject<'a>, StudyError> {
        let standing = Standing::of(self.studies.client(), carrier).await?;
        let head = standing.as_ref().map_or(0, |(standing, _)| standing.head);
        let in_force = standing.and_then(|(standing, document)| {
            let profile = standing.in_force?.profile;
            Some((Profile::clone(&profile), document?))
        });
        let (profile, document) = in_force.unwrap_or_else(|| (Profile::default(), json!({})));
        Ok(Subject {
            carrier,
            head,
            document,
            profile,
            parked,
        })
    }

    async fn of_carrier(
        &self,
        mut subject: Subject<'_>,
        mut lately: Lately,
        stretches: &[Range<Timestamp>],
    ) -> Result<Diagnosis, StudyError> {
        let sample = Sample {
            studies: self.studies,
            ring: self.ring,
            carrier: subject.carrier,
            open: subject.parked.open,
        };
        let studied = sample.draw(stretches, &subject.profile).await?;
        subject.parked.studied = studied.sightings.len();
        subject.parked.unreadable = studied.unreadable;
        lately.dates.extend(&studied.lately.dates);
        let clock = clock(&lately, &subject.profile);
        let (reading, unfound) = self
            .reading(&mut subject, &studied, &sample, stretches)
            .await?;
        let proposal = proposal(&subject, reading.as_ref(), clock.as_ref());
        Ok(Diagnosis {
            carrier: subject.carrier.to_owned(),
            revision: subject.profile.revision,
            lately: lately.noticed(&subject.profile),
            parked: subject.parked,
            reading: reading.map(|(reading, _)| reading),
            unfound,
            clock,
            proposal,
        })
    }
}

impl Parked {
    fn add(&mut self, count: &OpenCount) {
        self.open += count.count;
        *self.reasons.entry(count.reason.clone()).or_default() += count.count;
        self.oldest = Some(self.oldest.map_or(count.oldest, |it| it.min(count.oldest)));
        self.newest = Some(self.newest.map_or(count.newest, |it| it.max(count.newest)));
    }
}

fn before(now: Timestamp, age: Duration) -> Timestamp {
    let age = SignedDuration::try_from(age).unwrap_or(SignedDuration::MAX);
    now.checked_sub(age).unwrap_or(Timestamp::MIN)
}

fn clock(lately: &Lately, profile: &Profile) -> Option<Clock> {
    let (said, _) = *lately.dates.get(lately.dates.len() / 2)?;
    let offset = profile.time_zone.to_offset(said).seconds();
    let now = zone::quarters(SignedDuration::from_secs(i64::from(offset)))?;
    let skew = skew(lately.dates.iter().copied(), now)?;
    Some(Clock {
        time_zone: skew.offset_minutes.map(zone::name),
        skew,
    })
}

fn proposal(
    subject: &Subject<'_>,
    reading: Option<&(Reading, Rules)>,
    clock: Option<&Clock>,
) -> Option<Proposal> {
    let mut profile = subject.document.clone();
    let mut losses = None;
    if let Some((reading, rules)) = reading.filter(|(reading, _)| reading.refusals.is_empty()) {
        profile = rules.write_into(&profile);
        losses = losses_of(&reading.evidence);
    }
    if let Some(zone) = clock.and_then(|clock| clock.time_zone.as_ref()) {
        profile["timeZone"] = json!(zone);
    }
    let differences = differences(&subject.document, &profile);
    // Whatever was thought of, it is for the reader of profiles to say whether it is one.
    Profile::parse(&profile, subject.head + 1).ok()?;
    (!differences.is_empty()).then_some(Proposal {
        follows: subject.head,
        differences,
        profile,
        losses,
    })
}

fn losses_of(evidence: &Evidence) -> Option<Losses> {
    let Evidence {
        matched_lately: of,
        lost_lately: lost,
        ..
    } = *evidence;
    (lost > 0).then_some(Losses { lost, of })
}
