//! Second chances: what ended once is looked at anew, by further rows.
//!
//! | what | why it may go otherwise now | what is written |
//! |---|---|---|
//! | [`recorded`] | a profile maps the carrier's word | `dlr.replayed_receipts`, and the message |
//! | [`redrive`] | the reader or a profile reads the payload | a parked row, for the sweeper |
//! | [`again`] | a consumer lost events | nothing: the same events are published again |
//!
//! A disposition never changes, so nothing here touches the row of the first decision. Everything can
//! be done twice: what was decided anew is found by its key, and events are a function of stored
//! rows, with the ids they had.

pub mod again;
pub mod recorded;
pub mod redrive;
mod unconfirmed;

use jiff::{SignedDuration, Timestamp};

pub(crate) use self::unconfirmed::publish_unconfirmed;
use crate::broker::fetch::FetchError;
use crate::clock::Clock;
use crate::events::{Event, Source};
use crate::pipeline::matching::rows::Sealing;
use crate::pipeline::publish::{Closed, Heard, Publisher};
use crate::store::{Session, StoreError};

/// How far the clocks of the stream and of the processor may be apart, with room to spare.
const CLOCKS_APART: SignedDuration = SignedDuration::from_hours(1);

/// What a replay stands on.
pub(crate) struct Bench {
    pub(crate) session: Session,
    pub(crate) sealing: Sealing,
    pub(crate) source: Source,
    pub(crate) clock: Clock,
}

/// Which receipts: those of a time, of a carrier or of all.
#[derive(Debug, Clone)]
pub struct Scope {
    pub from: Timestamp,
    /// Not included.
    pub to: Timestamp,
    pub carrier: Option<String>,
}

/// The way out for events.
pub(crate) struct Outlet<'a> {
    pub(crate) publisher: &'a mut Publisher,
    /// Hears of each confirmation and each fault.
    pub(crate) report: &'a mut (dyn FnMut(Heard) + Send + 'a),
}

impl Outlet<'_> {
    /// Returns when the streams have every event, however long that takes.
    async fn confirm(&mut self, events: &[Event]) -> Result<(), Closed> {
        self.publisher.confirm(events, &mut *self.report).await
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplayError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Closed(#[from] Closed),
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// Others are at work on the same rows.
    #[error("others keep changing what is to be replayed; what is done is done, run it again")]
    Contended,
}
