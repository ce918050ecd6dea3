//! Events of stored decisions, published again with the ids and bodies they had.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tokio::time::{Instant, sleep_until};

use super::{Bench, CLOCKS_APART, Outlet, ReplayError, Scope};
use crate::events::{self, Event, EventKind};
use crate::store::decided::{Decided, When};
use crate::store::walk::{Table, Walk};

/// How long before a decision at a receipt's first match, or before its parking, it may have been
/// stored: the inbound stream keeps nothing for longer than three days.
const STORED_BEFORE: SignedDuration = SignedDuration::from_hours(3 * 24 + 1);

/// The same for what was parked and matched later, or replayed: the longest horizon more.
const STORED_LONG_BEFORE: SignedDuration = SignedDuration::from_hours(34 * 24);

/// Which events.
pub(crate) struct Request<'a> {
    pub(crate) kind: EventKind,
    /// Times of decisions.
    pub(crate) scope: &'a Scope,
}

/// How many events there are, or were published, by what they come from.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Receipts that were matched at once.
    pub at_once: u64,
    /// Receipts that were matched after parking.
    pub late: u64,
    /// Recorded receipts that were decided anew.
    pub replayed: u64,
    /// Receipts that were parked.
    pub parked: u64,
    /// Parked receipts that have ended.
    pub resolved: u64,
}

impl Counts {
    pub fn total(&self) -> u64 {
        self.at_once + self.late + self.replayed + self.parked + self.resolved
    }
}

/// Publishes every event of the request again, at most so many a second, or without an outlet only
/// counts them. The order is that of the receipts in the stream, those matched later behind.
/// What is published is added to `counts`, page by page, for whoever gives up on the rest.
pub(crate) async fn again(
    bench: &Bench,
    request: &Request<'_>,
    mut outlet: Option<(&mut Outlet<'_>, &mut Pace)>,
    counts: &mut Counts,
) -> Result<(), ReplayError> {
    if request.kind == EventKind::Unmatched {
        return notices(bench, request, &mut outlet, counts).await;
    }
    for (decided, stored_before) in [
        (Decided::AtOnce, STORED_BEFORE),
        (Decided::Late, STORED_LONG_BEFORE),
        (Decided::Anew, STORED_LONG_BEFORE),
    ] {
        let count = match decided {
            Decided::AtOnce => &mut counts.at_once,
            Decided::Late => &mut counts.late,
            Decided::Anew => &mut counts.replayed,
        };
        let mut walk = request.walk(decided.table(), stored_before);
        while let Some(stretch) = walk.stretch(&bench.session).await? {
            let page = (bench.session)
                .applied(decided, &stretch, request.when())
                .await?;
            let mut events = Vec::new();
            for applied in &page {
                let receipt = applied.receipt();
                let id = bench.sealing.operator_message_id(receipt)?;
                events::of_decision(&bench.source, &receipt.decision(&id), &mut events);
            }
            events.retain(|event| event.kind == request.kind);
            publish(&events, &mut outlet).await?;
            *count += events.len() as u64;
            walk.advance(&page);
        }
    }
    Ok(())
}

/// Those of parking, then those of how it ended.
async fn notices(
    bench: &Bench,
    request: &Request<'_>,
    outlet: &mut Option<(&mut Outlet<'_>, &mut Pace)>,
    counts: &mut Counts,
) -> Result<(), ReplayError> {
    let (session, source) = (&bench.session, &bench.source);
    let mut walk = request.walk(Table::Parked, STORED_BEFORE);
    while let Some(stretch) = walk.stretch(session).await? {
        let page = session.parked(&stretch, request.when()).await?;
        let notices: Vec<Event> = (page.iter())
            .map(|row| events::of_parked(source, &row.parked()))
            .collect();
        publish(&notices, outlet).await?;
        counts.parked += notices.len() as u64;
        walk.advance(&page);
    }
    let mut walk = request.walk(Table::Resolutions, STORED_LONG_BEFORE);
    while let Some(stretch) = walk.stretch(session).await? {
        let page = session.ended(&stretch, request.when()).await?;
        let notices: Vec<Event> = (page.iter())
            .map(|row| {
                let (resolution, at) = (row.resolution(), row.resolved_at());
                events::of_resolution(source, &row.parked(), resolution, at)
            })
            .collect();
        publish(&notices, outlet).await?;
        counts.resolved += notices.len() as u64;
        walk.advance(&page);
    }
    Ok(())
}

impl Request<'_> {
    fn when(&self) -> When<'_> {
        When {
            from: self.scope.from,
            to: self.scope.to,
            carrier: self.scope.carrier.as_deref(),
        }
    }

    /// A walk that meets everything that was decided in time.
    fn walk(&self, table: Table, stored_before: SignedDuration) -> Walk {
        let Scope { from, to, .. } = self.scope;
        let earliest = from.checked_sub(stored_before);
        Walk::new(
            table,
            earliest.unwrap_or(Timestamp::UNIX_EPOCH),
            to.checked_add(CLOCKS_APART).unwrap_or(*to),
        )
    }
}

async fn publish(
    events: &[Event],
    outlet: &mut Option<(&mut Outlet<'_>, &mut Pace)>,
) -> Result<(), ReplayError> {
    let Some((outlet, pace)) = outlet else {
        return Ok(());
    };
    for some in events.chunks(pace.portion()) {
        sleep_until(pace.due(some.len(), Instant::now())).await;
        outlet.confirm(some).await?;
    }
    Ok(())
}

/// So many a second at most, in portions of a tenth of a second.
pub(crate) struct Pace {
    rate: u32,
    /// When the next portion may go.
    next: Instant,
}

impl Pace {
    pub(crate) fn new(rate: u32) -> Self {
        Self {
            rate: rate.max(1),
            next: Instant::now(),
        }
    }

    fn portion(&self) -> usize {
        (self.rate / 10).max(1) as usize
    }

    /// When the next `count` may go, and from when on those behind them.
    fn due(&mut self, count: usize, now: Instant) -> Instant {
        // What was not used is lost: a late start is no leave to hurry.
        let due = self.next.max(now);
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        self.next = due + Duration::from_secs(1) * count / self.rate;
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_kept_however_the_events_come() {
        let mut pace = Pace::new(100);
        assert_eq!(pace.portion(), 10);
        let start = pace.next;
        let at = |millis| start + Duration::from_millis(millis);
        for (count, now, due) in [(10, 0, 0), (1, 0, 100), (9, 50, 110), (10, 700, 700)] {
            assert_eq!(pace.due(count, at(now)), at(due));
        }
        assert_eq!(pace.due(1, at(700)), at(800));
    }
}
