use std::time::Instant;

use proptest::prelude::*;
use serde_json::json;

use super::decode::decode;
use super::envelope::{Envelope, Holdings};
use super::*;
use crate::receipt::ids::Identity;
use crate::receipt::profile::{Profile, Profiles};

pub(super) fn item(payload: String, profiles: &Profiles) -> Item {
    let envelope = Envelope {
        identity: Identity {
            stream: "SMS_DLR".into(),
            sequence: 1,
            stored_ns: 1,
        },
        payload: payload.into(),
        subject: "sms.dlr.inbound.acme".into(),
        deliveries: 1,
        taken: Instant::now(),
        hold: Holdings::new(1).hold("reply".into(), Instant::now()),
    };
    decode(envelope, "sms.dlr.inbound", profiles)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    /// Else two receipts of one message could be decided on at once, and out of order.
    #[test]
    fn receipts_of_one_message_have_one_lane_in_whatever_base_they_write_its_id(
        id: u64,
        zeros in 0_usize..8,
        lanes in 1_usize..=16,
    ) {
        let profile = json!({"ids": {
            "field": {"form": "decimal"}, "tlv": {"form": "hex"}, "text": {"form": "decimal"},
            "stored": {"form": "hex", "width": 16},
        }});
        let profiles = Profiles::every(Profile::parse(&profile, 1).unwrap());
        let zeros = "0".repeat(zeros);
        let written = [
            json!({"operatorMessageId": format!("{zeros}{id}"), "stat": "ENROUTE"}),
            json!({"tlv": {"receiptedMessageId": format!("{zeros}{id:X}")}, "stat": "DELIVRD"}),
            json!({"rawPayload": format!("id:{id} stat:DELIVRD")}),
        ];
        let mut found = written.map(|receipt| lane_of(&item(receipt.to_string(), &profiles), lanes));
        found.sort_unstable();
        prop_assert_eq!(found[0], found[2]);
        prop_assert!(found[0] < lanes);
    }
}
