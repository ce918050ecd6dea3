//! What the sources of one receipt say, and which of them counts (CONTRACT §3).
//!
//! Reading a receipt and explaining how it is read are the same code: the answers keep what every
//! source said.

mod id;
mod state;

pub(super) use self::id::is_id;
pub use self::id::{GivenId, IdSource, Ids};
pub use self::state::{Given, States};

use super::profile::Profile;
use super::smpp_text::SmppText;
use super::wire::Wire;

pub(super) struct Sources<'a> {
    pub(super) ids: Ids<'a>,
    pub(super) states: States<'a>,
}

impl<'a> Sources<'a> {
    /// Of fields that keep their rules. What breaks a rule in the carrier's own text is left out,
    /// since nobody can mend it.
    pub(super) fn of(wire: &'a Wire<'_>, text: Option<&SmppText<'a>>, profile: &Profile) -> Self {
        Self {
            ids: Ids::of(wire, text.and_then(|text| text.id), profile),
            states: States::of(wire, text.and_then(|text| text.stat), profile),
        }
    }
}

#[cfg(test)]
mod tests;
