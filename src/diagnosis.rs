//! Why receipts stay parked, and what would match them.
//!
//! A carrier whose ids are written otherwise than the orchestrator stored them loses every receipt,
//! and all that can be seen is "no such message". Here the parked receipts of a carrier are held
//! against the messages in every way of writing that a profile can express ([`hypotheses`]), first a
//! few of them in all ways, then more of them in the ways that found anything ([`trial`]), and the
//! profile that differs least from the one in force and finds the most is proposed ([`choice`]) with
//! its evidence, if nothing speaks against it. The study is pure; [`study`] brings the facts.
//!
//! # Never a guess
//!
//! A wrong profile credits the wrong messages, which is worse than none. So a proposal needs
//! [`MATCHES_MIN`] receipts and half of all that are stuck, and it is refused, with the
//! figures, when
//!
//! - another reading finds other messages for the same receipts (ids are short or dense, and both
//!   find something);
//! - ids made up at random in the same shape find messages too ([`decoys`]);
//! - what it finds was sent after the receipts came, contradicts their account or message, is
//!   ambiguous, or has its final status already;
//! - it would lose receipts that match while others are parked.
//!
//! A carrier that begins to write otherwise looks like one of which a second connection writes
//! otherwise: what matched until then would match no more. Nobody but its operator can tell the two
//! apart, so the proposal says how much of the last 24 hours would be lost, and whoever applies it has
//! to accept that.

mod affixes;
mod answers;
mod choice;
mod decoys;
mod evidence;
mod hypotheses;
mod inquiry;
mod lately;
mod report;
mod rules;
mod sighting;
mod study;
mod today;
mod trial;
mod zone;

pub use self::evidence::{Counts, Evidence, MATCHES_MIN, Refusal, SHARE_MIN};
pub use self::lately::{Noticed, UnknownWord};
pub use self::report::{
    Clock, Diagnosis, DryRun, Example, Losses, Parked, Proposal, Reading, Unfound,
};
pub use self::study::{CARRIERS_MAX, Findings, Study, StudyError};
pub use self::zone::Skew;
