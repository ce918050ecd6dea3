//! A nats-server without TLS and accounts, on loopback: what a quick experiment has, and what the
//! figures of other programs are measured on. Streams are encrypted as on the shipped one.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use dlr::config;
use dlr::dev::binaries;
use dlr::dev::supervisor::{Launch, Server, StopSignal, Supervisor};
use serde::Deserialize;
use uuid::Uuid;

const START_MAX: Duration = Duration::from_secs(30);

pub(crate) struct PlainNats {
    server: Server,
    address: String,
    folder: PathBuf,
}

#[derive(Deserialize)]
struct Ports {
    nats: Vec<String>,
}

impl PlainNats {
    pub(crate) fn start(supervisor: &Supervisor) -> io::Result<Self> {
        let folder = supervisor
            .folder()
            .join(format!("plain-{}", Uuid::new_v4().simple()));
        fs::create_dir(&folder)?;
        let file = folder.join("nats.conf");
        let (store, key) = (folder.join("store"), Uuid::new_v4().simple());
        let store = store.display();
        let settings = format!(
            "server_name: plain\n\
             listen: \"127.0.0.1:-1\"\n\
             max_payload: 128KB\n\
             jetstream {{ store_dir: \"{store}\", max_mem: 0, max_file: 64GB, cipher: aes, key: \"{key}{key}\" }}\n"
        );
        fs::write(&file, settings)?;
        let server = supervisor.launch(Launch {
            program: binaries::nats_server().map_err(io::Error::other)?,
            args: vec![
                "--config".into(),
                file.display().to_string(),
                "--ports_file_dir".into(),
                folder.display().to_string(),
            ],
            env: BTreeMap::new(),
            user: None,
            log: folder.join("nats.log"),
            stop: vec![StopSignal::Interrupt, StopSignal::Terminate],
        })?;
        let ports = folder.join(format!("nats-server_{}.ports", server.pid()));
        let deadline = Instant::now() + START_MAX;
        loop {
            let said = fs::read(&ports)
                .ok()
                .and_then(|text| serde_json::from_slice::<Ports>(&text).ok());
            let log = fs::read_to_string(folder.join("nats.log")).unwrap_or_default();
            let ready = log.contains("Server is ready");
            if let (true, Some(said)) = (ready, said) {
                let address = said.nats.into_iter().next().unwrap_or_default();
                return Ok(Self {
                    server,
                    address,
                    folder,
                });
            }
            server.check()?;
            if Instant::now() > deadline {
                return Err(io::Error::new(io::ErrorKind::TimedOut, log));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// For everybody: there is one account, and nobody is asked who he is.
    pub(crate) fn config(&self) -> config::Nats {
        config::Nats {
            url: self.address.clone(),
            inbox_prefix: "_INBOX".to_owned(),
            api_prefix: "$JS.API".to_owned(),
            ..config::Nats::default()
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.server.pid()
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.folder.join("store")
    }
}
