//! Receipts broken in a named way.

use bytes::Bytes;

use crate::dev::scenario::story::Report;
use crate::dev::scenario::{Door, Story, Writing};

/// Ways in which carriers get a receipt wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    Empty,
    Truncated,
    NotJson,
    NotUtf8,
    WrongType,
    BadStat,
    Nul,
    DuplicateKey,
    TooDeep,
    TooLong,
    MissingId,
    ForeignCarrier,
}

impl Flaw {
    const ALL: [Self; 12] = [
        Self::Empty,
        Self::Truncated,
        Self::NotJson,
        Self::NotUtf8,
        Self::WrongType,
        Self::BadStat,
        Self::Nul,
        Self::DuplicateKey,
        Self::TooDeep,
        Self::TooLong,
        Self::MissingId,
        Self::ForeignCarrier,
    ];
}

impl Story {
    fn flaw(&self) -> Flaw {
        let mut dice = fastrand::Rng::with_seed(self.seed ^ 3);
        let flaw = Flaw::ALL[dice.usize(0..Flaw::ALL.len())];
        match (flaw, self.carrier.door) {
            // Only a carrier on its own subject can contradict it.
            (Flaw::ForeignCarrier, Door::Gateway) => Flaw::MissingId,
            (flaw, _) => flaw,
        }
    }

    pub(super) fn broken(&self) -> Bytes {
        let mut whole = self.render(Report::Delivrd, Writing::Fields);
        let id = self.operator_message_id.as_str();
        let quoted = format!("\"{id}\"");
        let text = || String::from_utf8_lossy(&whole).into_owned();
        let with = |field: &str| format!("{{{field},{}", text().trim_start_matches('{'));
        let broken = match self.flaw() {
            Flaw::Empty => String::new(),
            Flaw::NotJson => format!("id:{id} sub:001 dlvrd:001 stat:DELIVRD err:000"),
            Flaw::WrongType => text().replace(&quoted, "4711"),
            Flaw::BadStat => text().replace("\"DELIVRD\"", "\"DELIVRD; --\""),
            Flaw::Nul => text().replace(&quoted, &format!("\"{id}\\u0000\"")),
            Flaw::DuplicateKey => with("\"stat\":\"UNDELIV\""),
            Flaw::TooDeep => with(&format!("\"more\":{}{}", "[".repeat(500), "]".repeat(500))),
            Flaw::TooLong => text().replace(&quoted, &format!("\"{}\"", "7".repeat(200))),
            Flaw::MissingId => text().replace("operatorMessageId", "operatorMessage"),
            Flaw::ForeignCarrier => with("\"carrierId\":\"northwind\""),
            Flaw::Truncated => {
                whole.truncate(whole.len() / 2);
                return whole.into();
            }
            Flaw::NotUtf8 => {
                let middle = whole.len() / 2;
                whole[middle] = 0xff;
                return whole.into();
            }
        };
        broken.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dev::scenario::tests::scenario;
    use crate::dev::scenario::{Fate, Kind};

    #[test]
    fn every_flaw_occurs_changes_the_payload_and_fits_the_limit() {
        let scenario = scenario();
        let mut seen = Vec::new();
        for story in (0..40_000)
            .map(|n| scenario.story(n))
            .filter(|s| s.kind == Kind::Invalid)
        {
            assert_eq!(story.fate(0), Fate::Rejected);
            let payload = story.payload(0);
            let sound = story.render(Report::Delivrd, Writing::Fields);
            assert_ne!(payload, sound, "{:?}", story.flaw());
            assert!(payload.len() <= 16 * 1024);
            if !seen.contains(&story.flaw()) {
                seen.push(story.flaw());
            }
        }
        assert_eq!(seen.len(), Flaw::ALL.len(), "{seen:?}");
    }
}
