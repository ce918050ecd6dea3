//! The behaviour of the processor against real servers; one binary, so that all share one PostgreSQL.
#![expect(
    clippy::unwrap_used,
    reason = "what sets up a test may fail it; clippy knows test functions only"
)]
mod archives;
mod attacks;
mod carriers;
mod clusters;
mod command_line;
mod connections;
mod corpus;
mod crashes;
mod demo;
mod diagnose;
mod faults;
mod hostile_messages;
mod inspect;
mod life_of_a_receipt;
mod linear_time;
mod matching;
mod messages;
mod migrations;
mod nats_accounts;
mod nats_denials;
mod nats_readiness;
mod nats_sign_in;
mod outages;
mod packs;
mod privacy;
mod privileges;
mod probes;
mod provision;
mod pulls;
mod receipt_vectors;
mod reconcile;
mod rejections;
mod replay;
mod segments;
mod state_rule;
mod supervisor;
mod support;
mod sweep;
mod tidy;
