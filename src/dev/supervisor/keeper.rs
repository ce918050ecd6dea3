//! The supervising process: the parent of the servers, whose life is that of a pipe.

use std::{
    env,
    fs::{self, DirBuilder, OpenOptions, Permissions},
    io::{self, BufRead, Write},
    os::unix::{
        fs::{DirBuilderExt, PermissionsExt},
        process::{CommandExt, ExitStatusExt},
    },
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, geteuid, kill_process, kill_process_group};
use tokio::signal::unix::{SignalKind, signal};

use super::protocol::{Launch, Reply, Request, StopSignal};

/// How long each stop signal may take to work.
const GRACE: Duration = Duration::from_secs(5);
/// For a program that runs to its end; `initdb` on a slow disk takes tens of seconds.
const RUN_LIMIT: Duration = Duration::from_mins(2);
const POLL: Duration = Duration::from_millis(5);

/// Serves requests from `requests` until it ends, then ends the servers and removes the folder.
/// Blocks its thread; called within a runtime, for the signals.
pub fn main_loop(requests: impl BufRead, replies: impl Write) -> io::Result<()> {
    outlive_signals()?;
    let mut keeper = Keeper {
        folder: private_folder()?,
        servers: Vec::new(),
    };
    let served = keeper.serve(requests, replies);
    keeper.stop_all();
    remove(&keeper.folder)?;
    served
}

/// `pkill dlr`, a closing terminal or a machine going down signal every process of a name or a
/// session. If this one obeyed, the servers would stay behind, and `dlr` could not drain.
fn outlive_signals() -> io::Result<()> {
    // A handler stays for the life of the process; that nobody awaits it is the point. Ignoring the
    // signals instead would be inherited by the servers.
    for kind in [
        SignalKind::terminate(),
        SignalKind::interrupt(),
        SignalKind::hangup(),
    ] {
        drop(signal(kind)?);
    }
    // `killall -9 dlr` goes by this name. Only Linux has it, and nothing depends on it.
    fs::write("/proc/self/comm", "supervise").ok();
    Ok(())
}

/// Others may pass through, because PostgreSQL runs as another user when we are root, but not list.
fn private_folder() -> io::Result<PathBuf> {
    let mut parent = env::temp_dir().canonicalize()?;
    if geteuid().is_root() && !passable(&parent) {
        parent = PathBuf::from("/tmp");
    }
    let folder = parent.join(format!("dlr-{}", uuid::Uuid::new_v4().simple()));
    DirBuilder::new().mode(0o700).create(&folder)?;
    fs::set_permissions(&folder, Permissions::from_mode(0o711))?;
    Ok(folder)
}

/// Whether everybody can enter; root's `TMPDIR` may lie below its home.
fn passable(folder: &Path) -> bool {
    folder.ancestors().all(|folder| {
        fs::metadata(folder).is_ok_and(|metadata| metadata.permissions().mode() & 0o001 != 0)
    })
}

/// A server that had to be killed may leave children that write for another moment.
fn remove(folder: &Path) -> io::Result<()> {
    let deadline = Instant::now() + GRACE;
    loop {
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(_) if Instant::now() < deadline => thread::sleep(POLL),
            result => return result,
        }
    }
}

struct Keeper {
    folder: PathBuf,
    servers: Vec<Running>,
}

struct Running {
    child: Child,
    stop: Vec<StopSignal>,
}

impl Keeper {
    /// Ends without an error when the pipe closes, at whichever end.
    fn serve(&mut self, requests: impl BufRead, mut replies: impl Write) -> io::Result<()> {
        for line in requests.lines() {
            let request = serde_json::from_str(&line?)?;
            let reply = self
                .answer(request)
                .unwrap_or_else(|error| Reply::Failed(error.to_string()));
            let mut line = serde_json::to_vec(&reply)?;
            line.push(b'\n');
            match replies.write_all(&line).and_then(|()| replies.flush()) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => break,
                result => result?,
            }
        }
        Ok(())
    }

    fn answer(&mut self, request: Request) -> io::Result<Reply> {
        match request {
            Request::Folder => Ok(Reply::Folder(self.folder.clone())),
            Request::Launch(launch) => {
                let running = self.spawn(launch)?;
                let pid = running.child.id();
                self.servers.push(running);
                Ok(Reply::Launched(pid))
            }
            Request::Run(launch) => {
                let mut running = self.spawn(launch)?;
                if let Some(status) = running.wait(RUN_LIMIT)? {
                    return Ok(ended(status));
                }
                running.end()?;
                Err(io::Error::other(format!(
                    "did not end within {RUN_LIMIT:?}"
                )))
            }
            Request::Check(pid) => Ok(match self.find(pid)?.child.try_wait()? {
                Some(status) => ended(status),
                None => Reply::Running,
            }),
            Request::Stop(pid) => {
                let status = self.find(pid)?.end()?;
                self.servers.retain(|running| running.child.id() != pid);
                Ok(ended(status))
            }
        }
    }

    fn spawn(&self, launch: Launch) -> io::Result<Running> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&launch.log)?;
        let mut command = Command::new(&launch.program);
        command
            .args(&launch.args)
            .env_clear()
            .envs(&launch.env)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0);
        if let Some(user) = launch.user {
            command.uid(user.uid).gid(user.gid);
        }
        let child = command
            .spawn()
            .map_err(|error| io::Error::other(format!("{}: {error}", launch.program.display())))?;
        Ok(Running {
            child,
            stop: launch.stop,
        })
    }

    fn find(&mut self, pid: u32) -> io::Result<&mut Running> {
        self.servers
            .iter_mut()
            .find(|running| running.child.id() == pid)
            .ok_or_else(|| io::Error::other(format!("process {pid} is no server of this folder")))
    }

    fn stop_all(&mut self) {
        while let Some(mut running) = self.servers.pop() {
            // The others have to be stopped all the same, and nobody is left to tell.
            running.end().ok();
        }
    }
}

impl Running {
    /// Signals go to the process only: PostgreSQL's own children take a stop signal as theirs.
    /// SIGKILL goes to the group. PostgreSQL's children have left that, but end when their parent
    /// is gone.
    fn end(&mut self) -> io::Result<ExitStatus> {
        for stop in self.stop.clone() {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            let Some(pid) = self.pid() else { break };
            // Gone meanwhile is fine: the wait tells. Continued, because a paused server is deaf.
            kill_process(pid, stop.into()).ok();
            kill_process(pid, Signal::CONT).ok();
            if let Some(status) = self.wait(GRACE)? {
                return Ok(status);
            }
        }
        if let Some(pid) = self.pid() {
            kill_process_group(pid, Signal::KILL).ok();
        }
        // Should it have left its group, the wait below would never end.
        self.child.kill().ok();
        self.child.wait()
    }

    fn pid(&self) -> Option<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
    }

    fn wait(&mut self, limit: Duration) -> io::Result<Option<ExitStatus>> {
        let deadline = Instant::now() + limit;
        loop {
            match self.child.try_wait()? {
                None if Instant::now() < deadline => thread::sleep(POLL),
                result => return Ok(result),
            }
        }
    }
}

impl From<StopSignal> for Signal {
    fn from(stop: StopSignal) -> Self {
        match stop {
            StopSignal::Terminate => Self::TERM,
            StopSignal::Interrupt => Self::INT,
            StopSignal::Quit => Self::QUIT,
        }
    }
}

fn ended(status: ExitStatus) -> Reply {
    Reply::Ended {
        status: status.signal().map_or_else(
            || format!("status {}", status.code().unwrap_or_default()),
            |signal| format!("signal {signal}"),
        ),
        success: status.success(),
    }
}
