//! The bytes of a simulated receipt, as CONTRACT §3 describes them, or broken in a named way.

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;

use super::story::Report;
use super::{Door, Story};

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

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Fields<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    carrier_id: Option<&'a str>,
    operator_message_id: &'a str,
    stat: &'a str,
    err: &'a str,
    sub: &'a str,
    dlvrd: &'a str,
    submit_date: String,
    done_date: String,
    source_addr: &'a str,
    dest_addr: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<uuid::Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tlv: Option<Tlv>,
    received_at: Timestamp,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Tlv {
    message_state: u8,
}

impl Story {
    /// Receipt `step`. A duplicate is the same bytes: what varies depends on the story and the word
    /// it reports, not on the step.
    pub fn payload(&self, step: u8) -> Bytes {
        match self.kind.reports()[usize::from(step)].0 {
            Report::Broken => self.broken(),
            report => self.render(report).into(),
        }
    }

    fn render(&self, report: Report) -> Vec<u8> {
        let mut dice = fastrand::Rng::with_seed(self.seed ^ 2);
        let sender = if dice.u8(0..3) == 0 {
            "447700900001"
        } else {
            "NORTHWIND"
        };
        // 07700 900000 to 900999 is a range that no operator will ever assign.
        let dest_addr = format!("447700900{:03}", dice.u16(0..1_000));
        let (done_after, state, err, dlvrd) = match report {
            Report::Enroute => (1, 1, "000", "000"),
            Report::Undeliv => (4, 5, ["001", "027", "0x0b"][dice.usize(0..3)], "000"),
            Report::Delivrd | Report::Broken => (5, 2, "000", "001"),
        };
        let done = self.submitted_at + std::time::Duration::from_secs(done_after);
        let fields = Fields {
            carrier_id: (self.door == Door::Gateway).then_some(self.carrier),
            operator_message_id: &self.operator_message_id,
            stat: report.word(),
            err,
            sub: "001",
            dlvrd,
            submit_date: smpp_date(self.submitted_at),
            done_date: smpp_date(done),
            source_addr: sender,
            dest_addr,
            message_id: (self.has_row() && dice.u8(0..4) == 0).then_some(self.message_id),
            tlv: (dice.u8(0..4) == 0).then_some(Tlv {
                message_state: state,
            }),
            received_at: done,
        };
        serde_json::to_vec(&fields).expect("strings and numbers always serialize")
    }

    fn flaw(&self) -> Flaw {
        let mut dice = fastrand::Rng::with_seed(self.seed ^ 3);
        let flaw = Flaw::ALL[dice.usize(0..Flaw::ALL.len())];
        match (flaw, self.door) {
            // Only a carrier on its own subject can contradict it.
            (Flaw::ForeignCarrier, Door::Gateway) => Flaw::MissingId,
            (flaw, _) => flaw,
        }
    }

    fn broken(&self) -> Bytes {
        let mut whole = self.render(Report::Delivrd);
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

fn smpp_date(at: Timestamp) -> String {
    at.strftime("%y%m%d%H%M").to_string()
}

#[cfg(test)]
mod tests {
    use super::super::tests::scenario;
    use super::super::{Disposition, Kind};
    use super::*;

    #[test]
    fn a_sound_receipt_reads_as_json_and_names_its_message() {
        let scenario = scenario();
        for story in (0..2_000)
            .map(|n| scenario.story(n))
            .filter(|s| s.kind != Kind::Invalid)
        {
            for step in 0..story.steps() {
                let read: serde_json::Value = serde_json::from_slice(&story.payload(step)).unwrap();
                assert_eq!(read["operatorMessageId"], story.operator_message_id);
                assert_eq!(read.get("carrierId").is_some(), story.door == Door::Gateway);
            }
        }
    }

    #[test]
    fn a_duplicate_is_the_same_bytes() {
        let scenario = scenario();
        let story = (0..1_000)
            .map(|n| scenario.story(n))
            .find(|s| s.kind == Kind::Duplicate)
            .unwrap();
        assert_eq!(story.payload(0), story.payload(1));
    }

    #[test]
    fn every_flaw_occurs_changes_the_payload_and_fits_the_limit() {
        let scenario = scenario();
        let mut seen = Vec::new();
        for story in (0..40_000)
            .map(|n| scenario.story(n))
            .filter(|s| s.kind == Kind::Invalid)
        {
            assert_eq!(story.disposition(0), Disposition::Rejected);
            let payload = story.payload(0);
            assert_ne!(payload, story.render(Report::Delivrd), "{:?}", story.flaw());
            assert!(payload.len() <= 16 * 1024);
            if !seen.contains(&story.flaw()) {
                seen.push(story.flaw());
            }
        }
        assert_eq!(seen.len(), Flaw::ALL.len(), "{seen:?}");
    }
}
