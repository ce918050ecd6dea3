//! Where and of what the figures are.

use std::fmt;
use std::fs;
use std::process::Command;

use serde::Serialize;

#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) at: String,
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) kernel: String,
    pub(crate) commit: String,
}

impl Machine {
    pub(crate) fn here() -> Self {
        let read = |file| fs::read_to_string(file).unwrap_or_default();
        let processors = read("/proc/cpuinfo");
        let model = processors
            .lines()
            .find_map(|line| line.strip_prefix("model name"));
        let model = model
            .unwrap_or_default()
            .trim_start_matches([' ', '\t', ':']);
        let commit = Command::new("git")
            .args(["describe", "--always", "--dirty"])
            .output();
        let commit = commit.map(|output| output.stdout).unwrap_or_default();
        Self {
            at: dlr::clock::Clock
                .now()
                .strftime("%Y-%m-%d %H:%M UTC")
                .to_string(),
            processor: model.to_owned(),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            kernel: format!("Linux {}", read("/proc/sys/kernel/osrelease").trim()),
            commit: String::from_utf8_lossy(&commit).trim().to_owned(),
        }
    }
}

/// What was asked of this program.
pub(crate) fn command() -> String {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    arguments.join(" ")
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            at,
            processor,
            cores,
            kernel,
            commit,
        } = self;
        write!(
            f,
            "{at}, commit {commit}, {cores} cores of {processor}, {kernel}"
        )
    }
}
