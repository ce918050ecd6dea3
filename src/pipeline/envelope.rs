//! What JetStream delivers, and what we owe for it.

use std::collections::HashMap;
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
/// A lock guards the table of replies: taken once when an envelope comes and once when it goes,
/// each for one operation on the map, and by the keep-alive for one pass over at most
/// `in_flight_max` entries.
pub struct Holdings {
    room: Semaphore,
    held: Mutex<Held>,
    /// Whether the consumer's places are running out, over all replicas.
    crowded: AtomicBool,
}

#[derive(Default)]
struct Held {
    next: u64,
    replies: HashMap<u64, Reply>,
}

struct Reply {
    subject: Subject,
    /// When the server last heard of it: at the delivery or by a sign of progress.
    heard: Instant,
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

    /// Takes an envelope into reserved room.
    pub(super) fn hold(self: &Arc<Self>, reply: Subject) -> Hold {
        let mut held = self.lock();
        let id = held.next;
        held.next += 1;
        held.replies.insert(
            id,
            Reply {
                subject: reply,
                heard: Instant::now(),
            },
        );
        Hold {
            id,
            holdings: Arc::clone(self),
        }
    }

    pub fn set_crowded(&self, crowded: bool) {
        self.crowded.store(crowded, Ordering::Relaxed);
    }

    pub(super) fn is_crowded(&self) -> bool {
        self.crowded.load(Ordering::Relaxed)
    }

    pub fn count(&self) -> usize {
        self.lock().replies.len()
    }

    /// The replies of which the server has not heard for `age`; they count as heard from now on.
    pub(super) fn overdue(&self, age: Duration) -> Vec<Subject> {
        let now = Instant::now();
        let mut held = self.lock();
        let overdue = held
            .replies
            .values_mut()
            .filter(|reply| now - reply.heard >= age);
        overdue
            .map(|reply| {
                reply.heard = now;
                reply.subject.clone()
            })
            .collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Held> {
        // Every section leaves the map whole, so a panic elsewhere says nothing about it.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A held envelope's place; gives its room back when dropped.
pub struct Hold {
    id: u64,
    holdings: Arc<Holdings>,
}

impl Hold {
    /// Ends the holding: from here on, silence towards the server is meant.
    pub(super) fn release(self) -> Option<Subject> {
        self.holdings
            .lock()
            .replies
            .remove(&self.id)
            .map(|reply| reply.subject)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.holdings.lock().replies.remove(&self.id);
        self.holdings.room.add_permits(1);
    }
}
