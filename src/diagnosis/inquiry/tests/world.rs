//! Carriers and an orchestrator in memory.

use std::collections::HashMap;
use std::convert::Infallible;

use futures_util::FutureExt as _;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use uuid::Uuid;

use super::{Findings, Messages, inquire};
use crate::diagnosis::answers::Found;
use crate::diagnosis::rules::Rules;
use crate::diagnosis::sighting::Sighting;
use crate::receipt::profile::Profile;
use crate::receipt::sources::IdSource;

#[derive(Default)]
pub(super) struct World {
    pub(super) messages: HashMap<String, Vec<Found>>,
    pub(super) sightings: Vec<Sighting>,
    made: u128,
}

pub(super) fn noon() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

impl World {
    /// A message that the orchestrator has under `stored`.
    pub(super) fn message(&mut self, stored: &str) -> Found {
        self.made += 1;
        let found = Found {
            message: Uuid::from_u128(self.made),
            account: Uuid::from_u128(1 << 100 | self.made),
            created_at: noon(),
            is_final: false,
        };
        self.messages
            .entry(stored.to_owned())
            .or_default()
            .push(found);
        found
    }

    /// A receipt with these ids, parked a minute after the messages were sent.
    pub(super) fn receipt<'a>(
        &mut self,
        written: impl IntoIterator<Item = (IdSource, &'a str)>,
    ) -> &mut Sighting {
        let mut sighting = Sighting::new(noon() + SignedDuration::from_mins(1));
        for (source, id) in written {
            sighting.write(source, id);
        }
        self.sightings.push(sighting);
        self.sightings.last_mut().unwrap()
    }

    pub(super) fn inquire(&mut self, document: &Value) -> Findings {
        let rules = Rules::of(document);
        let mut stored: Vec<String> = self.messages.keys().take(50).cloned().collect();
        stored.sort_unstable();
        let sightings = self.sightings.clone();
        let inquiry = inquire(&rules, &sightings, &stored, self);
        let Ok(findings) = inquiry.now_or_never().expect("nothing to wait for");
        findings
    }

    /// What a profile's document comes to: receipts that match, are ambiguous, contradict, find
    /// nothing, are not in notation. By the shortest way, and by the processor's own reading of the
    /// document and of ids.
    pub(super) fn count(&self, document: &Value) -> [usize; 5] {
        let ids = Profile::parse(document, 1).unwrap().ids;
        let mut counts = [0; 5];
        for sighting in &self.sightings {
            let sources = [
                (IdSource::Field, &ids.field),
                (IdSource::Tlv, &ids.tlv),
                (IdSource::Text, &ids.text),
            ];
            let key = sources
                .into_iter()
                .find_map(|(source, notation)| notation.key(sighting.written(source)?));
            let found = key.as_ref().map(|key| self.messages.get(&**key));
            let counted = match found {
                None => 4,
                Some(None) => 3,
                Some(Some(found)) => match &found[..] {
                    [found] => {
                        let account = sighting.account_id.is_none_or(|it| it == found.account);
                        let message = sighting.message_id.is_none_or(|it| it == found.message);
                        if account && message { 0 } else { 2 }
                    }
                    _ => 1,
                },
            };
            counts[counted] += 1;
        }
        counts
    }
}

impl Messages for World {
    type Error = Infallible;

    async fn find(&mut self, ids: &[String]) -> Result<Vec<(usize, Found)>, Infallible> {
        let found = ids.iter().enumerate().flat_map(|(at, id)| {
            let found = self.messages.get(id).into_iter().flatten();
            found.take(2).map(move |found| (at, *found))
        });
        Ok(found.collect())
    }
}
