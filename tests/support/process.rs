use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use dlr::config::{self, Config};
use rustix::process::{Pid, Signal, kill_process};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use tokio::task::spawn_blocking;

use super::{DLR, eventually};

/// `dlr` as a process of its own, to be killed. It ends with this, by SIGKILL if need be.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `dlr run` with `config` in its environment; its log goes to `log`, which is appended to.
    pub(crate) fn start(config: &Config, log: &Path) -> Self {
        Self::start_with(config, &["run"], log)
    }

    /// The same with another subcommand.
    pub(crate) fn start_with(config: &Config, args: &[&str], log: &Path) -> Self {
        Self::start_printing(config, args, log, Stdio::null())
    }

    /// The same, whose output goes to `out`.
    pub(crate) fn start_printing(
        config: &Config,
        args: &[&str],
        log: &Path,
        out: impl Into<Stdio>,
    ) -> Self {
        Self::spawn(command(config, args), log, out)
    }

    /// Starts `dlr run` with a library loaded before all others.
    pub(crate) fn start_preloaded(config: &Config, library: &Path, log: &Path) -> Self {
        let mut command = command(config, &["run"]);
        command.env("LD_PRELOAD", library);
        Self::spawn(command, log, Stdio::null())
    }

    fn spawn(mut command: Command, log: &Path, out: impl Into<Stdio>) -> Self {
        let stderr = File::options().create(true).append(true).open(log).unwrap();
        command.stdin(Stdio::null()).stdout(out).stderr(stderr);
        Self {
            child: command.spawn().unwrap(),
            log: log.to_owned(),
        }
    }

    /// Everything it has logged, and those before it into the same file.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Where its probes listen, once it has said so.
    pub(crate) async fn probes(&self) -> SocketAddr {
        let mut address = None;
        eventually(
            Duration::from_secs(30),
            "the process says where its probes are",
            async || {
                address = self.log().lines().rev().find_map(|line| {
                    let event: Value = serde_json::from_str(line).ok()?;
                    event["probes"].as_str()?.parse().ok()
                });
                address.is_some()
            },
        )
        .await;
        address.unwrap()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).unwrap();
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// How it ended, within `deadline`.
    pub(crate) async fn ended(&mut self, deadline: Duration) -> ExitStatus {
        let mut status = None;
        eventually(deadline, "the process ends", async || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        })
        .await;
        status.unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let last = log.lines().rev().take(20).collect::<Vec<_>>();
            #[expect(clippy::print_stderr, reason = "beside the panic it explains")]
            {
                eprintln!("the last it logged, newest first:\n{}", last.join("\n"));
            }
        }
        // It may have ended by itself.
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.kill();
        }
    }
}

/// Runs `dlr` with `config` in its environment to its end.
pub(crate) async fn run(config: &Config, args: &[&str]) -> Output {
    let mut command = command(config, args);
    spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

/// The same, which is to be a success, and reads what it printed as JSON.
pub(crate) async fn report(config: &Config, args: &[&str]) -> Value {
    let output = run(config, args).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Sends a signal to any process; it may have ended.
pub(crate) fn signal(pid: u32, signal: Signal) -> rustix::io::Result<()> {
    kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), signal)
}

/// Whether `dlr reconcile` exits with 0, and its report.
pub(crate) async fn reconcile(config: &Config, args: &[&str]) -> (bool, Value) {
    let output = run(config, &[&["reconcile", "--json"], args].concat()).await;
    let said = String::from_utf8_lossy(&output.stderr);
    let report = serde_json::from_slice(&output.stdout);
    let report = report.unwrap_or_else(|error| panic!("{error}: {said}"));
    (output.status.success(), report)
}

fn command(config: &Config, args: &[&str]) -> Command {
    let mut command = Command::new(DLR);
    command.args(args).env_clear();
    for (name, value) in variables(config) {
        command.env(format!("DLR__{name}"), value);
    }
    command
}

fn variables(config: &Config) -> Vec<(&'static str, String)> {
    let path = |path: &Option<PathBuf>| path.as_ref().unwrap().display().to_string();
    let (nats, postgres) = (&config.nats, &config.postgres);
    let mut variables = vec![
        ("DEPLOYMENT__NAME", config.deployment.name.clone()),
        ("NATS__URL", nats.url.clone()),
        ("NATS__API_PREFIX", nats.api_prefix.clone()),
        ("NATS__INBOX_PREFIX", nats.inbox_prefix.clone()),
        ("NATS__CA_FILE", path(&nats.ca_file)),
        ("NATS__CERT_FILE", path(&nats.cert_file)),
        ("NATS__KEY_FILE", path(&nats.key_file)),
        ("POSTGRES__URL", postgres.url.expose_secret().to_owned()),
        ("POSTGRES__CA_FILE", path(&postgres.ca_file)),
        ("POSTGRES__CERT_FILE", path(&postgres.cert_file)),
        ("POSTGRES__KEY_FILE", path(&postgres.key_file)),
        (
            "POSTGRES__STATEMENT_TIMEOUT",
            format!("{}ms", postgres.statement_timeout.as_millis()),
        ),
        (
            "SEAL__KEYRING_FILE",
            config.seal.keyring_file.display().to_string(),
        ),
        ("STREAMS__WEBHOOK", config.streams.webhook.clone()),
        (
            "STREAMS__WEBHOOK_SUBJECT",
            config.streams.webhook_subject.clone(),
        ),
        ("STREAMS__UNMATCHED", config.streams.unmatched.clone()),
        ("EVENTS__PACK", config.events.pack.to_string()),
        (
            "PIPELINE__EARLY_WAITING_MAX",
            config.pipeline.early_waiting_max.to_string(),
        ),
        ("SWEEP__ENABLED", config.sweep.enabled.to_string()),
        ("PROBES__BIND", config.probes.bind.to_string()),
        ("TELEMETRY__LOG", config.telemetry.log.clone()),
        ("TELEMETRY__FORMAT", "json".to_owned()),
        (
            "STREAMS__INBOUND_MAX_BYTES",
            config.streams.inbound_max_bytes.to_string(),
        ),
        (
            "STREAMS__OUTPUT_MAX_BYTES",
            config.streams.output_max_bytes.to_string(),
        ),
    ];
    let usual = config::Nats::default();
    if nats.api_prefix != usual.api_prefix {
        variables.extend([
            ("NATS__API_PREFIX", nats.api_prefix.clone()),
            ("NATS__INBOX_PREFIX", nats.inbox_prefix.clone()),
        ]);
    }
    let profiles_url = postgres.profiles_url.expose_secret();
    if !profiles_url.is_empty() {
        variables.extend([
            ("POSTGRES__PROFILES_URL", profiles_url.to_owned()),
            (
                "POSTGRES__PROFILES_CERT_FILE",
                path(&postgres.profiles_cert_file),
            ),
            (
                "POSTGRES__PROFILES_KEY_FILE",
                path(&postgres.profiles_key_file),
            ),
        ]);
    }
    variables
}
