//! Which parts of the process work, as `/ready` tells it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

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

/// How often a trouble is logged that shows another face each time. The newest is in `/ready`.
const SAY_AGAIN: Duration = Duration::from_mins(1);

/// What is known of a part.
#[derive(Debug, Default)]
struct Known {
    state: State,
    trouble: Option<Trouble>,
}

/// From the first report that a part does not work until the one that it does.
#[derive(Debug)]
struct Trouble {
    since: Instant,
    /// Reports of it, the first and the last among them.
    failures: u64,
    said: Instant,
    /// What was said then.
    words: State,
}

/// What is worth a line.
#[derive(Debug, PartialEq, Eq)]
enum News {
    Works,
    WorksAgain { failures: u64, after: Duration },
    Fails { failures: u64 },
}

impl Known {
    fn take(&mut self, state: State, now: Instant) -> Option<News> {
        let changed = self.state != state;
        self.state = state;
        if !matches!(self.state, State::NotReady(_)) {
            return match self.trouble.take() {
                Some(Trouble {
                    since, failures, ..
                }) => Some(News::WorksAgain {
                    failures,
                    after: now.duration_since(since),
                }),
                None => changed.then_some(News::Works),
            };
        }
        let Some(trouble) = &mut self.trouble else {
            self.trouble = Some(Trouble {
                since: now,
                failures: 1,
                said: now,
                words: self.state.clone(),
            });
            return Some(News::Fails { failures: 1 });
        };
        trouble.failures += 1;
        if trouble.words == self.state || now.duration_since(trouble.said) < SAY_AGAIN {
            return None;
        }
        trouble.said = now;
        trouble.words.clone_from(&self.state);
        Some(News::Fails {
            failures: trouble.failures,
        })
    }
}

/// Shared by those who report and by the probes. The lock is held for the copy of a few words,
/// never across an await.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<Mutex<[Known; Part::ALL.len()]>>);

impl Readiness {
    pub fn new() -> Self {
        Self::default()
    }

    /// Reports a part. A trouble is one line in the log however often it is reported, and one with
    /// the count when it is over.
    pub fn tell(&self, part: Part, result: Result<(), String>) {
        let state = result.map_or_else(State::NotReady, |()| State::Ready);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = &mut known[part as usize];
        match known.take(state, Instant::now()) {
            None => {}
            Some(News::Works) => tracing::info!(%part, "works"),
            Some(News::WorksAgain { failures, after }) => {
                tracing::info!(%part, failures, seconds = after.as_secs(), "works again");
            }
            Some(News::Fails { failures }) => {
                if let State::NotReady(fault) = &known.state {
                    tracing::warn!(%part, fault, failures, "does not work");
                }
            }
        }
    }

    pub fn report(&self) -> Vec<(Part, State)> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let states = known.iter().map(|it| it.state.clone());
        Part::ALL.into_iter().zip(states).collect()
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
            // Another's trouble is not this one's to report.
            Ok(()) if faults.remove(&member).is_none() && !faults.is_empty() => return,
            Ok(()) => {}
            Err(fault) => drop(faults.insert(member, fault)),
        }
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
            readiness.tell(part, Ok(()));
        }
        assert!(readiness.is_ready());

        readiness.tell(Part::Nats, Err("connection refused".into()));
        assert!(!readiness.is_ready());
        let wrong = (Part::Nats, State::NotReady("connection refused".into()));
        assert!(readiness.report().contains(&wrong));
    }

    #[test]
    fn a_trouble_is_news_once_a_minute_at_most_and_when_it_is_over() {
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        let fault = |text: &str| State::NotReady(text.to_owned());
        let mut part = Known::default();
        assert_eq!(part.take(State::Ready, begun), Some(News::Works));
        assert_eq!(part.take(State::Ready, begun), None);
        assert_eq!(
            part.take(fault("gone"), begun),
            Some(News::Fails { failures: 1 })
        );
        for second in 1..=200 {
            assert_eq!(part.take(fault("gone"), at(second)), None, "said already");
        }
        for second in 201..=230 {
            let news = part.take(
                fault(["refused", "gone"][usize::from(second % 2 == 0)]),
                at(second),
            );
            let first = (second == 201).then_some(News::Fails { failures: 202 });
            assert_eq!(news, first, "one face of it is enough");
        }
        assert_eq!(part.state, fault("gone"), "the newest is shown");
        let over = News::WorksAgain {
            failures: 231,
            after: Duration::from_mins(4),
        };
        assert_eq!(part.take(State::Ready, at(240)), Some(over));
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
