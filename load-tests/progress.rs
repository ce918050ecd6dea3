//! What a person sees while it runs: lines, and on a terminal a bar below them.

use std::io::{self, IsTerminal as _, Write as _};

pub(crate) fn say(text: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{text}")
}

/// How far something is; nothing where there is no terminal.
pub(crate) struct Bar {
    what: &'static str,
    total: u64,
    shown: Option<u64>,
}

const WIDTH: u64 = 40;

impl Bar {
    pub(crate) fn new(what: &'static str, total: u64) -> Self {
        let shown = io::stdout().is_terminal().then_some(u64::MAX);
        Self { what, total, shown }
    }

    pub(crate) fn at(&mut self, done: u64) {
        let Some(before) = self.shown else { return };
        let full = done.min(self.total) * WIDTH / self.total.max(1);
        let permille = done * 1_000 / self.total.max(1);
        if permille == before {
            return;
        }
        self.shown = Some(permille);
        let mut out = io::stdout().lock();
        let bar: String = (0..WIDTH)
            .map(|at| if at < full { '█' } else { '·' })
            .collect();
        let line = write!(out, "\r{:<12} {bar} {done} of {}  ", self.what, self.total);
        // A terminal that is gone is no reason to end a measurement.
        drop(line.and_then(|()| out.flush()));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if self.shown.is_some() {
            drop(write!(io::stdout(), "\r\x1b[K"));
        }
    }
}
