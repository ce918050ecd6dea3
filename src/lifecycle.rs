//! Start, readiness and stop.
//!
//! Two tokens, as in a polite evening: the soft one says "take nothing more, finish what you hold";
//! the hard one says "leave". Which of them a task watches is its own choice; every task is left
//! by the hard one. Nothing is lost by leaving: what was not settled is delivered again.

mod readiness;
mod signals;
mod tasks;

pub use readiness::{Member, Part, Readiness, SharedPart, State};
pub use signals::Signals;
pub use tasks::{Ended, Tasks};
