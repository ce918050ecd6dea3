//! Delivery receipts in, settled messages out.
//!
//! Carriers report the fate of each SMS: late, twice, out of order. This program takes their
//! receipts from NATS JetStream, finds each its message in PostgreSQL, stores what it decided, and
//! tells billing and webhooks. What matches nothing is kept, sealed.
//!
//! # Words
//!
//! | word | meaning |
//! |---|---|
//! | message | an SMS segment that the orchestrator sent: a row of `orch.sms_messages` |
//! | receipt | a carrier's report about one message |
//! | envelope | what JetStream delivers: payload, sequence, stored-at time, delivery count, reply |
//! | receipt id | `UUIDv5` of (stream, sequence, stored-at nanoseconds): the same for every redelivery |
//! | disposition | the one recorded end of an envelope: applied, recorded, parked or rejected |
//! | parked | stored sealed because its message could not be found (yet): open, until it is resolved |
//! | profile | how a carrier writes ids, words and times |
//! | settle | to acknowledge, delay or terminate an envelope |
//!
//! # Life of a receipt
//!
//! 1. A gateway publishes it and waits for the stream's confirmation. From here on it is ours.
//! 2. `pipeline::consume` pulls it, if there is room to hold it; `pipeline::decode` makes it a
//!    [`receipt::Receipt`], or names what is wrong.
//! 3. It waits in a lane, chosen by its match key, until the lane's PostgreSQL connection is free;
//!    `pipeline::gather` takes whatever waits with it, a little later if that is little.
//! 4. `pipeline::matching` finds the messages, folds the receipts onto them in stream order, and
//!    commits: each message updated once, each receipt stored with its whole decision. What found
//!    no message is asked for once more a little later, then sealed by `pipeline::park`.
//! 5. [`events`] are made from the decisions and nothing else.
//! 6. `pipeline::publish` publishes them until their streams have them.
//! 7. `pipeline::settle` acknowledges the envelope. A crash anywhere before means that it comes
//!    again, finds its disposition, and repeats the same events.
//!
//! What was parked is not forgotten: [`sweep`] looks again until its message is there, decides by the
//! same code, publishes the same events, and only then resolves it; or lets it lapse at its horizon.
//!
//! # Where things are
//!
//! | room | what belongs there |
//! |---|---|
//! | [`receipt`] | what a receipt means: parsing (JSON, archive, SMPP text), profiles, status, the state rule, privacy; no I/O |
//! | [`pipeline`] | the stages, and all control flow of a receipt's way |
//! | [`events`] | what is published |
//! | [`store`] | every SQL statement, connections, migrations; decides nothing |
//! | [`sweep`] | parked receipts get their second life, or lapse |
//! | [`replay`] | second chances: decided, read or published again, by further rows |
//! | [`diagnosis`] | studies parked receipts, and proposes the profile that would match them |
//! | [`reconcile`] | whether every envelope has one disposition and every decision its events, seen from outside |
//! | [`inspect`] | one envelope's whole story, without personal data |
//! | [`carriers`] | the carriers' profiles: which revision is in force, followed and written |
//! | [`broker`] | connecting to NATS, streams and consumers as the contract has them |
//! | [`seal`] | key ring, envelopes, keyed hashes |
//! | [`app`] | wiring: what must work before receipts are taken, and the watch over it |
//! | [`lifecycle`], [`probes`], [`telemetry`] | start, readiness and stop; what the outside sees |
//! | [`config`], [`cli`], [`tls`], [`clock`] | the settings, the commands, certificates, time |
//! | [`dev`] | throw-away servers and simulated carriers, for `dlr dev` and the tests |
//!
//! # What always holds
//!
//! - A payload becomes a [`receipt::Receipt`] in one place. Parsing is total and linear.
//! - An envelope is settled only after its disposition is committed and its events are confirmed.
//! - A decision is stored with its receipt and never taken again. Nothing is stored or published
//!   for an update that did not happen: a guarded update that misses rolls its batch back.
//! - What is decided anew (a late match, a replay) is a further row, announced until it is confirmed;
//!   a disposition never changes.
//! - Ids are converted exactly as a profile says, or the receipt is parked; nothing is guessed.
//! - Segments of a message are locked in the order of their ids before any message is updated; their
//!   status is the one read behind the lock.
//! - The tables only grow, for the role that the pipeline signs in as.
//! - The state rule stands once, in Rust; SQL re-checks the status it started from.
//! - Every queue, buffer, batch and label set has a bound; without room there is no pull, so a
//!   backlog stays in JetStream.
//! - First deliveries are inserted straight away, redeliveries looked up first, under a lock. The
//!   two cannot be at work on one envelope: see `store::session` for the bound on a commit, which is
//!   half of `ack_wait`.
//! - Time comes from [`clock`], tasks are spawned on [`lifecycle::Tasks`], the environment is read
//!   by [`config`] only.
//! - A phone number has no unmasked `Debug` or `Display`.

pub mod app;
pub mod broker;
pub mod carriers;
pub mod cli;
pub mod clock;
pub mod config;
pub mod dev;
pub mod diagnosis;
pub mod events;
pub mod inspect;
pub mod lifecycle;
pub mod pipeline;
pub mod probes;
pub mod receipt;
pub mod reconcile;
pub mod replay;
pub mod seal;
pub mod store;
pub mod sweep;
pub mod telemetry;
pub mod tls;
