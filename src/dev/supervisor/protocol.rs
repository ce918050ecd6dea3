//! What goes over the pipe: one JSON object a line, one reply a request.

use std::{collections::BTreeMap, io, path::PathBuf};

use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    Folder,
    Launch(Launch),
    Run(Launch),
    Check(u32),
    Stop(u32),
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Reply {
    Folder(PathBuf),
    Launched(u32),
    Running,
    Ended { status: String, success: bool },
    Failed(String),
}

impl Reply {
    pub(super) fn unexpected(&self) -> io::Error {
        io::Error::other(format!("the supervising process replied {self:?}"))
    }
}

/// A program to start. Its environment is `env` and nothing else: the settings and secrets of this
/// process are none of a server's business, and a stray `PGDATA` would change what it does.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Launch {
    pub program: PathBuf,
    pub args: Vec<String>,
    pub env: BTreeMap<String, String>,
    /// Whom to run as, when not as ourselves.
    pub user: Option<User>,
    /// Gets what the program prints; continued if it exists.
    pub log: PathBuf,
    /// Sent one after the other, each with its time to work, before SIGKILL.
    pub stop: Vec<StopSignal>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    pub uid: u32,
    pub gid: u32,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum StopSignal {
    Terminate,
    Interrupt,
    Quit,
}
