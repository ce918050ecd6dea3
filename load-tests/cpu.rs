//! Processor time and memory of each party, from `/proc`.

use std::fs;
use std::io;
use std::ops::Sub;

use serde::Serialize;

/// Whose time is taken.
#[derive(Debug, Clone)]
pub(crate) struct Parties {
    pub(crate) own: Vec<u32>,
    pub(crate) postmaster: u32,
    pub(crate) nats: u32,
}

/// Microseconds since each began.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Spent {
    pub(crate) own: f64,
    pub(crate) postgres: f64,
    pub(crate) nats: f64,
    pub(crate) generator: f64,
}

impl Sub for Spent {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            own: self.own - before.own,
            postgres: self.postgres - before.postgres,
            nats: self.nats - before.nats,
            generator: self.generator - before.generator,
        }
    }
}

impl Parties {
    pub(crate) fn spent(&self) -> io::Result<Spent> {
        Ok(Spent {
            own: spent(&self.own)?,
            nats: Stat::of(self.nats)?.own,
            generator: Stat::of(std::process::id())?.own,
            postgres: family(self.postmaster)?,
        })
    }
}

/// Of these processes together.
pub(crate) fn spent(pids: &[u32]) -> io::Result<f64> {
    pids.iter().map(|&pid| Ok(Stat::of(pid)?.own)).sum()
}

/// The time of a process, its living children and, by its own account of them, the ended ones:
/// PostgreSQL's postmaster waits for every child it has had.
fn family(parent: u32) -> io::Result<f64> {
    let mut total = 0.0;
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // One that has ended meanwhile is in its parent's account of children.
        if let Ok(stat) = Stat::of(pid)
            && stat.parent == parent
        {
            total += stat.own;
        }
    }
    // Last: what ends in between is counted twice for a moment rather than lost, a tick at most.
    let postmaster = Stat::of(parent)?;
    Ok(total + postmaster.own + postmaster.children)
}

struct Stat {
    parent: u32,
    own: f64,
    children: f64,
}

impl Stat {
    fn of(pid: u32) -> io::Result<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // The name before it may hold anything.
        let (_, rest) = text.rsplit_once(')').ok_or(io::ErrorKind::InvalidData)?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let number = |at: usize| -> io::Result<f64> {
            let field = fields.get(at).ok_or(io::ErrorKind::InvalidData)?;
            field.parse().map_err(io::Error::other)
        };
        #[expect(clippy::cast_precision_loss, reason = "a hundred or a thousand")]
        let tick = 1e6 / rustix::param::clock_ticks_per_second() as f64;
        Ok(Self {
            parent: fields[1].parse().map_err(io::Error::other)?,
            own: (number(11)? + number(12)?) * tick,
            children: (number(13)? + number(14)?) * tick,
        })
    }
}

/// The time of all cores since the machine began, in ticks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cores {
    total: f64,
    stolen: f64,
}

impl Cores {
    pub(crate) fn now() -> io::Result<Self> {
        let text = fs::read_to_string("/proc/stat")?;
        let all = text.lines().next().unwrap_or_default();
        // user, nice, system, idle, iowait, irq, softirq, steal; what follows is part of the first.
        let ticks = all.split_whitespace().skip(1).take(8).map(str::parse);
        let ticks: Vec<f64> = ticks.collect::<Result<_, _>>().map_err(io::Error::other)?;
        Ok(Self {
            total: ticks.iter().sum(),
            stolen: ticks.get(7).copied().unwrap_or(0.0),
        })
    }

    /// The share that the host gave to other machines since `before`, though there was work here.
    pub(crate) fn stolen_since(self, before: Self) -> f64 {
        (self.stolen - before.stolen) / (self.total - before.total).max(1.0)
    }
}

/// Peak resident memory in bytes.
pub(crate) fn peak_memory(pid: u32) -> io::Result<u64> {
    memory(pid, "VmHWM:")
}

/// Resident memory that is no file's, in bytes.
pub(crate) fn anonymous_memory(pid: u32) -> io::Result<u64> {
    memory(pid, "RssAnon:")
}

fn memory(pid: u32, field: &str) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kilobytes: u64 = kilobytes.and_then(|it| it.parse().ok()).unwrap_or(0);
    Ok(kilobytes * 1_024)
}

/// The load average of the last minute.
pub(crate) fn load_average() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let first = text.split_whitespace().next();
    first.and_then(|it| it.parse().ok()).unwrap_or(f64::NAN)
}
