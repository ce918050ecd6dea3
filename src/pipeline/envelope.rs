//! What JetStream delivers, and what we owe for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_nats::Subject;
use bytes::Bytes;
use tokio::sync::{AcquireError, Semaphore};

use crate::receipt::ids::Identity;
use crate::receipt::{Receipt, Rejection};

/// One delivery of a message of the inbound stream. Whoever drops it unsettled leaves it to be
/// delivered again.
pub struct Envelope {
    pub identity: Identity,
    pub payload: Bytes,
    pub subject: Subject,
    /// 1 on the first delivery.
    pub deliveries: u64,
    /// Not later than the delivery: when it was asked for.
    pub taken: Instant,
    pub(super) hold: Hold,
}

/// An envelope with what was read in it.
pub struct Item {
    pub envelope: Envelope,
    pub reading: Result<Receipt, Rejection>,
    /// An earlier attempt to store it may have succeeded.
    pub doubtful: bool,
    /// PostgreSQL refused it, alone: it is parked without asking what it says.
    pub poison: bool,
}

impl Item {
    pub(super) fn sequence(&self) -> u64 {
        self.envelope.identity.sequence
    }

    /// Whether nothing of it can be stored: it is a first delivery, and by a wide margin too young
    /// for another replica to have been given it.
    pub(super) fn is_fresh(&self, now: Instant, ack_wait: Duration) -> bool {
        let Envelope {
            deliveries, taken, ..
        } = &self.envelope;
        *deliveries == 1 && !self.doubtful && now - *taken < ack_wait / 2
    }
}

/// Every envelope held, bounded by `pipeline.in_flight_max`.
///
/// A lock guards the table of replies: taken once when an envelope comes, once when a batch goes,
/// and by the keep-alive for each envelope that it tells of.
pub struct Holdings {
    room: Semaphore,
    held: Mutex<Held>,
    /// Whether the consumer's places are running out, over all replicas.
    crowded: AtomicBool,
}

#[derive(Default)]
struct Held {
    places: Vec<Option<Reply>>,
    /// Places that hold nothing.
    free: Vec<usize>,
}

struct Reply {
    subject: Subject,
    /// When the server last heard of it: at the pull, so a little before the delivery, or by a sign of
    /// progress.
    heard: Instant,
}

impl Held {
    fn put(&mut self, reply: Reply) -> usize {
        if let Some(place) = self.free.pop() {
            self.places[place] = Some(reply);
            return place;
        }
        self.places.push(Some(reply));
        self.places.len() - 1
    }

    fn take(&mut self, place: usize) -> Option<Reply> {
        let reply = self.places[place].take();
        if reply.is_some() {
            self.free.push(place);
        }
        reply
    }
}

impl Holdings {
    pub fn new(in_flight_max: usize) -> Arc<Self> {
        Arc::new(Self {
            room: Semaphore::new(in_flight_max),
            held: Mutex::default(),
            crowded: AtomicBool::new(false),
        })
    }

    /// Waits for room for `count` more envelopes and reserves it.
    pub(super) async fn reserve(&self, count: u32) -> Result<(), AcquireError> {
        self.room.acquire_many(count).await?.forget();
        Ok(())
    }

    /// Gives back room that the server did not fill.
    pub(super) fn give_back(&self, count: usize) {
        self.room.add_permits(count);
    }

    /// Takes an envelope that was delivered after `asked` into reserved room.
    pub(super) fn hold(self: &Arc<Self>, reply: Subject, asked: Instant) -> Hold {
        let reply = Reply {
            subject: reply,
            heard: asked,
        };
        Hold {
            place: self.lock().put(reply),
            holdings: Some(Arc::clone(self)),
        }
    }

    /// Ends holdings: from here on, silence towards the server is meant. Returns where each is to be
    /// settled.
    pub(super) fn release(&self, holds: Vec<Hold>) -> Vec<Option<Subject>> {
        let room = holds.len();
        let mut held = self.lock();
        let replies = holds.into_iter().map(|hold| {
            let reply = held.take(hold.leave())?;
            Some(reply.subject)
        });
        let replies = replies.collect();
        drop(held);
        self.give_back(room);
        replies
    }

    pub fn set_crowded(&self, crowded: bool) {
        self.crowded.store(crowded, Ordering::Relaxed);
    }

    pub(super) fn is_crowded(&self) -> bool {
        self.crowded.load(Ordering::Relaxed)
    }

    pub fn count(&self) -> usize {
        let held = self.lock();
        held.places.len() - held.free.len()
    }

    /// Has `tell` tell the server of the first envelope at `from` or behind it of which it has not
    /// heard for `age`, and returns the next place to look at; `None` at the end, or when `tell` could
    /// not.
    ///
    /// Told under the lock, so before whatever settles the envelope: behind a settlement that delays
    /// it, a sign of progress would have the server wait for `ack_wait` instead.
    pub(super) fn tell_overdue(
        &self,
        from: usize,
        age: Duration,
        tell: impl FnOnce(Subject) -> bool,
    ) -> Option<usize> {
        let now = Instant::now();
        let mut held = self.lock();
        let mut places = held.places.iter_mut().enumerate().skip(from);
        let (place, reply) = places.find_map(|(place, reply)| {
            let reply = reply.as_mut()?;
            (now - reply.heard >= age).then_some((place, reply))
        })?;
        tell(reply.subject.clone()).then(|| {
            reply.heard = now;
            place + 1
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Held> {
        // Every section leaves the table whole, so a panic elsewhere says nothing about it.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A held envelope's place; gives its room back when dropped.
pub struct Hold {
    place: usize,
    /// None once it is released.
    holdings: Option<Arc<Holdings>>,
}

impl Hold {
    fn leave(mut self) -> usize {
        self.holdings = None;
        self.place
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Some(holdings) = &self.holdings {
            holdings.lock().take(self.place);
            holdings.room.add_permits(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_settled_meanwhile_is_not_told_of_and_what_was_not_told_is_told_again() {
        let holdings = Holdings::new(3);
        let hold = |reply: &'static str| holdings.hold(Subject::from_static(reply), Instant::now());
        let (_first, second, _third) = (hold("1"), hold("2"), hold("3"));
        let told = |from, age| {
            let mut told = None;
            let tell = |reply: Subject| told.replace(reply).is_none();
            (holdings.tell_overdue(from, age, tell), told)
        };

        let refused = holdings.tell_overdue(0, Duration::ZERO, |_| false);
        assert_eq!(refused, None);
        assert_eq!(told(0, Duration::ZERO), (Some(1), Some("1".into())));
        holdings.release(vec![second]);
        assert_eq!(told(1, Duration::ZERO), (Some(3), Some("3".into())));
        assert_eq!(told(3, Duration::ZERO), (None, None));
        assert_eq!(told(0, Duration::from_mins(1)), (None, None));
    }
}
