//! Recorded receipts whose word is known by now, decided anew.
//!
//! Page by page: one transaction raises the messages and says in `dlr.replayed_receipts` what was
//! decided, then the events go out, then a further row says that they are out. Dead in between, the
//! row without a confirmation is found by [`publish_unconfirmed`](super::publish_unconfirmed).

mod counts;
mod decide;
mod meaning;

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::sleep;
use uuid::Uuid;

pub use self::counts::Counts;
use self::decide::{Anew, Case, Decided, decide};
use self::meaning::{Meaning, Word};
use super::{Bench, Outlet, ReplayError, Scope};
use crate::events::{self, Event};
use crate::pipeline::matching::candidates::before;
use crate::pipeline::matching::groups::{GroupSwitch, Groups};
use crate::receipt::decision::{Because, Verdict};
use crate::receipt::profile::Profiles;
use crate::store::StoreError;
use crate::store::replays::{NewReplay, Recorded, ReplayKey};
use crate::store::walk::{Table, Walk};

/// How often a page is tried that others keep changing.
const ATTEMPTS_MAX: u32 = 20;
const PAUSE: Duration = Duration::from_millis(50);

/// Which recorded receipts, and by what they are read.
pub(crate) struct Request<'a> {
    pub(crate) scope: &'a Scope,
    pub(crate) reason: Because,
    /// Of the carrier, in any case; all words if none.
    pub(crate) word: Option<&'a str>,
    pub(crate) profiles: &'a Profiles,
    /// Age of messages for carriers whose profile names none.
    pub(crate) horizon: Duration,
    /// Whether the status of messages in parts is told.
    pub(crate) groups: &'a GroupSwitch,
    /// For `why` of every row.
    pub(crate) why: &'a str,
}

/// Decides anew and publishes, or without an outlet only counts what that would do: then receipts of
/// one message that lie far apart are counted as if they did not know of each other. What is done
/// is added to `counts`, page by page, for whoever gives up on the rest.
pub(crate) async fn replay(
    bench: &Bench,
    request: &Request<'_>,
    mut outlet: Option<&mut Outlet<'_>>,
    counts: &mut Counts,
) -> Result<(), ReplayError> {
    let Scope { from, to, carrier } = request.scope;
    let mut walk = Walk::new(Table::Receipts, *from, *to);
    let mut attempts = 0;
    while let Some(stretch) = walk.stretch(&bench.session).await? {
        let reason = request.reason.as_str();
        let page = bench
            .session
            .recorded(&stretch, reason, carrier.as_deref())
            .await?;
        let mut outlet = outlet.as_deref_mut();
        let mut replayed = bench.replay(request, &page, outlet.as_deref_mut()).await;
        if let Err(ReplayError::Store(StoreError::Refused(_))) = replayed {
            // The others get their change one by one.
            replayed = Ok(Counts::default());
            for row in &page {
                match bench.replay_one(request, row, outlet.as_deref_mut()).await {
                    Ok(of_row) => counts.add(&of_row),
                    Err(error) => {
                        replayed = Err(error);
                        break;
                    }
                }
                // What is counted is not read again, whatever becomes of the next one.
                walk.leave(row);
            }
        }
        match replayed {
            Ok(of_page) => {
                counts.add(&of_page);
                attempts = 0;
                walk.advance(&page);
            }
            // Another replay, or the pipeline, was faster: read what it left.
            Err(ReplayError::Store(StoreError::Moved | StoreError::AlreadyStored)) => {
                attempts += 1;
                if attempts > ATTEMPTS_MAX {
                    return Err(ReplayError::Contended);
                }
                sleep(PAUSE * attempts).await;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn cases<'a>(
    bench: &Bench,
    request: &Request<'_>,
    page: &'a [Recorded],
    counts: &mut Counts,
) -> Vec<Case<'a>> {
    let mut cases = Vec::new();
    for row in page {
        let stat = bench.sealing.stat(row.receipt());
        let wanted = request.word.is_none_or(|word| {
            stat.as_deref()
                .is_some_and(|stat| stat.eq_ignore_ascii_case(word))
        });
        if !wanted {
            continue;
        }
        counts.found += 1;
        let profile = request.profiles.of(row.receipt().carrier_id());
        let word = stat.as_deref().map(|text| Word {
            text,
            is_open: row.receipt().stat().is_some(),
        });
        let Some(meaning) = Meaning::of(profile, word, row.message_state()) else {
            counts.still_unknown += 1;
            continue;
        };
        if row
            .reported_before()
            .contains(&Some(meaning.status.as_str()))
        {
            counts.replayed_before += 1;
            continue;
        }
        cases.push(Case {
            row,
            profile_revision: profile.revision,
            horizon: profile.horizon,
            segments: profile.segments,
            was_in_vain: (row.reported_in_vain()).contains(&Some(meaning.status.as_str())),
            meaning,
        });
    }
    cases
}

impl Bench {
    async fn replay(
        &self,
        request: &Request<'_>,
        rows: &[Recorded],
        outlet: Option<&mut Outlet<'_>>,
    ) -> Result<Counts, ReplayError> {
        let mut counts = Counts::default();
        let cases = cases(self, request, rows, &mut counts);
        match outlet {
            None => self.judge(request, &cases, &mut counts).await?,
            Some(outlet) => self.settle(request, &cases, outlet, &mut counts).await?,
        }
        Ok(counts)
    }

    /// Also of a row whose message PostgreSQL will not have changed.
    async fn replay_one(
        &self,
        request: &Request<'_>,
        row: &Recorded,
        outlet: Option<&mut Outlet<'_>>,
    ) -> Result<Counts, ReplayError> {
        let rows = std::slice::from_ref(row);
        match self.replay(request, rows, outlet).await {
            Err(ReplayError::Store(StoreError::Refused(_))) => Ok(Counts {
                found: 1,
                refused: 1,
                ..Counts::default()
            }),
            replayed => replayed,
        }
    }

    /// Decides only.
    async fn judge(
        &self,
        request: &Request<'_>,
        cases: &[Case<'_>],
        counts: &mut Counts,
    ) -> Result<(), ReplayError> {
        let present = self.present(request, cases, self.clock.now()).await?;
        let (decided, _) = decide(cases, &present, &Groups::default());
        counts.count(&decided);
        Ok(())
    }

    /// Decides, stores, publishes.
    async fn settle(
        &self,
        request: &Request<'_>,
        cases: &[Case<'_>],
        outlet: &mut Outlet<'_>,
        counts: &mut Counts,
    ) -> Result<(), ReplayError> {
        let now = self.clock.now();
        let decided = self.commit(request, cases, now).await?;
        self.tell(&decided.anew, now, outlet).await?;
        counts.count(&decided);
        Ok(())
    }

    /// Decides and stores; nobody knows of it yet.
    async fn commit<'a>(
        &self,
        request: &Request<'_>,
        cases: &[Case<'a>],
        now: Timestamp,
    ) -> Result<Decided<'a>, StoreError> {
        if cases.is_empty() {
            return Ok(Decided::default());
        }
        let horizon = (cases.iter())
            .map(|case| before(now, case.horizon.unwrap_or(request.horizon)))
            .min()
            .unwrap_or(now);
        let work = async {
            // Before the statuses are read: what is locked does not change behind them.
            let groups = || {
                let groups: BTreeSet<Uuid> = cases.iter().filter_map(Case::group).collect();
                groups.into_iter().collect()
            };
            let groups = Groups::lock_those(&self.session, groups, horizon, request.groups).await?;
            let present = self.present(request, cases, now).await?;
            let (decided, mut raises) = decide(cases, &present, &groups);
            self.session.raise(&mut raises, horizon, now).await?;
            let rows: Vec<NewReplay<'_>> = decided.anew.iter().map(Anew::row).collect();
            self.session.insert_replays(&rows, request.why, now).await?;
            Ok(decided)
        };
        self.session.transact(Box::pin(work)).await
    }

    /// The present statuses of the messages that are young enough.
    async fn present(
        &self,
        request: &Request<'_>,
        cases: &[Case<'_>],
        now: Timestamp,
    ) -> Result<HashMap<Uuid, String>, StoreError> {
        let asked: Vec<_> = (cases.iter())
            .map(|case| {
                let horizon = case.horizon.unwrap_or(request.horizon);
                (case.row.receipt().message_id(), before(now, horizon))
            })
            .collect();
        self.session.present_statuses(&asked).await
    }

    /// Publishes what was decided at `now`, and notes that it is out.
    async fn tell(
        &self,
        decided: &[Anew<'_>],
        now: Timestamp,
        outlet: &mut Outlet<'_>,
    ) -> Result<(), ReplayError> {
        let applied = || (decided.iter()).filter(|anew| anew.verdict == Verdict::Applied);
        let mut events: Vec<Event> = Vec::new();
        for anew in applied() {
            let id = self.sealing.operator_message_id(anew.row.receipt())?;
            events::of_decision(&self.source, &anew.decision(&id, now), &mut events);
        }
        if events.is_empty() {
            return Ok(());
        }
        outlet.confirm(&events).await?;
        let replays: Vec<ReplayKey> = applied().map(Anew::key).collect();
        let confirmed_at = self.clock.now();
        Ok(self.session.confirm_replays(&replays, confirmed_at).await?)
    }
}
