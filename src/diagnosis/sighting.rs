//! What is known about one receipt that found no message.

use jiff::Timestamp;
use uuid::Uuid;

use crate::receipt::sources::IdSource;

pub(super) const SOURCES: [IdSource; 3] = [IdSource::Field, IdSource::Tlv, IdSource::Text];

/// Where a source stands in the order in which they count.
pub(super) fn place(source: IdSource) -> usize {
    match source {
        IdSource::Field => 0,
        IdSource::Tlv => 1,
        IdSource::Text => 2,
    }
}

/// A parked receipt, as far as it tells about its message.
///
/// No `Debug`: an id may be a phone number.
#[derive(Clone)]
pub(super) struct Sighting {
    written: [Option<Box<str>>; 3],
    pub(super) account_id: Option<Uuid>,
    pub(super) message_id: Option<Uuid>,
    /// When the stream had it.
    pub(super) came_at: Timestamp,
}

impl Sighting {
    pub(super) fn new(came_at: Timestamp) -> Self {
        Self {
            written: [None, None, None],
            account_id: None,
            message_id: None,
            came_at,
        }
    }

    pub(super) fn write(&mut self, source: IdSource, id: &str) {
        self.written[place(source)] = Some(id.into());
    }

    /// The id as the carrier wrote it there.
    pub(super) fn written(&self, source: IdSource) -> Option<&str> {
        self.written[place(source)].as_deref()
    }
}
