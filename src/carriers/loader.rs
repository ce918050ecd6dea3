//! Follows the table, so that what is in force is what it says.

use std::collections::HashMap;
use std::sync::Arc;

use tokio_postgres::{Client, Error};

use super::{CARRIERS_MAX, Carriers, Standing};
use crate::receipt::is_carrier_id;
use crate::receipt::privacy::has_number;
use crate::receipt::profile::Profiles;
use crate::store::profiles::{self, Mark};
use crate::telemetry::metrics::Metrics;

/// Documents read at once: at most some megabytes.
const PAGE: usize = 100;

/// Loads profiles, and whatever is new about them since. While it cannot ask, what was loaded stays.
pub struct Loader {
    carriers: Arc<Carriers>,
    metrics: Arc<Metrics>,
    mark: Option<Mark>,
    standings: HashMap<String, Standing>,
    omitted: usize,
}

impl Loader {
    pub fn new(carriers: Arc<Carriers>, metrics: Arc<Metrics>) -> Self {
        Self {
            carriers,
            metrics,
            mark: None,
            standings: HashMap::new(),
            omitted: 0,
        }
    }

    /// Brings what is in force up to date. May be cancelled: the next call goes on from there.
    pub async fn follow(&mut self, client: &Client) -> Result<(), Error> {
        let mark = profiles::mark(client).await?;
        if self.mark == Some(mark) {
            return Ok(());
        }
        let heads = profiles::heads(client, CARRIERS_MAX).await?;
        self.tell_omitted(heads.omitted);
        // One with a refused revision is looked at whole: what is valid may have come in below it.
        let changed: Vec<(String, i32)> = (heads.carriers.iter())
            .filter(|(carrier, head)| {
                self.standings
                    .get(carrier)
                    .is_none_or(|known| known.head != *head || !known.refused.is_empty())
            })
            .cloned()
            .collect();
        for page in changed.chunks(PAGE) {
            for newest in profiles::read(client, page).await? {
                let carrier = newest.carrier.clone();
                let before = self.standings.get(&carrier);
                let in_force = before.and_then(|before| before.in_force.as_ref());
                let (standing, _) = Standing::find(client, newest, in_force).await?;
                self.tell(&carrier, &standing);
                self.standings.insert(carrier, standing);
            }
        }
        let heads: HashMap<String, i32> = heads.carriers.into_iter().collect();
        self.standings
            .retain(|carrier, _| heads.contains_key(carrier));
        self.put_in_force();
        self.mark = Some(mark);
        Ok(())
    }

    fn put_in_force(&self) {
        let in_force = |(carrier, standing): (&String, &Standing)| {
            let in_force = standing.in_force.as_ref()?;
            Some((carrier.clone(), Arc::clone(&in_force.profile)))
        };
        let profiles = Profiles::new(self.standings.iter().filter_map(in_force));
        let carriers = profiles.iter().count();
        let refused = self.standings.values().map(|it| it.refused.len());
        let refused = refused.sum::<usize>() + self.omitted;
        // In the order of their names: the same ones on every replica.
        let mut named: Vec<&str> = profiles.iter().map(|(carrier, _)| carrier).collect();
        named.sort_unstable();
        for carrier in named {
            self.metrics.carriers.of(carrier);
        }
        if self.mark.is_none() {
            tracing::info!(carriers, "carrier profiles are loaded");
        }
        self.carriers.replace(profiles);
        self.metrics.profiles_loaded.set(gauge(carriers));
        self.metrics.profiles_refused.set(gauge(refused));
    }

    /// One line for each revision that is refused, when it is first seen, and for what is in force
    /// instead of something else.
    fn tell(&self, carrier: &str, standing: &Standing) {
        let before = self.standings.get(carrier);
        // A table of before schema 8 took anything for an id.
        let carrier = if is_carrier_id(carrier) && !has_number(carrier) {
            carrier
        } else {
            "(withheld)"
        };
        let known = before.map_or(&[][..], |before| &before.refused);
        for refused in &standing.refused {
            if !known.iter().any(|it| it.revision == refused.revision) {
                tracing::warn!(
                    carrier,
                    revision = refused.revision,
                    field = refused.fault.field(),
                    "a carrier profile is refused; the newest valid one before it counts"
                );
            }
        }
        let revision = |standing: &Standing| {
            let in_force = standing.in_force.as_ref();
            in_force.map_or(0, |it| it.profile.revision)
        };
        let (was, is) = (before.map_or(0, revision), revision(standing));
        if self.mark.is_some() && was != is {
            tracing::info!(carrier, revision = is, "a carrier profile is in force");
        }
    }

    fn tell_omitted(&mut self, omitted: usize) {
        if omitted > 0 && omitted != self.omitted {
            tracing::warn!(
                carriers = omitted,
                "profiles of that many carriers are left out: there are more than {CARRIERS_MAX}"
            );
        }
        self.omitted = omitted;
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "carriers and their revisions are far below 2^53"
)]
fn gauge(count: usize) -> f64 {
    count as f64
}
