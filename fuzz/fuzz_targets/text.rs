#![no_main]

#[path = "../rules.rs"]
#[expect(dead_code, reason = "the rules of the other readers")]
mod rules;

libfuzzer_sys::fuzz_target!(|input: &[u8]| rules::text(input));
