//! The carriers' profiles as they are now, for everybody who reads receipts.
//!
//! The table keeps every revision; of each carrier the newest valid one is in force. Whether one is
//! valid is asked here and nowhere else, before it is written ([`Draft`]) as before it is used
//! ([`Loader`]), since the table takes what it is given.

mod difference;
mod draft;
mod loader;
mod standing;

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

pub use self::difference::{Difference, differences, fields};
pub use self::draft::{Draft, DraftError};
pub use self::loader::Loader;
pub use self::standing::{Fault, InForce, Refused, Standing};
use crate::receipt::profile::Profiles;

/// Most carriers whose profiles are held.
pub const CARRIERS_MAX: usize = 10_000;

/// The profiles in force; replaced as a whole, read without waiting.
#[derive(Debug, Default)]
pub struct Carriers(ArcSwap<Profiles>);

impl Carriers {
    /// Whoever has to know what changes keeps the `Arc` and asks the next one what
    /// [changed since](Profiles::changed_since).
    pub fn current(&self) -> Guard<Arc<Profiles>> {
        self.0.load()
    }

    pub fn replace(&self, profiles: Profiles) {
        self.0.store(Arc::new(profiles));
    }
}
