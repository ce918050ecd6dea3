//! Nothing that the supervisor started survives the process that wanted it.
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use dlr::dev::{
    certificates::Authority,
    postgres::{Durability, Postgres},
    supervisor::{Launch, Server, StopSignal, Supervisor},
};
use rustix::process::{Pid, Signal, getpgid, getpgrp, kill_process, test_kill_process};
use tokio_postgres::NoTls;

use crate::support::{DLR, eventually};

const SOON: Duration = Duration::from_secs(30);

#[tokio::test]
async fn sigkill_of_the_owner_ends_the_servers_and_removes_their_folder() {
    let scratch = Scratch::new();
    // `cat` stands between us and the supervisor, so that the owner of the pipe can be killed
    // without killing the test.
    let owner_file = scratch.0.join("owner");
    let wrapper = scratch.script(&format!(
        "exec 2>/dev/null; sh -c 'echo $$ > {}; exec cat' | {DLR} supervise",
        owner_file.display()
    ));
    let supervisor = Supervisor::start(&wrapper).unwrap();
    let authority = Authority::new(&supervisor.folder().join("certificates")).unwrap();
    let postgres = Postgres::start(&supervisor, &authority, Durability::Volatile).unwrap();
    let sleeper = supervisor
        .launch(shell(&supervisor, "exec sleep 600"))
        .unwrap();
    let (client, connection) = postgres.superuser("postgres").connect(NoTls).await.unwrap();
    let backend = tokio::join!(connection, async move {
        let row = client
            .query_one("SELECT pg_backend_pid()", &[])
            .await
            .unwrap();
        row.get::<_, i32>(0)
    })
    .1;
    assert!(backend > 0);

    let owner = fs::read_to_string(&owner_file)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    kill_process(Pid::from_raw(owner).unwrap(), Signal::KILL).unwrap();

    eventually(SOON, "PostgreSQL is gone", async || {
        gone(&postgres.server())
    })
    .await;
    eventually(SOON, "the other server is gone", async || gone(&sleeper)).await;
    eventually(SOON, "the folder is gone", async || {
        !supervisor.folder().exists()
    })
    .await;
}

#[tokio::test]
async fn ctrl_c_does_not_reach_the_servers() {
    let supervisor = Supervisor::start(Path::new(DLR)).unwrap();
    let server = supervisor
        .launch(shell(&supervisor, "exec sleep 600"))
        .unwrap();

    // A terminal signals the group in its foreground: ours.
    for process in [supervisor.pid(), server.pid()] {
        let group = getpgid(Some(pid(process))).unwrap();
        assert_eq!(group, pid(process));
        assert_ne!(group, getpgrp());
    }
}

#[tokio::test]
async fn a_signal_that_means_the_processor_leaves_the_servers_up() {
    let supervisor = Supervisor::start(Path::new(DLR)).unwrap();
    let server = supervisor
        .launch(shell(&supervisor, "exec sleep 600"))
        .unwrap();

    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        kill_process(pid(supervisor.pid()), signal).unwrap();
    }

    server.check().unwrap();
}

#[tokio::test]
async fn servers_stop_in_reverse_order_and_the_folder_goes_last() {
    let scratch = Scratch::new();
    let order = scratch.0.join("order");
    let supervisor = Supervisor::start(Path::new(DLR)).unwrap();
    let folder = supervisor.folder().to_owned();
    let mut servers = Vec::new();
    for name in ["first", "second"] {
        let ready = folder.join(name);
        let script = format!(
            "trap 'echo {name} >> {}; exit' TERM; touch {}; while :; do sleep 0.02; done",
            order.display(),
            ready.display()
        );
        servers.push(supervisor.launch(shell(&supervisor, &script)).unwrap());
        eventually(SOON, "the server listens to signals", async || {
            ready.exists()
        })
        .await;
    }

    supervisor.shutdown();

    assert_eq!(fs::read_to_string(order).unwrap(), "second\nfirst\n");
    assert!(!folder.exists());
}

#[tokio::test]
async fn a_deaf_server_is_killed_with_its_children() {
    let supervisor = Supervisor::start(Path::new(DLR)).unwrap();
    let child_file = supervisor.folder().join("child");
    let script = format!(
        "trap '' TERM; sleep 600 & echo $! > {}.part; mv {0}.part {0}; wait",
        child_file.display()
    );
    let server = supervisor.launch(shell(&supervisor, &script)).unwrap();
    eventually(SOON, "the server has a child", async || child_file.exists()).await;
    let child: i32 = fs::read_to_string(&child_file)
        .unwrap()
        .trim()
        .parse()
        .unwrap();

    server.stop().unwrap();

    assert!(gone(&server));
    let child = Pid::from_raw(child).unwrap();
    // Whoever inherits it has to reap it first.
    eventually(SOON, "the child is gone", async || {
        test_kill_process(child).is_err()
    })
    .await;
}

#[tokio::test]
async fn a_server_ends_with_its_owner() {
    let supervisor = Supervisor::start(Path::new(DLR)).unwrap();
    let server = supervisor
        .launch(shell(&supervisor, "exec sleep 600"))
        .unwrap();
    let process = pid(server.pid());
    server.stop().unwrap();
    server.stop().unwrap();
    assert!(test_kill_process(process).is_err());

    let dropped = supervisor
        .launch(shell(&supervisor, "exec sleep 600"))
        .unwrap();
    let process = pid(dropped.pid());
    drop(dropped);
    assert!(test_kill_process(process).is_err());
}

#[tokio::test]
async fn a_server_that_ends_by_itself_is_reported_with_its_log() {
    let supervisor = Supervisor::start(Path::new(DLR)).unwrap();
    let launch = shell(&supervisor, "echo the reason; exit 3");
    let server = supervisor.launch(launch).unwrap();

    eventually(SOON, "the server has ended", async || {
        server.check().is_err()
    })
    .await;

    let report = server.check().unwrap_err().to_string();
    assert!(
        report.contains("status 3") && report.contains("the reason"),
        "{report}"
    );
}

#[tokio::test]
async fn a_missing_program_is_named_and_the_supervisor_goes_on() {
    let supervisor = Supervisor::start(Path::new(DLR)).unwrap();
    let mut launch = shell(&supervisor, "");
    launch.program = PathBuf::from("/nonexistent/nats-server");

    let error = supervisor.launch(launch).err().unwrap().to_string();

    assert!(error.contains("/nonexistent/nats-server"), "{error}");
    supervisor.run(shell(&supervisor, "exit 0")).unwrap();
}

#[tokio::test]
async fn servers_get_none_of_our_environment() {
    let supervisor = Supervisor::start(Path::new(DLR)).unwrap();
    let launch = shell(&supervisor, "env");
    let log = launch.log.clone();

    supervisor.run(launch).unwrap();

    let environment = fs::read_to_string(log).unwrap();
    assert!(environment.contains("GREETING=hello"), "{environment}");
    assert!(!environment.contains("CARGO"), "{environment}");
}

fn shell(supervisor: &Supervisor, script: &str) -> Launch {
    Launch {
        program: PathBuf::from("/bin/sh"),
        args: vec!["-c".to_owned(), script.to_owned()],
        env: BTreeMap::from([("GREETING".to_owned(), "hello".to_owned())]),
        user: None,
        log: supervisor.folder().join("log"),
        stop: vec![StopSignal::Terminate],
    }
}

fn pid(process: u32) -> Pid {
    Pid::from_raw(process.try_into().unwrap()).unwrap()
}

fn gone(server: &Server) -> bool {
    test_kill_process(pid(server.pid())).is_err()
}

/// A folder outside the supervisor's, for what has to be read after its end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("dlr-test-{}", uuid::Uuid::new_v4()));
        fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    /// Written by another process: while any of our threads forks, its child would hold the file
    /// open for writing, and the kernel starts no such program.
    fn script(&self, body: &str) -> PathBuf {
        let file = self.0.join("script");
        let written = Command::new("/bin/sh")
            .args([
                "-c",
                r#"printf '#!/bin/sh\n%s\n' "$1" > "$0" && chmod 755 "$0""#,
            ])
            .arg(&file)
            .arg(body)
            .status()
            .unwrap();
        assert!(written.success());
        file
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}
