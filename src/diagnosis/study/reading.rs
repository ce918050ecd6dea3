//! The way of reading that would match the most.

use std::ops::Range;

use jiff::Timestamp;

use super::around::Around;
use super::holders::Holders;
use super::sample::{Sample, Studied};
use super::{Study, StudyError, Subject, before};
use crate::carriers::differences;
use crate::diagnosis::evidence::{Refusal, is_enough};
use crate::diagnosis::inquiry::inquire;
use crate::diagnosis::report::{Reading, Unfound};
use crate::diagnosis::rules::Rules;
use crate::diagnosis::today::{hold_at_worst, usual_sources};

impl Study<'_> {
    /// The best way of reading, with everything that speaks for and against it.
    pub(super) async fn reading(
        &self,
        subject: &mut Subject<'_>,
        studied: &Studied,
        sample: &Sample<'_>,
        stretches: &[Range<Timestamp>],
    ) -> Result<(Option<(Reading, Rules)>, Unfound), StudyError> {
        if studied.sightings.is_empty() {
            return Ok((None, Unfound::default()));
        }
        let in_force = Rules::of(&subject.document);
        // A profile may come to say more than is understood here.
        if in_force.ids().as_ref() != Some(&subject.profile.ids) {
            return Ok((None, Unfound::default()));
        }
        let horizon = subject.profile.horizon.unwrap_or(self.horizon);
        let mut holders = Holders {
            studies: self.studies,
            carrier: subject.carrier,
            oldest: before(subject.parked.oldest.unwrap_or(self.now), horizon),
        };
        let stored = holders.stored_ids(&studied.sightings).await?;
        let found = inquire(&in_force, &studied.sightings, &stored, &mut holders).await?;
        subject.parked.matching_now = found.matching_now;
        let unfound = holders.unfound(&found.unfound).await?;
        let Some((rules, mut evidence)) = found.rules else {
            return Ok((None, unfound));
        };
        let around = Around {
            studies: self.studies,
        };
        let usual = usual_sources(&studied.sightings);
        let span = found.span.unwrap_or(self.now..self.now);
        let today = around
            .today(subject.carrier, &span, &usual, &in_force, &rules)
            .await?;
        evidence.parked_today = today.parked;
        evidence.matched_today = today.held.matched;
        evidence.lost_today = today.held.lost;
        // Also what came before or after: a carrier may have begun to write in a second way.
        let lately = around.matched_lately(subject.carrier, self.now).await?;
        evidence.lately_complete = lately.complete;
        let lately = hold_at_worst(&lately.ids, &usual, &in_force, &rules);
        evidence.matched_lately = lately.matched;
        evidence.lost_lately = lately.lost;
        let mut refusals = evidence.refusals();
        let document = rules.write_into(&subject.document);
        let mut dry_run = None;
        if refusals.is_empty() {
            let ran = self.dry_run(subject, &document, sample, stretches).await?;
            if !is_enough(ran.gained, ran.counts.studied - ran.matching_now) {
                refusals.push(Refusal::TooFew);
            }
            dry_run = Some(ran);
        }
        let to =
            |rules: &Rules| differences(&subject.document, &rules.write_into(&subject.document));
        let reading = Reading {
            differences: to(&rules),
            evidence,
            refusals,
            rival: found.rival.as_ref().map(to),
            dry_run,
        };
        Ok((Some((reading, rules)), unfound))
    }
}
