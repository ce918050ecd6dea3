//! A way of reading, and what it rests on.

use std::io::{self, Write};

use crate::cli::carriers::diagnose::figures::{number, percent};
use crate::cli::carriers::diagnose::spoken::spoken;
use crate::diagnosis::{DryRun, Evidence, Reading};

pub(super) fn reading(out: &mut impl Write, reading: &Reading) -> io::Result<()> {
    let evidence = &reading.evidence;
    let (gained, stuck, of) = match &reading.dry_run {
        Some(ran) if ran.complete => (ran.gained, ran.counts.studied - ran.matching_now, ""),
        Some(ran) => (ran.gained, ran.counts.studied - ran.matching_now, " tried"),
        None => {
            let stuck = evidence.counts.studied - evidence.matching_now;
            (evidence.gained, stuck, " studied")
        }
    };
    writeln!(
        out,
        "  {}, {} of {}{of}, would match if {}",
        percent(gained, stuck),
        number(gained),
        number(stuck),
        spoken(&reading.differences)
    )?;
    if let Some(ran) = &reading.dry_run {
        dry_run(out, ran)?;
    }
    grounds(out, evidence)?;
    for refusal in &reading.refusals {
        writeln!(out, "    not proposed: {refusal}")?;
    }
    if let Some(rival) = &reading.rival {
        writeln!(
            out,
            "    {} of them would match other messages if {}",
            number(evidence.rival),
            spoken(rival)
        )?;
    }
    Ok(())
}

fn dry_run(out: &mut impl Write, ran: &DryRun) -> io::Result<()> {
    let counts = &ran.counts;
    writeln!(
        out,
        "    {} would raise their message's status; {} would be ambiguous, {} contradict, {} find none, \
         {} are not written so",
        number(ran.raising),
        number(counts.ambiguous),
        number(counts.contradicting),
        number(counts.no_message),
        number(counts.not_in_notation)
    )?;
    for example in &ran.examples {
        let (written, looked_for) = (&example.written, &example.looked_for);
        writeln!(out, "    e.g. {written} as {looked_for}")?;
    }
    Ok(())
}

/// What the claim rests on.
fn grounds(out: &mut impl Write, evidence: &Evidence) -> io::Result<()> {
    writeln!(
        out,
        "    checked: of {} made-up ids of that shape {} are some message's; {}",
        number(evidence.decoys),
        number(evidence.decoys_found),
        held(evidence)
    )
}

/// What would become of receipts that match as it is.
fn held(evidence: &Evidence) -> String {
    let Evidence {
        matched_today,
        lost_today,
        matched_lately,
        lost_lately,
        lately_complete,
        ..
    } = *evidence;
    let mut held = Vec::new();
    if matched_today > 0 {
        held.push(format!(
            "of {} receipts that matched meanwhile {} would be lost",
            number(matched_today),
            number(lost_today)
        ));
    }
    held.push(match matched_lately {
        0 if lately_complete => "nothing matched in 24 h to check against".to_owned(),
        0 => "nothing that matched in 24 h was found to check against".to_owned(),
        _ => format!(
            "of {} that matched in the last 24 h {} would match no more",
            number(matched_lately),
            number(lost_lately)
        ),
    });
    held.join("; ")
}
