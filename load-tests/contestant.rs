//! Who does the work: the processor or the ceiling, as processes of their own.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::{Duration, Instant};

use dlr::dev::port::free_address;
use dlr::dev::supervisor::{Launch, Server, StopSignal, Supervisor};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::sleep;

const READY_MAX: Duration = Duration::from_mins(1);

/// Processes that work on one consumer. They end with this, and with the servers.
pub(crate) struct Contestant {
    servers: Vec<Server>,
    ports: Vec<u16>,
}

/// Of the processor's metrics, what concerns batches.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Batches {
    pub(crate) count: f64,
    pub(crate) receipts: f64,
    /// The bound that none exceeds.
    pub(crate) max: f64,
}

impl Batches {
    /// Of a program whose batches are all of one size.
    #[expect(clippy::cast_precision_loss, reason = "some thousand at most")]
    pub(crate) fn all_of(size: usize) -> Self {
        Self {
            count: 1.0,
            receipts: size as f64,
            max: size as f64,
        }
    }
}

impl Contestant {
    /// `dlr run`, so many times.
    pub(crate) fn processors(
        supervisor: &Supervisor,
        dlr: &Path,
        settings: &Path,
        replicas: usize,
    ) -> anyhow::Result<Self> {
        let mut started = Self {
            servers: Vec::new(),
            ports: Vec::new(),
        };
        for _ in 0..replicas {
            let port = free_address()?.port();
            let arguments = ["run", "--config", &settings.display().to_string()];
            let mut launch = launch(dlr, arguments.map(str::to_owned).to_vec(), settings);
            let probes = format!("127.0.0.1:{port}");
            launch.env.insert("DLR__PROBES__BIND".to_owned(), probes);
            started.servers.push(supervisor.launch(launch)?);
            started.ports.push(port);
        }
        Ok(started)
    }

    /// Any other program: its log is beside `settings`.
    pub(crate) fn other(
        supervisor: &Supervisor,
        program: &Path,
        arguments: Vec<String>,
        env: BTreeMap<String, String>,
        settings: &Path,
    ) -> anyhow::Result<Self> {
        let launch = Launch {
            env,
            ..launch(program, arguments, settings)
        };
        Ok(Self {
            servers: vec![supervisor.launch(launch)?],
            ports: Vec::new(),
        })
    }

    pub(crate) fn pids(&self) -> Vec<u32> {
        self.servers.iter().map(Server::pid).collect()
    }

    /// Fails with what it logged if one has ended.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        for server in &self.servers {
            server.check()?;
        }
        Ok(())
    }

    /// Waits until every part of every processor works.
    pub(crate) async fn ready(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + READY_MAX;
        for port in &self.ports {
            while !get(*port, "/ready")
                .await
                .is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
            {
                self.check()?;
                anyhow::ensure!(Instant::now() < deadline, "a processor is not ready");
                sleep(Duration::from_millis(20)).await;
            }
        }
        Ok(())
    }

    pub(crate) async fn batches(&self) -> anyhow::Result<Batches> {
        let mut batches = Batches::default();
        for &port in &self.ports {
            let text = get(port, "/metrics").await?;
            let mut bounds = Vec::new();
            for line in text.lines() {
                if let Some(rest) = line.strip_prefix("dlr_batch_receipts_count ") {
                    batches.count += rest.trim().parse::<f64>()?;
                } else if let Some(rest) = line.strip_prefix("dlr_batch_receipts_sum ") {
                    batches.receipts += rest.trim().parse::<f64>()?;
                } else if let Some(rest) = line.strip_prefix("dlr_batch_receipts_bucket{le=\"")
                    && let Some((bound, count)) = rest.split_once("\"}")
                {
                    let bound = bound.parse().unwrap_or(f64::INFINITY);
                    bounds.push((bound, count.trim().parse::<f64>()?));
                }
            }
            let all = bounds.last().map_or(0.0, |(_, count)| *count);
            let max = bounds.iter().find(|(_, count)| *count >= all);
            batches.max = batches.max.max(max.map_or(0.0, |(bound, _)| *bound));
        }
        Ok(batches)
    }

    /// Asks each to stop and waits until it has.
    pub(crate) fn stop(self) -> anyhow::Result<()> {
        for server in &self.servers {
            server.stop()?;
        }
        Ok(())
    }
}

fn launch(program: &Path, args: Vec<String>, settings: &Path) -> Launch {
    Launch {
        program: program.to_owned(),
        args,
        env: BTreeMap::new(),
        user: None,
        log: settings.with_extension("log"),
        stop: vec![StopSignal::Terminate, StopSignal::Quit],
    }
}

async fn get(port: u16, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
