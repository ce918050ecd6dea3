//! A fixed ring and a fixed place for the room's tests. The keys count upwards from 0, 32 and 64.

use std::sync::Arc;

use uuid::{Uuid, uuid};

use super::{KeyRing, Place};

pub(super) const KEY_1: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
pub(super) const KEY_2: &str = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";
pub(super) const INDEX_KEY: &str = "QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8=";

pub(super) const ROW: Uuid = uuid!("0193f6c0-0000-7000-8000-000000000001");
pub(super) const ACCOUNT: Uuid = uuid!("0193f6c0-0000-7000-8000-0000000000aa");

pub(super) const PARKED: Place<'static> = Place {
    table: "dlr.orphaned_receipts",
    column: "payload_sealed",
    row: ROW,
    carrier: "carrier-a",
    account: None,
};

pub(super) const STORED: Place<'static> = Place {
    table: "dlr.delivery_receipts",
    column: "personal_sealed",
    row: ROW,
    carrier: "carrier-a",
    account: Some(ACCOUNT),
};

/// One entry of a ring file's list.
pub(super) fn entry(kid: u32, state: &str, key: &str) -> String {
    format!(r#"{{"kid":{kid},"state":"{state}","k":"{key}"}}"#)
}

pub(super) fn ring_text(keys: &[String], bidx: &[String]) -> String {
    let (keys, bidx) = (keys.join(","), bidx.join(","));
    format!(r#"{{"v":1,"keys":[{keys}],"bidx":[{bidx}]}}"#)
}

/// Keys 1 and 2, of which `primary` seals.
pub(super) fn ring(primary: u32) -> Arc<KeyRing> {
    let state = |kid| if kid == primary { "primary" } else { "decrypt" };
    let keys = [entry(1, state(1), KEY_1), entry(2, state(2), KEY_2)];
    let bidx = [entry(1, "primary", INDEX_KEY)];
    Arc::new(KeyRing::parse(ring_text(&keys, &bidx).as_bytes()).unwrap())
}

pub(super) fn hex(digits: &str) -> Vec<u8> {
    assert!(digits.len().is_multiple_of(2), "whole bytes");
    digits
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}
