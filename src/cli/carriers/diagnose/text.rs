//! A diagnosis in words.

mod reading;

use std::io::{self, Write};

use crate::carriers::Difference;
use crate::cli::carriers::telling::time;
use crate::diagnosis::{Clock, Diagnosis, Findings, Noticed, Parked, Proposal, Unfound};

use self::reading::reading;
use super::figures::{number, percent, span};

/// Carriers of unfound ids that are named.
const CARRIERS_TOLD: usize = 3;

/// Tells what there is to tell of a carrier, if anything, or if it was asked for alone.
pub(super) fn print(out: &mut impl Write, diagnosis: &Diagnosis, alone: bool) -> io::Result<bool> {
    let is_told = alone || is_noteworthy(diagnosis);
    if is_told {
        carrier(out, diagnosis)?;
    }
    Ok(is_told)
}

/// What is to be said behind so many carriers.
pub(super) fn print_end(out: &mut impl Write, findings: &Findings, told: usize) -> io::Result<()> {
    if told == 0 {
        writeln!(
            out,
            "no parked receipts are open, and nothing odd was noticed"
        )?;
    }
    if findings.left_out > 0 {
        let left_out = number(findings.left_out);
        writeln!(
            out,
            "{left_out} more carriers were left out; name the one you mean"
        )?;
    }
    Ok(())
}

fn is_noteworthy(diagnosis: &Diagnosis) -> bool {
    diagnosis.parked.open > 0
        || diagnosis.proposal.is_some()
        || !diagnosis.lately.unknown_words.is_empty()
}

fn carrier(out: &mut impl Write, diagnosis: &Diagnosis) -> io::Result<()> {
    parked(out, diagnosis)?;
    if let Some(it) = &diagnosis.reading {
        reading(out, it)?;
    }
    unfound(out, &diagnosis.parked, &diagnosis.unfound)?;
    if let Some(it) = &diagnosis.clock {
        clock(out, it)?;
    }
    lately(out, &diagnosis.lately)?;
    match &diagnosis.proposal {
        Some(it) => proposal(out, diagnosis, it),
        None => writeln!(out, "  proposal: none"),
    }
}

fn parked(out: &mut impl Write, diagnosis: &Diagnosis) -> io::Result<()> {
    let Diagnosis {
        carrier,
        revision,
        parked,
        ..
    } = diagnosis;
    let profile = match revision {
        0 => "no profile".to_owned(),
        revision => format!("profile revision {revision}"),
    };
    if parked.open == 0 {
        return writeln!(out, "{carrier}: no parked receipts are open; {profile}");
    }
    let open = number(parked.open);
    let mut reasons: Vec<(&String, &u64)> = parked.reasons.iter().collect();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let reasons = reasons.into_iter();
    let reasons: Vec<String> = reasons
        .map(|(reason, count)| format!("{reason} {}", number(*count)))
        .collect();
    let reasons = reasons.join(", ");
    let since = parked.oldest.map(time).unwrap_or_default();
    writeln!(
        out,
        "{carrier}: {open} parked receipts are open, since {since} ({reasons}); {profile}"
    )?;
    if parked.unreadable > 0 {
        let (unreadable, all) = (parked.unreadable, parked.unreadable + parked.studied);
        writeln!(
            out,
            "  {} of {} looked at cannot be opened or read: is it the right key ring?",
            number(unreadable),
            number(all)
        )?;
    }
    if parked.matching_now > 0 {
        writeln!(
            out,
            "  {} of {} studied match as they are read now: the sweeper will find them",
            number(parked.matching_now),
            number(parked.studied)
        )?;
    }
    Ok(())
}

fn changes(out: &mut impl Write, differences: &[Difference]) -> io::Result<()> {
    for difference in differences {
        writeln!(out, "      {difference}")?;
    }
    Ok(())
}

fn unfound(out: &mut impl Write, parked: &Parked, unfound: &Unfound) -> io::Result<()> {
    if unfound.receipts == 0 {
        return Ok(());
    }
    writeln!(
        out,
        "  {} of {} studied find nothing, however their ids are read",
        number(unfound.receipts),
        number(parked.studied)
    )?;
    let nowhere = unfound.nowhere();
    if nowhere > 0 {
        writeln!(
            out,
            "    {}: no message has such an id; most likely the orchestrator never wrote it",
            number(nowhere)
        )?;
    }
    if unfound.too_old > 0 {
        writeln!(
            out,
            "    {}: the message is older than the horizon",
            number(unfound.too_old)
        )?;
    }
    for (carrier, receipts) in unfound.of_carriers.iter().take(CARRIERS_TOLD) {
        let receipts = number(*receipts);
        writeln!(
            out,
            "    {receipts}: a message of carrier {carrier} has the id"
        )?;
    }
    Ok(())
}

fn clock(out: &mut impl Write, clock: &Clock) -> io::Result<()> {
    let skew = &clock.skew;
    let Some(zone) = &clock.time_zone else {
        return Ok(());
    };
    writeln!(
        out,
        "  dates lie {} {} receipts: timeZone {zone} explains {} of {} (a zone's name instead, where \
         summer time is kept)",
        span(skew.median_seconds.unsigned_abs()),
        if skew.median_seconds < 0 {
            "before their"
        } else {
            "after their"
        },
        number(skew.explained),
        number(skew.dates)
    )
}

fn lately(out: &mut impl Write, lately: &Noticed) -> io::Result<()> {
    let all = number(lately.looked_at);
    if lately.ids_disagree + lately.states_disagree > 0 {
        writeln!(
            out,
            "  of {all} matched in the last 24 hours, {} have two ids and {} two states",
            percent(lately.ids_disagree, lately.looked_at),
            percent(lately.states_disagree, lately.looked_at)
        )?;
    }
    if !lately.unknown_words.is_empty() {
        writeln!(
            out,
            "  words that nobody knows, of {all} matched in the last 24 hours:"
        )?;
    }
    for word in &lately.unknown_words {
        let hint = if word.known_by_now {
            "  (known by now: `dlr replay --recorded`)"
        } else {
            ""
        };
        writeln!(out, "    {} {}{hint}", word.word, number(word.receipts))?;
    }
    Ok(())
}

fn proposal(out: &mut impl Write, diagnosis: &Diagnosis, proposal: &Proposal) -> io::Result<()> {
    let carrier = &diagnosis.carrier;
    let revision = proposal.follows + 1;
    let accepting = match proposal.losses {
        Some(_) => " --accept-losses",
        None => "",
    };
    writeln!(
        out,
        "  proposal: revision {revision}, which `dlr carriers diagnose {carrier} --apply{accepting}` writes"
    )?;
    if let Some(losses) = proposal.losses {
        writeln!(
            out,
            "    {losses}: right only if the carrier writes all its ids otherwise now"
        )?;
    }
    changes(out, &proposal.differences)
}
