//! Replays whose events may not be out: whoever decided them died before their streams confirmed.

use jiff::Timestamp;

use super::{CLOCKS_APART, Outlet, ReplayError};
use crate::clock::Clock;
use crate::events::{self, Source};
use crate::pipeline::matching::rows::Sealing;
use crate::store::Session;
use crate::store::walk::{Table, Walk};

/// Publishes the events of every replay decided before `before` that has no confirmation yet, and
/// confirms it. Returns how many there were. Reads all of `dlr.replayed_receipts`, which is as large
/// as what operators have replayed: for the start of a process, or now and then.
pub(crate) async fn publish_unconfirmed(
    session: &Session,
    sealing: &Sealing,
    source: &Source,
    before: Timestamp,
    outlet: &mut Outlet<'_>,
) -> Result<u64, ReplayError> {
    let mut published = 0;
    let until = before.saturating_add(CLOCKS_APART).unwrap_or(before);
    let mut walk = Walk::new(Table::Replayed, Timestamp::UNIX_EPOCH, until);
    while let Some(stretch) = walk.stretch(session).await? {
        let page = session.unconfirmed_replays(&stretch, before).await?;
        let mut events = Vec::new();
        let mut replays = Vec::new();
        for replayed in &page {
            let receipt = replayed.receipt();
            // A key that is missing here leaves it to a process that has it.
            if let Ok(id) = sealing.operator_message_id(receipt) {
                events::of_decision(source, &receipt.decision(&id), &mut events);
                replays.push(replayed.replay());
            }
        }
        if !replays.is_empty() {
            outlet.confirm(&events).await?;
            session.confirm_replays(&replays, Clock.now()).await?;
            published += replays.len() as u64;
        }
        walk.advance(&page);
    }
    Ok(published)
}
