//! A story as lines: a heading, and what belongs to it indented below.

use std::fmt::Display;

use crate::cli::printable::printable;
use crate::inspect::{EventOf, InStream, Reading, Story};
use crate::receipt::decision::Flags;
use crate::store::story::{ParkedRow, ReceiptRow, RejectedRow, ReplayRow, ResolutionRow};
use crate::sweep::Looks;

pub(super) fn of(story: &Story) -> Vec<String> {
    let mut lines = vec![format!("envelope {}/{}", story.stream, story.sequence)];
    let mut line = |text: String| lines.push(text);
    if let (Some(stored_at), Some(id)) = (story.stored_at, story.receipt_id) {
        line(format!("  stored at {stored_at}, receipt {id}"));
    }
    match &story.in_stream {
        Some(envelope) => in_stream(envelope, &mut line),
        None if story.unseen.iter().any(|it| it.starts_with("the stream")) => {
            line("stream: not seen".to_owned());
        }
        None => line("stream: does not have it".to_owned()),
    }
    line(format!(
        "disposition: {}",
        story.disposition.as_deref().unwrap_or("none")
    ));
    if let Some(rejected) = &story.rejected {
        rejected_row(rejected, &mut line);
    }
    if let Some(parked) = &story.parked {
        parked_row(parked, story, &mut line);
    }
    if let Some(receipt) = &story.receipt {
        receipt_row(receipt, &mut line);
    }
    for replay in &story.replays {
        replay_row(replay, &mut line);
    }
    if let Some(receipt) = &story.receipt {
        line(match &story.message {
            Some(now) => format!(
                "message {}: {} ({}) now",
                receipt.message_id,
                or_none(now.status.as_deref()),
                or_none(now.dlr_status.as_deref())
            ),
            None => format!("message {}: not seen", receipt.message_id),
        });
    }
    if !story.events.is_empty() {
        line("events".to_owned());
    }
    for EventOf {
        subject,
        id,
        because,
    } in &story.events
    {
        let id = id.map_or("of a sealed id".to_owned(), |id| id.to_string());
        line(format!("  {subject} {id}: {because}"));
    }
    if !story.unseen.is_empty() {
        line("not seen".to_owned());
    }
    for what in &story.unseen {
        line(format!("  {what}"));
    }
    lines.iter().map(|line| printable(line)).collect()
}

fn in_stream(envelope: &InStream, line: &mut impl FnMut(String)) {
    let InStream {
        subject,
        length,
        reading,
    } = envelope;
    line(format!("stream: has it, {length} bytes on {subject}"));
    let shown = match reading {
        Reading::Rejected { reason, field } => {
            let field = field.map_or(String::new(), |field| format!(" ({field})"));
            return line(format!("  would be rejected now: {reason}{field}"));
        }
        Reading::Receipt(shown) => shown,
    };
    line(format!(
        "  reads now, by revision {} of the profile: {} of {}",
        shown.profile_revision,
        shown.status.unwrap_or("a word that nobody knows"),
        shown.carrier_id
    ));
    let fields: [(&str, Option<&dyn Display>); 12] = [
        ("id", some(shown.operator_message_id.as_ref())),
        ("stat", some(shown.stat.as_ref())),
        ("state", some(shown.message_state.as_ref())),
        ("err", some(shown.err.as_ref())),
        ("network error", some(shown.network_error_code.as_ref())),
        ("submitted", some(shown.submitted_at.as_ref())),
        ("done", some(shown.done_at.as_ref())),
        ("received", some(shown.received_at.as_ref())),
        ("from", some(shown.source.as_ref())),
        ("to", some(shown.dest.as_ref())),
        ("account", some(shown.account_id.as_ref())),
        ("message", some(shown.message_id.as_ref())),
    ];
    for (name, value) in fields {
        if let Some(value) = value {
            line(format!("    {name}: {value}"));
        }
    }
    for remark in &shown.remarks {
        line(format!("    {remark}"));
    }
}

fn rejected_row(row: &RejectedRow, line: &mut impl FnMut(String)) {
    let field = row.field.as_deref();
    line(format!(
        "rejected at {}: {}{}, {} bytes",
        row.rejected_at,
        row.reason,
        field.map_or(String::new(), |field| format!(" ({field})")),
        row.payload_length
    ));
}

fn parked_row(row: &ParkedRow, story: &Story, line: &mut impl FnMut(String)) {
    line(format!(
        "parked at {}: {}, {} deliveries",
        row.parked_at, row.reason, row.deliveries
    ));
    line(format!(
        "  {} {}",
        row.carrier_id,
        or_sealed(row.operator_message_id.as_deref())
    ));
    let looks = match story.looks {
        None => String::new(),
        Some(Looks { so_far, next_at }) => {
            let next = next_at.map_or_else(String::new, |at| format!(", the next about {at}"));
            format!(" after {so_far} looks{next}")
        }
    };
    line(match &story.resolution {
        None => format!("  open{looks}"),
        Some(end) => {
            let note = end.note.as_deref();
            let note = note.map_or(String::new(), |note| format!(": {note}"));
            let ResolutionRow {
                resolution,
                resolved_at,
                resolved_by,
                ..
            } = end;
            format!("  {resolution} at {resolved_at} by {resolved_by}{note}")
        }
    });
}

fn receipt_row(row: &ReceiptRow, line: &mut impl FnMut(String)) {
    let late = if row.late { "matched late, " } else { "" };
    line(format!(
        "{late}{}{} at {}: {} -> {}",
        row.disposition,
        because(row.reason.as_deref()),
        row.processed_at,
        row.previous_status,
        row.status
    ));
    line(format!(
        "  {} {}, stat {}, stands for {}, profile revision {}",
        row.carrier_id,
        or_sealed(row.operator_message_id.as_deref()),
        or_none(row.stat.as_deref()),
        row.reported_status
            .as_deref()
            .unwrap_or("nothing that is known"),
        row.profile_revision.unwrap_or(0)
    ));
    for (flag, remark) in [
        (Flags::ID_DISAGREES, "two sources of the id disagreed"),
        (Flags::STATE_DISAGREES, "two sources of the state disagreed"),
        (Flags::CONFLICT, "a failure after delivered"),
        (
            Flags::WITHHELD,
            "a text that may be a phone number is sealed",
        ),
    ] {
        if row.flags & flag.0 != 0 {
            line(format!("  {remark}"));
        }
    }
}

fn replay_row(row: &ReplayRow, line: &mut impl FnMut(String)) {
    line(format!(
        "replay {}: {}{} at {}: {} -> {}",
        row.replay,
        row.disposition,
        because(row.reason.as_deref()),
        row.replayed_at,
        row.previous_status,
        row.status
    ));
    let confirmed = match row.confirmed_at {
        _ if row.disposition != "applied" => String::new(),
        Some(at) => format!("; events out at {at}"),
        None => "; its events may not be out: `dlr replay --recorded` publishes them".to_owned(),
    };
    line(format!(
        "  stands for {}, profile revision {}, asked for by {} ({}){confirmed}",
        or_none(row.reported_status.as_deref()),
        row.profile_revision,
        row.replayed_by,
        row.why
    ));
}

fn some<T: Display>(value: Option<&T>) -> Option<&dyn Display> {
    value.map(|value| value as &dyn Display)
}

fn because(reason: Option<&str>) -> String {
    reason.map_or(String::new(), |reason| format!(" ({reason})"))
}

fn or_none(text: Option<&str>) -> &str {
    text.unwrap_or("none")
}

fn or_sealed(text: Option<&str>) -> &str {
    text.unwrap_or("(sealed id)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_told_nothing_by_a_carrier() {
        assert_eq!(
            printable("err: \u{1b}[2J\ndisposition: applied\u{202e}\u{9b}é"),
            r"err: \u{1b}[2J\u{a}disposition: applied\u{202e}\u{9b}é"
        );
    }
}
