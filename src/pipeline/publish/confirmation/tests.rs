use bytes::Bytes;
use proptest::prelude::*;

use super::*;

fn output() -> Output {
    Output {
        subject: "billing.events".into(),
        stream: "BILLING".to_owned(),
    }
}

fn answer(payload: &str, status: Option<StatusCode>) -> String {
    let message = Message {
        subject: "_INBOX.ours.7".into(),
        reply: None,
        payload: Bytes::copy_from_slice(payload.as_bytes()),
        headers: None,
        status,
        description: None,
        length: payload.len(),
    };
    match check(&message, &output()) {
        Ok(sequence) => format!("confirmed at {sequence}"),
        Err(fault) => fault.to_string(),
    }
}

#[test]
fn what_servers_answer_is_understood() {
    for (payload, expected) in [
        (r#"{"stream":"BILLING", "seq":12}"#, "confirmed at 12"),
        (
            r#"{"stream":"BILLING", "seq":12,"duplicate": true}"#,
            "confirmed at 12",
        ),
        // As other servers may write it, now or later.
        (
            r#"{"stream":"BILLING","domain":"hub","seq":12}"#,
            "confirmed at 12",
        ),
        (
            r#"{"seq":12,"batch":"x","stream":"BILLING"}"#,
            "confirmed at 12",
        ),
        (
            r#"{"stream":"BILLING"}"#,
            "the confirmation of billing.events cannot be read",
        ),
        (
            r#"{"stream":"BILLING_2", "seq":12}"#,
            "billing.events was stored by BILLING_2, not by BILLING; see `dlr provision --check`",
        ),
        (
            r#"{"stream":"BILL", "seq":12}"#,
            "billing.events was stored by BILL, not by BILLING; see `dlr provision --check`",
        ),
        (
            r#"{"seq":12}"#,
            "billing.events was stored by nobody, not by BILLING; see `dlr provision --check`",
        ),
        (
            r#"{"error":{"code":503,"description":"maximum bytes exceeded"},"stream":"BILLING","seq":0}"#,
            "BILLING refused an event: maximum bytes exceeded",
        ),
        (
            r#"{"stream":"BILLING", "seq":12,"error":{"code":503,"description":"no"}}"#,
            "BILLING refused an event: no",
        ),
    ] {
        assert_eq!(answer(payload, None), expected, "{payload}");
    }
    let no_stream = answer("", Some(StatusCode::NO_RESPONDERS));
    assert!(no_stream.contains("dlr provision"), "{no_stream}");
}

/// What nats-server 2.10.26 and 2.15.1 write; else each confirmation would go the long way.
#[test]
fn what_servers_write_as_a_rule_needs_no_json() {
    for (answer, sequence) in [
        (r#"{"stream":"BILLING", "seq":1}"#, 1),
        (r#"{"stream":"BILLING", "seq":1,"duplicate": true}"#, 1),
        (
            r#"{"stream":"BILLING","seq":18446744073709551615}"#,
            u64::MAX,
        ),
        (r#"{"stream":"BILLING","seq":1,"duplicate": true}"#, 1),
    ] {
        assert_eq!(as_ever(answer.as_bytes(), "BILLING"), Some(sequence));
        assert_eq!(as_ever(answer.as_bytes(), "BILLINGS"), None, "{answer}");
        assert_eq!(as_ever(answer.as_bytes(), "BILL"), None, "{answer}");
    }
}

proptest! {
    /// Half a confirmation is none, whichever way it is read.
    #[test]
    fn a_confirmation_with_an_end_missing_confirms_nothing(duplicate: bool, cut in 0_usize..60) {
        let end = if duplicate { r#","duplicate": true}"# } else { "}" };
        let whole = format!(r#"{{"stream":"BILLING", "seq":4711{end}"#);
        let cut = cut % whole.len();
        let (front, _) = whole.split_at(cut);
        let (_, back) = whole.split_at(whole.len() - cut);
        let unreadable = "the confirmation of billing.events cannot be read";
        prop_assert_eq!(answer(front, None), unreadable);
        prop_assert_eq!(answer(back, None), unreadable);
    }

    /// The scan takes nothing that JSON would not.
    #[test]
    fn the_scan_agrees_with_json(stream in "[A-Z_]{1,9}", end in r#"[}, ":a-z0-9]{0,24}"#) {
        let payload = format!(r#"{{"stream":"{stream}","seq":4711{end}"#);
        if let Some(sequence) = as_ever(payload.as_bytes(), "BILLING") {
            let read: Confirmation = serde_json::from_str(&payload).unwrap();
            prop_assert_eq!(read.seq, Some(sequence));
            prop_assert_eq!(read.stream.as_deref(), Some("BILLING"));
            prop_assert!(read.error.is_none());
        }
    }
}
