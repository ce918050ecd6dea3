//! What there was to handle, kind by kind, and whether it was.

use std::fmt;

use crate::dev::scenario::{Kind, Story, UNTOLD, Writing};

/// Counts by kind of story, and of receipts by the way in which they were written.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Handled {
    /// In the order of [`Kind::ALL`].
    messages: [Count; Kind::ALL.len()],
    /// In the order of [`Writing::ALL`], without those of the planted fault's carrier.
    receipts: [Count; Writing::ALL.len()],
    /// Somebody wrote a profile for the carrier of the planted fault.
    repaired: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Count {
    told: u64,
    handled: u64,
}

impl Count {
    fn add(&mut self, well: bool) {
        self.told += 1;
        self.handled += u64::from(well);
    }
}

impl Handled {
    pub(super) fn new(repaired: bool) -> Self {
        Self {
            repaired,
            ..Self::default()
        }
    }

    /// A story whose receipts ended and whose message stands as meant, or not.
    pub(super) fn message(&mut self, kind: Kind, well: bool) {
        self.messages[kind as usize].add(well);
    }

    pub(super) fn receipt(&mut self, story: &Story, step: u8, well: bool) {
        if let Some(writing) = story.writing(step)
            && story.carrier.name != UNTOLD.name
        {
            self.receipts[writing as usize].add(well);
        }
    }

    pub fn is_complete(&self) -> bool {
        let counts = self.messages.iter().chain(&self.receipts);
        counts.into_iter().all(|count| count.told == count.handled)
    }
}

impl fmt::Display for Handled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  messages           simulated   handled")?;
        for (kind, count) in Kind::ALL.into_iter().zip(self.messages) {
            let (name, how) = match kind {
                Kind::NotationFault if !self.repaired => UNREPAIRED,
                kind => of_kind(kind),
            };
            line(f, name, how, count)?;
        }
        writeln!(f, "  receipts written   simulated   handled")?;
        for (writing, count) in Writing::ALL.into_iter().zip(self.receipts) {
            let (name, how) = of_writing(writing);
            line(f, name, how, count)?;
        }
        Ok(())
    }
}

/// Nothing about what was left out of the simulation.
fn line(f: &mut fmt::Formatter<'_>, name: &str, how: &str, count: Count) -> fmt::Result {
    let Count { told, handled } = count;
    if told == 0 {
        return Ok(());
    }
    write!(f, "    {name:<16} {told:>9}  {handled:>8}   ")?;
    match told - handled {
        0 => writeln!(f, "{how}"),
        wrong => writeln!(f, "{wrong} NOT: {how}"),
    }
}

const UNREPAIRED: (&str, &str) = ("notation fault", "parked, and too few to be diagnosed");

/// Name, and what it means that one was handled.
fn of_kind(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Delivered => ("delivered", "by their first receipt"),
        Kind::InTransitFirst => ("in transit first", "delivered by their second"),
        Kind::Corrected => ("corrected", "failed, then delivered after all"),
        Kind::Duplicate => ("duplicate", "the same receipt twice, which counted once"),
        Kind::OutOfOrder => ("out of order", "delivered, whatever the older receipt said"),
        Kind::Early => (
            "early",
            "their receipt came a moment before them, and waited",
        ),
        Kind::Late => (
            "late",
            "their receipt was parked, and matched when they appeared",
        ),
        Kind::UnknownWord => ("unknown word", "their receipt is kept, and changed nothing"),
        Kind::NotationFault => (
            "notation fault",
            "their receipts were parked, diagnosed, and matched by a new profile",
        ),
        Kind::Unmatched => ("unmatched", "there is no such message: parked, and open"),
        Kind::Invalid => ("broken", "rejected, with the reason"),
    }
}

fn of_writing(writing: Writing) -> (&'static str, &'static str) {
    match writing {
        Writing::Fields => ("JSON fields", "with the id as it is stored"),
        Writing::Archive => ("archive", "the same without JSON"),
        Writing::Text => ("SMPP text alone", "with the id as it is stored"),
        Writing::DecimalField => ("hex/decimal", "id in decimal in a field, stored in hex"),
        Writing::DecimalText => ("  in SMPP text", "and in hex in the TLV beside it"),
        Writing::HexTlv => ("  in a TLV alone", "in hex, padded and in capitals"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_handled_is_told_and_what_was_not_simulated_is_not() {
        let mut handled = Handled::default();
        handled.message(Kind::Late, true);
        assert!(handled.is_complete());
        handled.message(Kind::Late, false);
        assert!(!handled.is_complete());
        let text = handled.to_string();
        assert!(
            text.contains("late                     2         1   1 NOT: "),
            "{text}"
        );
        assert!(!text.contains("early"), "{text}");
    }
}
