//! A look at every open row now, for whoever does not want to wait for it.
//!
//! It need not be the one sweeper: two at once decide once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use async_nats::{Client, SubscribeError};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::agenda::Errand;
use super::look::{Fault, Looking};
use super::pause_after;
use super::reading::Reading;
use crate::clock::Clock;
use crate::config::Config;
use crate::lifecycle::{Member, Part};
use crate::pipeline::GroupSwitch;
use crate::pipeline::matching::candidates::Candidates;
use crate::receipt::decision::{Parked, Unmatched};
use crate::receipt::profile::Profiles;
use crate::seal::KeyRing;
use crate::store::sweep::{Position, SweepSession};
use crate::telemetry::metrics::Metrics;

/// Everything that a look stands on, with a connection of its own.
pub(crate) struct OnDemand {
    session: SweepSession,
    looking: Looking,
    profiles: Arc<Profiles>,
    share: u32,
}

/// What became, or would become, of the open rows.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Counts {
    pub(crate) looked_at: u64,
    pub(crate) matched: u64,
    pub(crate) lapsed: u64,
    /// They stay open.
    pub(crate) open: u64,
    /// Why so; only known beforehand.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) open_because: BTreeMap<&'static str, u64>,
}

impl OnDemand {
    pub(crate) async fn open(
        config: &Config,
        ring: &Arc<KeyRing>,
        session: SweepSession,
        publish: Client,
        profiles: Arc<Profiles>,
        groups: Arc<GroupSwitch>,
        metrics: &Arc<Metrics>,
    ) -> Result<Self, SubscribeError> {
        let outgoing = Member::unwatched(Part::Publish);
        let stop = CancellationToken::new();
        let looking = Looking::open(config, ring, groups, publish, metrics, outgoing, stop).await?;
        Ok(Self {
            session,
            looking,
            profiles,
            share: config.sweep.share,
        })
    }

    /// Looks at everything that is open now, of one carrier or of all, at the sweeper's own pace.
    /// What is done is added to `counts`, look by look, for whoever gives up on the rest.
    pub(crate) async fn look(
        &mut self,
        carrier: Option<&str>,
        counts: &mut Counts,
    ) -> Result<(), Fault> {
        let mut errand = self.errand(carrier).await?;
        loop {
            let began = Instant::now();
            let looked = (self.looking)
                .look(&self.session, &errand, &self.profiles)
                .await?;
            counts.looked_at += looked.matched + looked.lapsed + looked.open;
            counts.matched += looked.matched;
            counts.lapsed += looked.lapsed;
            counts.open += looked.open;
            let Some(rest) = looked.rest else {
                return Ok(());
            };
            errand.range.start = rest;
            sleep(pause_after(began.elapsed(), self.share)).await;
        }
    }

    /// Counts what that would do.
    pub(crate) async fn preview(&self, carrier: Option<&str>) -> Result<Counts, Fault> {
        let mut counts = Counts::default();
        let mut errand = self.errand(carrier).await?;
        let (ring, reach) = (&self.looking.ring, self.looking.deciding.reach);
        loop {
            let carriers = errand.carriers.as_deref();
            let page = (self.session)
                .open_page(&errand.range, carriers, self.looking.limits)
                .await?;
            let readings: Vec<Reading<'_>> = (page.rows.iter())
                .map(|row| Reading::of(row, ring, &self.profiles))
                .collect();
            let receipts = readings
                .iter()
                .filter_map(|it| Some((it.receipt.as_ref().ok()?, it.row.key.stored_at)));
            let now = Clock.now();
            let session = self.session.session();
            let candidates = Candidates::find(session, receipts, reach).await?;
            for Reading { row, receipt } in &readings {
                counts.looked_at += 1;
                let found = match receipt {
                    Ok(receipt) => candidates
                        .matching(receipt, row.key.stored_at)
                        .map_err(Unmatched::as_str),
                    Err(why) => Err(why.as_str()),
                };
                match found {
                    Ok(_) => counts.matched += 1,
                    Err(_) if self.lapses_at(&row.parked()) <= now => counts.lapsed += 1,
                    Err(why) => {
                        counts.open += 1;
                        *counts.open_because.entry(why).or_default() += 1;
                    }
                }
            }
            let Some(rest) = page.rest else {
                return Ok(counts);
            };
            errand.range.start = rest;
        }
    }

    /// Everything that is parked by now, also by a process whose clock is ahead.
    async fn errand(&self, carrier: Option<&str>) -> Result<Errand, Fault> {
        let youngest = self.session.youngest().await?;
        let end = youngest.unwrap_or(Timestamp::UNIX_EPOCH) + SignedDuration::from_micros(1);
        Ok(Errand {
            range: Position::at(Timestamp::UNIX_EPOCH)..Position::at(end),
            carriers: carrier.map(|carrier| [carrier.to_owned()].into()),
        })
    }

    fn lapses_at(&self, parked: &Parked<'_>) -> Timestamp {
        self.looking.lapses_at(parked, &self.profiles)
    }
}
