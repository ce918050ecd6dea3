//! The plot of growth: throughput and processor time, by messages, lanes and processors.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

use dlr::config::Pipeline;

use super::report::Point;

const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 180.0;
const LEFT: f64 = 70.0;
const TOP: f64 = 40.0;
/// From one panel to the next.
const ACROSS: f64 = WIDTH + 60.0;
/// With room for the names of six lines.
const DOWN: f64 = HEIGHT + 150.0;
/// Told apart by people who see colours differently (Okabe and Ito).
const COLOURS: [&str; 6] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9",
];

/// `50m`, `200k`.
pub(super) fn count(number: u64) -> String {
    match number {
        0 => "0".to_owned(),
        it if it.is_multiple_of(1_000_000) => format!("{}m", it / 1_000_000),
        it if it.is_multiple_of(1_000) => format!("{}k", it / 1_000),
        it => it.to_string(),
    }
}

/// One line of a panel: its name, and the values at some of the places on the axis.
struct Line {
    name: String,
    values: Vec<(usize, f64)>,
}

struct Panel {
    title: &'static str,
    axis: &'static str,
    places: Vec<String>,
    lines: Vec<Line>,
}

/// Of the vertical axis.
const STEPS: u32 = 5;

type Measure = fn(&Point) -> f64;

const MEASURES: [(&str, Measure); 3] = [
    ("receipts/s", |point| point.shown.receipts_per_second),
    ("own µs a receipt", |point| {
        point.shown.cpu_us_per_receipt.own
    }),
    ("PostgreSQL µs a receipt", |point| {
        point.shown.cpu_us_per_receipt.postgres
    }),
];

pub(super) fn svg(points: &[Point]) -> Result<String, fmt::Error> {
    let usual = Pipeline::default().lanes;
    let mut out = String::new();
    let (width, height) = (3.0 * ACROSS + 20.0, 3.0 * DOWN + 20.0);
    writeln!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" font-size="11">"#
    )?;
    writeln!(out, r#"<rect width="100%" height="100%" fill="white"/>"#)?;
    for (row, (title, measure)) in MEASURES.into_iter().enumerate() {
        let by_messages = |point: &&Point| (point.lanes, point.replicas) == (usual, 1);
        let by_lanes = |point: &&Point| point.replicas == 1;
        let by_replicas = |point: &&Point| point.lanes == usual;
        let partitions = |point: &Point| format!("{} partitions", point.partitions);
        let both =
            |point: &Point| format!("{}, {} partitions", count(point.messages), point.partitions);
        let panels = [
            panel(
                (title, "messages"),
                points.iter().filter(by_messages),
                |point| point.messages,
                partitions,
                measure,
            ),
            panel(
                (title, "lanes"),
                points.iter().filter(by_lanes),
                |point| point.lanes as u64,
                both,
                measure,
            ),
            panel(
                (title, "processors"),
                points.iter().filter(by_replicas),
                |point| point.replicas as u64,
                both,
                measure,
            ),
        ];
        // One scale for a row.
        let step = step(points.iter().map(measure).fold(1.0, f64::max));
        for (column, panel) in panels.iter().enumerate() {
            let (x, y) = (LEFT + ACROSS * place(column), TOP + DOWN * place(row));
            panel.draw(&mut out, step, x, y)?;
        }
    }
    writeln!(out, "</svg>")?;
    Ok(out)
}

fn panel<'a>(
    (title, axis): (&'static str, &'static str),
    points: impl Iterator<Item = &'a Point> + Clone,
    on_axis: impl Fn(&Point) -> u64,
    line: impl Fn(&Point) -> String,
    measure: Measure,
) -> Panel {
    let places: BTreeSet<u64> = points.clone().map(&on_axis).collect();
    let mut lines: Vec<Line> = Vec::new();
    for point in points {
        let name = line(point);
        let at = places.range(..on_axis(point)).count();
        let value = (at, measure(point));
        match lines.iter_mut().find(|line| line.name == name) {
            Some(line) => line.values.push(value),
            None => lines.push(Line {
                name,
                values: vec![value],
            }),
        }
    }
    Panel {
        title,
        axis,
        places: places.into_iter().map(count).collect(),
        lines,
    }
}

impl Panel {
    /// With its corner at these coordinates. From 0 up: half as fast is half as high.
    fn draw(&self, out: &mut String, step: f64, left: f64, top: f64) -> fmt::Result {
        let most = step * f64::from(STEPS);
        let x = |at: usize| left + WIDTH * (place(at) + 0.5) / place(self.places.len().max(1));
        let y = |value: f64| top + HEIGHT * (1.0 - value / most);
        writeln!(
            out,
            r##"<rect x="{left}" y="{top}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#999"/>"##
        )?;
        let heading = format!("{} by {}", self.title, self.axis);
        text(out, left, top - 8.0, "start", &heading)?;
        for (at, name) in self.places.iter().enumerate() {
            text(out, x(at), top + HEIGHT + 15.0, "middle", name)?;
        }
        for number in 0..=STEPS {
            let value = step * f64::from(number);
            let digits = usize::from(step < 1.0);
            let label = format!("{value:.digits$}");
            text(out, left - 6.0, y(value) + 4.0, "end", &label)?;
        }
        for (at, line) in self.lines.iter().enumerate() {
            let colour = COLOURS[at % COLOURS.len()];
            let mut values = line.values.clone();
            values.sort_unstable_by_key(|(at, _)| *at);
            let corners: Vec<String> = values
                .iter()
                .map(|&(at, value)| format!("{:.1},{:.1}", x(at), y(value)))
                .collect();
            let corners = corners.join(" ");
            writeln!(
                out,
                r#"<polyline points="{corners}" fill="none" stroke="{colour}" stroke-width="2"/>"#
            )?;
            for (at, value) in values {
                let (x, y) = (x(at), y(value));
                writeln!(
                    out,
                    r#"<circle cx="{x:.1}" cy="{y:.1}" r="3" fill="{colour}"/>"#
                )?;
            }
            let below = top + HEIGHT + 34.0 + 14.0 * place(at);
            let name = &line.name;
            writeln!(
                out,
                r#"<text x="{}" y="{below}" fill="{colour}">{name}</text>"#,
                left + 8.0
            )?;
        }
        Ok(())
    }
}

/// Round, and no larger than it takes for the highest value.
fn step(most: f64) -> f64 {
    let least = most / f64::from(STEPS);
    let power = 10_f64.powf(least.log10().floor());
    let round = [1.0, 2.0, 4.0, 5.0, 10.0].map(|it| it * power);
    round.into_iter().find(|it| *it >= least).unwrap_or(least)
}

fn text(out: &mut String, x: f64, y: f64, anchor: &str, text: &str) -> fmt::Result {
    writeln!(
        out,
        r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{text}</text>"#
    )
}

#[expect(clippy::cast_precision_loss, reason = "a handful")]
fn place(at: usize) -> f64 {
    at as f64
}
