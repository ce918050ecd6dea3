//! Starts servers that cannot outlive the process that wanted them.
//!
//! The servers are children of a small process of their own, `dlr supervise`, which listens on a
//! pipe. However the owner of the pipe ends, SIGKILL included, the kernel closes it; the supervising
//! process then stops the servers, last started first, and removes the private folder. It and every
//! server have process groups of their own, so Ctrl-C reaches `dlr` alone, which can drain while
//! its servers still work.
//!
//! Only a SIGKILL of the supervising process itself, and of no other, leaves servers behind.

use std::{
    io::{self, BufRead, BufReader, Write},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

mod keeper;
mod protocol;

pub use keeper::main_loop;
pub use protocol::{Launch, StopSignal, User};
use protocol::{Reply, Request};

/// The end of the pipe that keeps the servers alive.
pub struct Supervisor {
    channel: Arc<Channel>,
    folder: PathBuf,
    process: Child,
}

impl Supervisor {
    /// Runs `dlr supervise` of the given executable.
    pub fn start(dlr: &Path) -> io::Result<Self> {
        let mut process = Command::new(dlr)
            .arg("supervise")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let (Some(requests), Some(replies)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(io::Error::other("the supervising process has no pipes"));
        };
        let channel = Arc::new(Channel(Mutex::new(Some(Pipes {
            requests,
            replies: BufReader::new(replies),
        }))));
        let folder = match channel.ask(&Request::Folder)? {
            Reply::Folder(folder) => folder,
            other => return Err(other.unexpected()),
        };
        Ok(Self {
            channel,
            folder,
            process,
        })
    }

    /// The private folder; it goes with the servers.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The process id of the supervising process.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Starts a server. That it runs does not mean that it listens yet.
    pub fn launch(&self, launch: Launch) -> io::Result<Server> {
        let log = launch.log.clone();
        match self.channel.ask(&Request::Launch(launch))? {
            Reply::Launched(pid) => Ok(Server {
                pid,
                log,
                stopped: AtomicBool::new(false),
                channel: Arc::clone(&self.channel),
            }),
            other => Err(other.unexpected()),
        }
    }

    /// Runs a program to its end, such as `initdb`; the error has the end of its log.
    pub fn run(&self, launch: Launch) -> io::Result<()> {
        let log = launch.log.clone();
        match self.channel.ask(&Request::Run(launch))? {
            Reply::Ended { success: true, .. } => Ok(()),
            Reply::Ended { status, .. } => Err(ended(&status, &log)),
            other => Err(other.unexpected()),
        }
    }

    /// Ends the servers and waits until they and the folder are gone. Dropping does the same.
    pub fn shutdown(self) {
        drop(self);
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.channel.close();
        // Only fails if somebody else waited for it, and then it has ended as well.
        self.process.wait().ok();
    }
}

/// A server that was launched; dropping this stops it. Both ways block until it has ended.
#[must_use = "dropping it stops the server"]
pub struct Server {
    pid: u32,
    log: PathBuf,
    stopped: AtomicBool,
    channel: Arc<Channel>,
}

impl Server {
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Fails with the end of the server's log when it has ended by itself.
    pub fn check(&self) -> io::Result<()> {
        match self.channel.ask(&Request::Check(self.pid))? {
            Reply::Running => Ok(()),
            Reply::Ended { status, .. } => Err(ended(&status, &self.log)),
            other => Err(other.unexpected()),
        }
    }

    /// Stops this one server and waits for its end; one that is gone is fine.
    pub fn stop(&self) -> io::Result<()> {
        // By now another server may have its process id.
        if self.stopped.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        match self.channel.ask(&Request::Stop(self.pid))? {
            Reply::Ended { .. } => Ok(()),
            other => Err(other.unexpected()),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Without a supervisor there is no server any more.
        self.stop().ok();
    }
}

fn ended(status: &str, log: &Path) -> io::Error {
    const LINES: usize = 8;
    let log = std::fs::read(log).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let lines: Vec<&str> = log.lines().collect();
    let tail = lines[lines.len().saturating_sub(LINES)..].join("\n  ");
    io::Error::other(format!("ended with {status}, and its log with\n  {tail}"))
}

/// One request, one reply, under a lock: whoever asks waits for the ones before.
struct Channel(Mutex<Option<Pipes>>);

struct Pipes {
    requests: ChildStdin,
    replies: BufReader<ChildStdout>,
}

impl Channel {
    fn ask(&self, request: &Request) -> io::Result<Reply> {
        let mut pipes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pipes = pipes.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        pipes.requests.write_all(&line)?;

        let mut reply = String::new();
        if pipes.replies.read_line(&mut reply)? == 0 {
            return Err(io::Error::other("the supervising process has ended"));
        }
        match serde_json::from_str(&reply)? {
            Reply::Failed(why) => Err(io::Error::other(why)),
            reply => Ok(reply),
        }
    }

    fn close(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
