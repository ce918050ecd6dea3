//! Events made messages: each by itself, or up to so many of one kind as one JSON array.

use bytes::{BufMut as _, Bytes, BytesMut};
use uuid::Uuid;

use crate::events::{Event, EventKind};
use crate::receipt::ids::pack_id;

/// Whether events are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    /// One event a message.
    Single,
    /// Arrays of so many events at most. A lone event is an array too, so that a consumer who asked
    /// for packs meets one shape.
    Packs(usize),
}

impl Packing {
    /// As `events.pack` says it.
    pub(crate) fn of(events_max: usize) -> Self {
        match events_max {
            0 | 1 => Self::Single,
            more => Self::Packs(more),
        }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Single => "application/cloudevents+json",
            Self::Packs(_) => "application/cloudevents-batch+json",
        }
    }
}

/// What the server counts in beside the events: the two headers, which are 111 bytes.
const HEADERS: usize = 256;
const BRACKET: usize = 1;

/// What goes out as one message.
pub(super) enum Parcel<'a> {
    Event(&'a Event),
    Pack(Pack<'a>),
}

/// Events of one kind, at least one.
pub(super) struct Pack<'a> {
    events: Vec<&'a Event>,
    id: Uuid,
    body: Bytes,
}

/// The messages of a batch, sorted by kind. The order is kept among the events of a kind.
pub(super) fn parcels<'a>(
    events: &'a [Event],
    packing: Packing,
    payload_max: usize,
) -> Vec<Parcel<'a>> {
    let Packing::Packs(events_max) = packing else {
        let of_kind = |kind| events.iter().filter(move |event| event.kind == kind);
        let sorted = EventKind::ALL.into_iter().flat_map(of_kind);
        return sorted.map(Parcel::Event).collect();
    };
    let bytes_max = payload_max.saturating_sub(HEADERS);
    let mut parcels = Vec::new();
    for kind in EventKind::ALL {
        let mut open: Vec<&'a Event> = Vec::new();
        let mut bytes = BRACKET;
        for event in events.iter().filter(|event| event.kind == kind) {
            // With the comma, or the other bracket.
            let more = event.body.len() + 1;
            if !open.is_empty() && (open.len() == events_max || bytes + more > bytes_max) {
                parcels.push(Parcel::Pack(Pack::of(std::mem::take(&mut open))));
                bytes = BRACKET;
            }
            open.push(event);
            bytes += more;
        }
        if !open.is_empty() {
            parcels.push(Parcel::Pack(Pack::of(open)));
        }
    }
    parcels
}

impl<'a> Pack<'a> {
    fn of(events: Vec<&'a Event>) -> Self {
        let bytes: usize = events.iter().map(|event| event.body.len() + 1).sum();
        let mut body = BytesMut::with_capacity(bytes + 1);
        for (at, event) in events.iter().enumerate() {
            body.put_u8(if at == 0 { b'[' } else { b',' });
            body.extend_from_slice(&event.body);
        }
        body.put_u8(b']');
        Self {
            id: pack_id(events.iter().map(|event| event.id)),
            events,
            body: body.freeze(),
        }
    }
}

impl<'a> Parcel<'a> {
    pub(super) fn kind(&self) -> EventKind {
        match self {
            Self::Event(event) => event.kind,
            Self::Pack(pack) => pack.events[0].kind,
        }
    }

    pub(super) fn id(&self) -> Uuid {
        match self {
            Self::Event(event) => event.id,
            Self::Pack(pack) => pack.id,
        }
    }

    pub(super) fn body(&self) -> Bytes {
        match self {
            Self::Event(event) => event.body.clone(),
            Self::Pack(pack) => pack.body.clone(),
        }
    }

    /// How many events it carries.
    pub(super) fn events(&self) -> u64 {
        match self {
            Self::Event(_) => 1,
            Self::Pack(pack) => pack.events.len() as u64,
        }
    }

    /// Two of half as many events; `None` where there is one only.
    pub(super) fn halves(&self) -> Option<(Self, Self)> {
        let Self::Pack(pack) = self else {
            return None;
        };
        let (first, second) = pack.events.split_at(pack.events.len() / 2);
        let half = |events: &[&'a Event]| Self::Pack(Pack::of(events.to_vec()));
        (!first.is_empty()).then(|| (half(first), half(second)))
    }
}

#[cfg(test)]
mod tests;
