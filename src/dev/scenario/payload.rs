//! The bytes of a simulated receipt, as CONTRACT §3 describes them, or broken in a named way.

mod flaw;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;

use super::story::Report;
use super::{Door, Story, Writing};
use crate::receipt::archive::{ReceiptV1, TlvV1};

/// The first 20 characters of what was sent, as carriers repeat them.
const TEXT: &str = "Your parcel is on it";

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Fields<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    carrier_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operator_message_id: Option<String>,
    #[serde(flatten)]
    report: Option<ReportFields<'a>>,
    source_addr: &'a str,
    dest_addr: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<uuid::Uuid>,
    #[serde(skip_serializing_if = "Tlv::is_empty")]
    tlv: Tlv,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw_payload: Option<String>,
    received_at: Timestamp,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReportFields<'a> {
    stat: &'a str,
    err: &'a str,
    sub: &'a str,
    dlvrd: &'a str,
    submit_date: String,
    done_date: String,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Tlv {
    #[serde(skip_serializing_if = "Option::is_none")]
    receipted_message_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_state: Option<u8>,
}

impl Tlv {
    fn is_empty(&self) -> bool {
        self.receipted_message_id.is_none() && self.message_state.is_none()
    }
}

impl Fields<'_> {
    fn archive(&self) -> Vec<u8> {
        let boxed = |text: &str| Some(Box::from(text));
        let report = self.report.as_ref();
        let receipt = ReceiptV1 {
            carrier_id: self.carrier_id.and_then(boxed),
            operator_message_id: self.operator_message_id.as_deref().and_then(boxed),
            stat: report.and_then(|it| boxed(it.stat)),
            err: report.and_then(|it| boxed(it.err)),
            sub: report.and_then(|it| boxed(it.sub)),
            dlvrd: report.and_then(|it| boxed(it.dlvrd)),
            submit_date: report.and_then(|it| boxed(&it.submit_date)),
            done_date: report.and_then(|it| boxed(&it.done_date)),
            source_addr: boxed(self.source_addr),
            dest_addr: boxed(&self.dest_addr),
            message_id: self.message_id,
            tlv: TlvV1 {
                message_state: self.tlv.message_state,
                ..TlvV1::default()
            },
            received_at: Some(self.received_at),
            ..ReceiptV1::default()
        };
        let bytes = receipt
            .to_bytes()
            .expect("far shorter than a receipt may be");
        bytes.into()
    }
}

impl ReportFields<'_> {
    /// As SMPP has it, 3.4 appendix B.
    fn smpp_text(&self, id: &str) -> String {
        let Self {
            stat,
            err,
            sub,
            dlvrd,
            submit_date,
            done_date,
        } = self;
        format!(
            "id:{id} sub:{sub} dlvrd:{dlvrd} submit date:{submit_date} done date:{done_date} \
             stat:{stat} err:{err} text:{TEXT}"
        )
    }
}

impl Story {
    /// Receipt `step`. A duplicate is the same bytes: what varies depends on the story and the word
    /// it reports, not on the step.
    pub fn payload(&self, step: u8) -> Bytes {
        match self.kind.reports()[usize::from(step)].0 {
            Report::Broken => self.broken(),
            report => self.render(report, self.writing_of(report)).into(),
        }
    }

    fn render(&self, report: Report, writing: Writing) -> Vec<u8> {
        let mut dice = fastrand::Rng::with_seed(self.seed ^ 2);
        let sender = if dice.u8(0..3) == 0 {
            "447700900001"
        } else {
            "NORTHWIND"
        };
        // 07700 900000 to 900999 is a range that no operator will ever assign.
        let dest_addr = format!("447700900{:03}", dice.u16(0..1_000));
        let (done_after, state, err, dlvrd) = match report {
            Report::Enroute => (1, Some(1), "000", "000"),
            Report::Undeliv => {
                let err = ["001", "027", "0x0b"][dice.usize(0..3)];
                (4, Some(5), err, "000")
            }
            Report::Delivrd | Report::Broken => (5, Some(2), "000", "001"),
            // A state would say what the word means.
            Report::Vendor => (5, None, "000", "001"),
        };
        let done = self.submitted_at + std::time::Duration::from_secs(done_after);
        let says = ReportFields {
            stat: report.word(),
            err,
            sub: "001",
            dlvrd,
            submit_date: smpp_date(self.submitted_at),
            done_date: smpp_date(done),
        };
        let mut fields = Fields {
            carrier_id: (self.carrier.door == Door::Gateway).then_some(self.carrier.name),
            source_addr: sender,
            dest_addr,
            message_id: (self.has_row() && dice.u8(0..4) == 0).then_some(self.message_id),
            received_at: done,
            ..Fields::default()
        };
        let mut tlv_state = || state.filter(|_| dice.u8(0..4) == 0);
        match writing {
            Writing::Fields | Writing::Archive => {
                fields.operator_message_id = Some(self.operator_message_id.clone());
                fields.tlv.message_state = tlv_state();
                fields.report = Some(says);
            }
            Writing::Text => {
                fields.raw_payload = Some(says.smpp_text(&self.operator_message_id));
            }
            Writing::DecimalField => {
                fields.operator_message_id = Some(self.decimal_id());
                fields.tlv.message_state = tlv_state();
                fields.report = Some(says);
            }
            Writing::DecimalText => {
                fields.raw_payload = Some(says.smpp_text(&self.decimal_id()));
                fields.tlv.receipted_message_id = Some(self.operator_message_id.clone());
                fields.tlv.message_state = tlv_state();
            }
            Writing::HexTlv => {
                let id = self.operator_message_id.to_ascii_uppercase();
                fields.tlv.receipted_message_id = Some(format!("{id:0>8}"));
                fields.report = Some(says);
            }
        }
        match writing {
            Writing::Archive => fields.archive(),
            _ => serde_json::to_vec(&fields).expect("strings and numbers always serialize"),
        }
    }

    /// The number that the orchestrator has in hex.
    fn decimal_id(&self) -> String {
        let number = u32::from_str_radix(&self.operator_message_id, 16);
        format!(
            "{:010}",
            number.expect("the id of such a carrier is 32 bits in hex")
        )
    }
}

fn smpp_date(at: Timestamp) -> String {
    at.strftime("%y%m%d%H%M").to_string()
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::super::tests::scenario;
    use super::*;

    #[test]
    fn a_sound_receipt_in_json_names_its_message_and_its_word() {
        let scenario = scenario();
        for story in (0..5_000)
            .map(|n| scenario.story(n))
            .filter(|s| s.kind != Kind::Invalid)
        {
            let is_json = |step: &u8| story.writing(*step) != Some(Writing::Archive);
            for step in (0..story.steps()).filter(is_json) {
                let read: serde_json::Value = serde_json::from_slice(&story.payload(step)).unwrap();
                let is_named = read.get("carrierId").is_some();
                assert_eq!(is_named, story.carrier.door == Door::Gateway);
                let id = |id: &str| format!("id:{id} sub:001 ");
                let (field, tlv) = (
                    &read["operatorMessageId"],
                    &read["tlv"]["receiptedMessageId"],
                );
                let text = read["rawPayload"].as_str().unwrap_or_default();
                let hex = story.operator_message_id.as_str();
                match story.writing(step).unwrap() {
                    Writing::Fields | Writing::Archive => assert_eq!(field, hex),
                    Writing::Text => assert!(text.starts_with(&id(hex)), "{text}"),
                    Writing::DecimalField => assert_eq!(field, story.decimal_id().as_str()),
                    Writing::DecimalText => {
                        assert!(text.starts_with(&id(&story.decimal_id())), "{text}");
                        assert_eq!(tlv, hex);
                    }
                    Writing::HexTlv => {
                        let padded = tlv.as_str().unwrap();
                        assert_eq!(padded.trim_start_matches('0').to_ascii_lowercase(), hex);
                    }
                }
                let word = story.kind.reports()[usize::from(step)].0.word();
                assert!(read["stat"] == word || text.contains(&format!(" stat:{word} ")));
            }
        }
    }

    #[test]
    fn a_duplicate_is_the_same_bytes() {
        let scenario = scenario();
        for story in (0..1_000)
            .map(|n| scenario.story(n))
            .filter(|s| s.kind == Kind::Duplicate)
        {
            assert_eq!(story.payload(0), story.payload(1));
        }
    }

    #[test]
    fn every_way_of_writing_occurs() {
        let scenario = scenario();
        let mut seen = std::collections::HashSet::new();
        for story in (0..1_000).map(|n| scenario.story(n)) {
            seen.extend((0..story.steps()).filter_map(|step| story.writing(step)));
        }
        assert_eq!(seen.len(), Writing::ALL.len(), "{seen:?}");
    }
}
