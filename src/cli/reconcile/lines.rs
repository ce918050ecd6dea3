//! A report as lines: what was checked, then whatever is amiss, then the verdict.

use crate::reconcile::{Gap, Gaps, Report, Sample, Tally, Verdict};

/// Sequences shown of each kind; the JSON has more.
const SHOWN: usize = 10;

pub(super) fn of(report: &Report) -> Vec<String> {
    let Report {
        stream,
        first,
        since,
        last,
        checked,
        unsettled,
        dispositions,
        parked,
        ..
    } = report;
    let mut lines = vec![format!(
        "{stream}: {checked} settled envelopes, {first} to {last}, stored since {since}; {unsettled} behind them"
    )];
    lines.push(format!(
        "  applied {} + recorded {} + parked {} + rejected {}",
        dispositions.applied, dispositions.recorded, dispositions.parked, dispositions.rejected
    ));
    lines.push(format!(
        "  of the parked: open {}, matched {}, discarded {}, lapsed {}",
        parked.open, parked.matched, parked.discarded, parked.lapsed
    ));
    lines.extend(gaps(&report.without_disposition));
    lines.extend(sample("more than one disposition", &report.with_several));
    lines.extend(sample(
        "rows that contradict one another",
        &report.contradictory,
    ));
    let applied_twice = "receipts that gave a message a status again";
    lines.extend(sample(applied_twice, &report.applied_twice));
    if report.of_another_time > 0 {
        lines.push(format!(
            "  {} sequences were given out twice, and both of their envelopes have rows",
            report.of_another_time
        ));
    }
    for tally in report.events.all() {
        lines.extend(events(tally));
    }
    for what in &report.unchecked {
        lines.push(format!("not checked: {what}"));
    }
    lines.push(
        match report.verdict {
            Verdict::Accounted => "all accounted for",
            Verdict::Amiss => "NOT ALL ACCOUNTED FOR",
            Verdict::Unchecked => "NOT EVERYTHING CHECKED",
        }
        .to_owned(),
    );
    lines.extend(next_steps(report).into_iter().map(str::to_owned));
    lines
}

/// For whoever was woken by it.
fn next_steps(report: &Report) -> Vec<&'static str> {
    if report.verdict != Verdict::Amiss {
        return Vec::new();
    }
    let mut steps =
        vec!["next: `dlr inspect SEQUENCE` tells a receipt's story; DELIVERY.md, what to do"];
    let mut lossy = report.events.all().to_vec();
    lossy.retain(|it| !it.missing.is_empty());
    if lossy.iter().any(|it| it.found == 0 && it.foreign > 0) {
        steps.push(
            "next: is deployment.name that of the processors? Only events of others are there",
        );
    } else if !lossy.is_empty() {
        steps.push("next: `dlr events replay` publishes missing events again");
    }
    steps
}

fn events(tally: &Tally) -> Vec<String> {
    let Tally {
        stream,
        messages,
        found,
        repeated,
        of_others,
        foreign,
        ..
    } = tally;
    let mut lines = vec![format!(
        "{stream}: {found} events of these in {messages} messages, {repeated} stored again, \
         {of_others} of other receipts, {foreign} of other deployments"
    )];
    lines.extend(sample("receipts whose event is missing", &tally.missing));
    let unexpected = "events without their receipt, by their own sequence";
    lines.extend(sample(unexpected, &tally.unexpected));
    lines
}

fn gaps(gaps: &Gaps) -> Option<String> {
    let shown = gaps.first.iter().map(|Gap { range, in_stream }| {
        let (first, last) = (range.start(), range.end());
        let range = if first == last {
            first.to_string()
        } else {
            format!("{first} to {last}")
        };
        let gone = if *in_stream { "" } else { " (gone)" };
        format!("{range}{gone}")
    });
    told("no disposition", gaps.count, shown)
}

fn sample(what: &str, sample: &Sample) -> Option<String> {
    let shown = sample.first.iter().map(ToString::to_string);
    told(what, sample.count, shown)
}

fn told(what: &str, count: u64, shown: impl Iterator<Item = String>) -> Option<String> {
    if count == 0 {
        return None;
    }
    let mut shown: Vec<String> = shown.take(SHOWN + 1).collect();
    let more = if shown.len() > SHOWN { ", ..." } else { "" };
    shown.truncate(SHOWN);
    Some(format!("  {count} {what}: {}{more}", shown.join(", ")))
}
