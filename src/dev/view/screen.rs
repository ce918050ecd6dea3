//! The screen of a terminal.

use std::io::{self, Stdout};

use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, size,
};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Text};
use ratatui::widgets::{Block, Cell, Paragraph, Row, Table};
use ratatui::{Frame, Terminal, TerminalOptions, Viewport};

use super::{Snapshot, latency};
use crate::dev::scenario::Disposition;

/// Takes the terminal over, and gives it back when dropped.
///
/// Not in raw mode: nothing is read from the keyboard, so Ctrl-C stays the signal that it is
/// everywhere else, and a killed process leaves no mute terminal behind. A viewport of fixed size,
/// because a full-screen one asks the terminal for its cursor, and the answer needs raw mode.
pub(super) struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    size: (u16, u16),
    notes: Vec<String>,
}

impl Screen {
    pub(super) fn open(notes: Vec<String>) -> io::Result<Self> {
        let size = size()?;
        let screen = Self {
            terminal: terminal(size)?,
            size,
            notes,
        };
        execute!(
            io::stdout(),
            EnterAlternateScreen,
            Hide,
            Clear(ClearType::All)
        )?;
        Ok(screen)
    }

    pub(super) fn draw(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        let size = size()?;
        if size != self.size {
            self.size = size;
            self.terminal = terminal(size)?;
            execute!(io::stdout(), Clear(ClearType::All))?;
        }
        draw(&mut self.terminal, snapshot, &self.notes)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing back.
        drop(execute!(io::stdout(), Show, LeaveAlternateScreen));
    }
}

fn terminal((width, height): (u16, u16)) -> io::Result<Terminal<CrosstermBackend<Stdout>>> {
    let viewport = Viewport::Fixed(Rect::new(0, 0, width, height));
    Terminal::with_options(
        CrosstermBackend::new(io::stdout()),
        TerminalOptions { viewport },
    )
}

fn draw<B: Backend>(
    terminal: &mut Terminal<B>,
    snapshot: &Snapshot,
    notes: &[String],
) -> Result<(), B::Error> {
    terminal
        .draw(|frame| render(frame, snapshot, notes))
        .map(drop)
}

fn render(frame: &mut Frame<'_>, snapshot: &Snapshot, notes: &[String]) {
    let areas: [_; 4] = Layout::vertical([
        Constraint::Length(7),
        Constraint::Length(4),
        Constraint::Length(7),
        Constraint::Min(3),
    ])
    .areas(frame.area());
    frame.render_widget(receipts(snapshot), areas[0]);
    frame.render_widget(flow(snapshot), areas[1]);
    let events: Vec<Line<'_>> = snapshot
        .events
        .iter()
        .map(|it| Line::from(it.as_str()))
        .collect();
    let newest = Block::bordered().title(" newest webhook events ");
    frame.render_widget(Paragraph::new(Text::from(events)).block(newest), areas[2]);
    let notes: Vec<Line<'_>> = notes.iter().map(|it| Line::from(it.as_str())).collect();
    let look = Block::bordered().title(" look inside ");
    let notes = Paragraph::new(Text::from(notes)).wrap(ratatui::widgets::Wrap { trim: false });
    frame.render_widget(notes.block(look), areas[3]);
}

fn receipts(snapshot: &Snapshot) -> Table<'_> {
    let rows = Disposition::ALL
        .into_iter()
        .enumerate()
        .map(|(index, disposition)| {
            let since = match disposition {
                Disposition::Parked => format!("of these matched late {}", snapshot.matched_late),
                _ => String::new(),
            };
            Row::new([
                Cell::from(disposition.name()),
                Cell::from(format!("{:>8.0} /s", snapshot.rates[index])),
                Cell::from(format!("{:>12}", snapshot.totals[index])),
                Cell::from(since),
            ])
        });
    let seconds = snapshot.elapsed.as_secs();
    let title = format!(
        " dlr dev   {:02}:{:02}   Ctrl-C ends it ",
        seconds / 60,
        seconds % 60
    );
    let widths = [
        Constraint::Length(10),
        Constraint::Length(12),
        Constraint::Length(14),
        Constraint::Min(0),
    ];
    let header = Row::new(["receipts", "       rate", "       total"]).style(Style::new().bold());
    Table::new(rows, widths)
        .header(header)
        .block(Block::bordered().title(title))
}

fn flow(snapshot: &Snapshot) -> Paragraph<'_> {
    let lines = vec![
        Line::from(format!(
            "published {}   backlog {} (of these {} in flight)   carriers {} ms behind their plan",
            snapshot.published,
            snapshot.backlog,
            snapshot.in_flight,
            snapshot.behind.as_millis(),
        )),
        Line::from(format!(
            "latency from stored to settled   p50 {}   p99 {}",
            latency(snapshot.p50),
            latency(snapshot.p99),
        )),
    ];
    Paragraph::new(lines).block(Block::bordered().title(" flow "))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ratatui::backend::TestBackend;

    use super::*;

    #[test]
    fn the_screen_shows_the_numbers_the_events_and_where_to_look() {
        let mut terminal = Terminal::new(TestBackend::new(100, 24)).unwrap();
        let snapshot = Snapshot {
            elapsed: Duration::from_secs(65),
            published: 4_711,
            rates: [812.0, 40.0, 20.0, 21.0],
            totals: [4_000, 300, 100, 90],
            matched_late: 37,
            backlog: 23,
            p99: Some(Duration::from_millis(18)),
            events: vec!["acme       sent -> delivered".into()],
            ..Snapshot::default()
        };
        draw(
            &mut terminal,
            &snapshot,
            &["psql service=dlr_reader".into()],
        )
        .unwrap();
        let shown: String = terminal
            .backend()
            .buffer()
            .content()
            .iter()
            .map(ratatui::buffer::Cell::symbol)
            .collect();
        for expected in [
            "01:05",
            "812 /s",
            "of these matched late 37",
            "4711",
            "backlog 23",
            "p99 18.0 ms",
            "sent -> delivered",
            "psql service",
        ] {
            assert!(shown.contains(expected), "{expected} is not on the screen");
        }
    }
}
