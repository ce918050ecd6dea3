//! The ledger as a person reads it.

use std::fmt;

use super::{Fates, Ledger, Parked, Sample};
use crate::dev::scenario::Disposition;

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "Ledger (from confirmations, SQL and streams; the processor was not asked)"
        )?;
        writeln!(f, "  receipts confirmed   {:>9}", self.confirmed)?;
        writeln!(
            f,
            "  in the stream        {:>9}   ({} published again for want of a confirmation)",
            self.stored, self.repeated
        )?;
        write!(f, "  consumed             {:>9}   = ", self.consumed())?;
        for (index, disposition) in Disposition::ALL.into_iter().enumerate() {
            let plus = if index == 0 { "" } else { " + " };
            write!(
                f,
                "{plus}{} {}",
                disposition.name(),
                self.count(disposition)
            )?;
        }
        writeln!(f)?;
        let Parked { matched, open } = self.parked;
        writeln!(
            f,
            "  parked               {:>9}   = matched late {matched} + open {open}",
            self.count(Disposition::Parked)
        )?;
        writeln!(
            f,
            "  messages             {:>9}   with the right status, {} with a wrong one",
            self.statuses.right, self.statuses.wrong.count
        )?;
        writeln!(
            f,
            "  events                expected      found    missing  unexpected   repeated"
        )?;
        for count in &self.events {
            writeln!(
                f,
                "    {:<18} {:>10} {:>10} {:>10} {:>11} {:>10}",
                count.stream,
                count.expected,
                count.found,
                count.missing.count,
                count.unexpected.count,
                count.repeated
            )?;
        }
        write!(f, "{}", self.handled)?;
        self.notes(f)?;
        self.verdict(f)
    }
}

impl Ledger {
    fn notes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fates {
            early_parked,
            late_waited,
            reordered,
            wrong: _,
        } = self.fates;
        for (count, note) in [
            (
                early_parked,
                "early receipts were parked before their message came, then matched",
            ),
            (
                late_waited,
                "late receipts waited in the stream until their message was there",
            ),
            (
                reordered,
                "receipts were taken in another order than published",
            ),
        ] {
            if count > 0 {
                writeln!(f, "  note: {count} {note}")?;
            }
        }
        Ok(())
    }

    fn verdict(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_balanced() {
            return write!(f, "  balanced: every receipt is accounted for exactly once");
        }
        write!(f, "  NOT BALANCED")?;
        if self.unconfirmed > 0 {
            write!(
                f,
                "\n    {} receipts were never confirmed",
                self.unconfirmed
            )?;
        }
        for (sample, what) in [
            (&self.vanished, "confirmed, but not in the stream: sequence"),
            (
                &self.confirmed_twice,
                "confirmed under one sequence: sequence",
            ),
            (&self.without_disposition, "without a disposition: sequence"),
            (
                &self.with_two,
                "with more than one disposition or end: sequence",
            ),
            (
                &self.half_resolved,
                "parked and not wholly resolved: sequence",
            ),
            (
                &self.strange_rows,
                "rows about receipts that the stream does not hold: sequence",
            ),
            (
                &self.fates.wrong,
                "with an end that does not fit the receipt: sequence",
            ),
            (
                &self.statuses.wrong,
                "messages with a wrong status or no row: order",
            ),
        ] {
            examples(f, sample, what)?;
        }
        for count in &self.events {
            let stream = &count.stream;
            examples(
                f,
                &count.missing,
                &format!("events missing in {stream}: receipt's sequence"),
            )?;
            examples(
                f,
                &count.unexpected,
                &format!("events in {stream} that nothing owes: its sequence"),
            )?;
        }
        Ok(())
    }
}

fn examples(f: &mut fmt::Formatter<'_>, sample: &Sample, what: &str) -> fmt::Result {
    if sample.is_empty() {
        return Ok(());
    }
    let list: Vec<String> = sample.first.iter().map(u64::to_string).collect();
    let more = if sample.count > sample.first.len() as u64 {
        ", ..."
    } else {
        ""
    };
    write!(f, "\n    {} {what} {}{more}", sample.count, list.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_its_first_sequences() {
        let ledger = Ledger {
            confirmed: 20,
            stored: 20,
            without_disposition: (1..=12).collect(),
            ..Ledger::default()
        };
        let text = ledger.to_string();
        assert!(text.contains("NOT BALANCED"), "{text}");
        assert!(
            text.contains("12 without a disposition: sequence 1, 2,"),
            "{text}"
        );
        assert!(text.trim_end().ends_with("10, ..."), "{text}");
    }
}
