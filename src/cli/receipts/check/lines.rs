//! A report as lines: what would become of the receipt, and what speaks for it indented below.

use super::report::{Report, Told};
use crate::receipt::explain::{ToldDate, ToldId, ToldState};

const WITHHELD: &str = "(withheld: it may be a phone number)";

pub(super) fn of(report: &Report) -> Vec<String> {
    let word = report.outcome.word();
    let reason = report.reason.map_or(String::new(), |it| format!(", {it}"));
    let mut lines = Vec::new();
    if let Some(refusal) = &report.rejection {
        let field = refusal.field.map_or(String::new(), |it| format!(" ({it})"));
        lines.push(format!("line {}: {word}{reason}{field}", report.line));
        lines.push(format!("  {}", refusal.sentence));
    }
    if let Some(told) = &report.receipt {
        let (before, after) = (told.previous_status, told.new_status);
        let change = if before == after {
            format!("the message stays {before}")
        } else {
            format!("{before} -> {after}")
        };
        lines.push(format!("line {}: {word}{reason}; {change}", report.line));
        lines.extend(facts(told).map(|(name, fact)| format!("  {name:<10}{fact}")));
    }
    lines
}

/// What there is to say, each with the name it has if it is the first of its kind.
fn facts(told: &Told) -> impl Iterator<Item = (&'static str, String)> {
    let shown = &told.shown;
    let mut facts = Vec::new();
    let carrier = match shown.profile_revision {
        0 => shown.carrier_id.clone(),
        revision => format!("{}, revision {revision} of its profile", shown.carrier_id),
    };
    facts.push(("carrier", carrier));
    facts.extend(told.ids.iter().map(|it| ("id", id(it))));
    facts.push(("key", key(told)));
    facts.extend(told.states.iter().map(|it| ("state", state(it))));
    facts.push(("status", status(told)));
    facts.extend(told.dates.iter().map(|it| ("dates", date(it))));
    if let Some(at) = shown.received_at {
        facts.push(("dates", format!("receivedAt {at}")));
    }
    if let Some(err) = &shown.err {
        facts.push(("error", format!("err {err}")));
    }
    if let Some(code) = &shown.network_error_code {
        let read = told.network_error.as_deref().unwrap_or("of no known form");
        facts.push(("error", format!("networkErrorCode {code}: {read}")));
    }
    for (name, number) in [("from", &shown.source), ("to", &shown.dest)] {
        facts.extend(number.iter().map(|number| (name, number.clone())));
    }
    for (name, id) in [
        ("account", &shown.account_id),
        ("message", &shown.message_id),
    ] {
        facts.extend(id.iter().map(|id| (name, id.clone())));
    }
    facts.extend(shown.remarks.iter().map(|it| ("remark", (*it).to_owned())));
    let mut last = "";
    facts.into_iter().map(move |(name, fact)| {
        let shown = if name == last { "" } else { name };
        last = name;
        (shown, fact)
    })
}

fn id(told: &ToldId) -> String {
    let reading = match (&told.key, told.is_in_notation) {
        (Some(key), _) => format!("-> {key}"),
        (None, true) => "-> (withheld)".to_owned(),
        (None, false) if told.notation == "ignore" => "not used".to_owned(),
        (None, false) => "not in this notation".to_owned(),
    };
    let counts = if told.counts && told.is_in_notation {
        ", counts"
    } else {
        ""
    };
    let (source, notation) = (told.source, told.notation);
    let written = told.written.as_deref().unwrap_or("(withheld)");
    format!("{source:<5} {written} ({notation}) {reading}{counts}")
}

fn key(told: &Told) -> String {
    if !told.is_id_in_notation {
        return "none: no id is written as the profile says, so none is looked for".to_owned();
    }
    let key = told.shown.operator_message_id.as_deref();
    key.unwrap_or(WITHHELD).to_owned()
}

fn state(told: &ToldState) -> String {
    let said = told.said.as_deref().unwrap_or(WITHHELD);
    let means = told.status.unwrap_or("known to nobody");
    let counts = if told.counts { ", counts" } else { "" };
    format!("{} {said} -> {means}{counts}", told.source)
}

fn status(told: &Told) -> String {
    let (Some(status), Some(rank)) = (told.shown.status, told.rank) else {
        return "none: a profile can map the word, and `dlr replay --recorded` decides anew"
            .to_owned();
    };
    let is_final = if told.is_final { ", final" } else { "" };
    format!(
        "{status}, rank {rank}{is_final}; dlr_status {}",
        told.dlr_status
    )
}

fn date(told: &ToldDate) -> String {
    let written = told.written.as_deref().unwrap_or(WITHHELD);
    match told.at {
        Some(at) => format!("{} {written} -> {at}", told.field),
        None => format!("{} {written} -> no date", told.field),
    }
}
