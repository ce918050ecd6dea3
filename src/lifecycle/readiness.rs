//! Which parts of the process work, as `/ready` tells it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// A part that has to work before this process is sent any work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    PostgreSql,
    Nats,
    Consumer,
    Schema,
    Partitions,
    KeyRing,
    Publish,
}

impl Part {
    pub const ALL: [Self; 7] = [
        Self::PostgreSql,
        Self::Nats,
        Self::Consumer,
        Self::Schema,
        Self::Partitions,
        Self::KeyRing,
        Self::Publish,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::PostgreSql => "postgresql",
            Self::Nats => "nats",
            Self::Consumer => "consumer",
            Self::Schema => "schema",
            Self::Partitions => "partitions",
            Self::KeyRing => "key_ring",
            Self::Publish => "publish",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum State {
    /// Nobody has reported yet, which is not ready.
    #[default]
    Starting,
    Ready,
    /// What is wrong, in words fit for an operator; never a payload, number or password.
    NotReady(String),
}

/// Shared by those who report and by the probes. The lock is held for the copy of a few words,
/// never across an await.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<Mutex<[State; Part::ALL.len()]>>);

impl Readiness {
    pub fn new() -> Self {
        Self::default()
    }

    /// Reports a part; true when this changed anything, so that the caller logs a change once.
    pub fn set(&self, part: Part, result: Result<(), String>) -> bool {
        let state = result.map_or_else(State::NotReady, |()| State::Ready);
        let mut states = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let current = &mut states[part as usize];
        let changed = *current != state;
        *current = state;
        changed
    }

    /// Reports a part, with one log line when that changes anything.
    pub fn tell(&self, part: Part, result: Result<(), String>) {
        if self.set(part, result.clone()) {
            match result {
                Ok(()) => tracing::info!(%part, "works"),
                Err(fault) => tracing::warn!(%part, fault, "does not work"),
            }
        }
    }

    pub fn report(&self) -> Vec<(Part, State)> {
        let states = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Part::ALL.into_iter().zip(states.iter().cloned()).collect()
    }

    pub fn is_ready(&self) -> bool {
        self.report()
            .iter()
            .all(|(_, state)| *state == State::Ready)
    }
}

/// A part that several members report on: it works when none of them is at fault.
#[derive(Debug, Clone)]
pub struct SharedPart {
    readiness: Readiness,
    part: Part,
    /// The faults, by member; as many as there are lanes, and one.
    faults: Arc<Mutex<BTreeMap<usize, String>>>,
}

impl SharedPart {
    pub fn new(readiness: Readiness, part: Part) -> Self {
        Self {
            readiness,
            part,
            faults: Arc::default(),
        }
    }

    pub fn member(&self, number: usize) -> Member {
        Member {
            shared: self.clone(),
            number,
        }
    }

    fn set(&self, member: usize, result: Result<(), String>) {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(()) => faults.remove(&member),
            Err(fault) => faults.insert(member, fault),
        };
        let state = faults.values().next().cloned().map_or(Ok(()), Err);
        self.readiness.tell(self.part, state);
    }
}

/// One of those who report on a shared part.
#[derive(Debug, Clone)]
pub struct Member {
    shared: SharedPart,
    number: usize,
}

impl Member {
    /// For a command that has no readiness: what is reported is only logged.
    pub fn unwatched(part: Part) -> Self {
        SharedPart::new(Readiness::new(), part).member(0)
    }

    /// Reports; logged when it changes what the part looks like.
    pub fn set(&self, result: Result<(), String>) {
        self.shared.set(self.number, result);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_ready_only_when_every_part_is() {
        let readiness = Readiness::new();
        for part in Part::ALL {
            assert!(!readiness.is_ready(), "{part} has not reported");
            assert!(readiness.set(part, Ok(())));
        }
        assert!(readiness.is_ready());

        assert!(readiness.set(Part::Nats, Err("connection refused".into())));
        assert!(!readiness.is_ready());
        let wrong = (Part::Nats, State::NotReady("connection refused".into()));
        assert!(readiness.report().contains(&wrong));
    }

    #[test]
    fn repeated_report_is_no_change() {
        let readiness = Readiness::new();
        assert!(readiness.set(Part::Schema, Ok(())));
        assert!(!readiness.set(Part::Schema, Ok(())));
    }

    #[test]
    fn shared_part_works_when_no_member_is_at_fault() {
        let readiness = Readiness::new();
        let part = SharedPart::new(readiness.clone(), Part::PostgreSql);
        let state = |readiness: &Readiness| readiness.report()[Part::PostgreSql as usize].1.clone();
        let (first, second) = (part.member(0), part.member(1));
        first.set(Ok(()));
        second.set(Err("gone".into()));
        first.set(Ok(()));
        assert_eq!(state(&readiness), State::NotReady("gone".into()));
        second.set(Ok(()));
        assert_eq!(state(&readiness), State::Ready);
    }

    #[test]
    fn parts_are_listed_in_their_order() {
        for (at, part) in Part::ALL.into_iter().enumerate() {
            assert_eq!(part as usize, at);
        }
    }
}
