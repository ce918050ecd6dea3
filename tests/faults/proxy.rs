//! The network between the program and a server, as it may behave.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::select;
use tokio::sync::watch;
use tokio::time::sleep;

/// How what passes is treated, from one chunk to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weather {
    Fair,
    /// Nothing passes that the server says; what the program says does.
    Deaf,
    /// Nothing passes either way, and nobody is told.
    Frozen,
    /// Connections break, and none is taken.
    Cut,
    Slow(Duration),
    /// The next chunk of either way loses its second half; then it is fair, but for what is lost.
    Halve,
    /// The next chunk of either way comes twice.
    Duplicate,
}

/// A TCP proxy on a port of its own.
pub(crate) struct Proxy {
    address: SocketAddr,
    weather: watch::Sender<Weather>,
    passed: Arc<AtomicU64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    ToServer,
    ToProgram,
}

impl Proxy {
    pub(crate) async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (weather, watched) = watch::channel(Weather::Fair);
        let passed = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&passed);
        in_background(async move {
            while let Ok((program, _)) = listener.accept().await {
                if *watched.borrow() == Weather::Cut {
                    continue;
                }
                if let Ok(server) = TcpStream::connect(server).await {
                    connect(program, server, &watched, &counter);
                }
            }
        });
        Self {
            address,
            weather,
            passed,
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn set(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }

    /// Chunks that came by so far, whatever became of them.
    pub(crate) fn passed(&self) -> u64 {
        self.passed.load(Ordering::Relaxed)
    }
}

fn connect(
    program: TcpStream,
    server: TcpStream,
    weather: &watch::Receiver<Weather>,
    passed: &Arc<AtomicU64>,
) {
    drop(program.set_nodelay(true));
    drop(server.set_nodelay(true));
    let (from_program, to_program) = program.into_split();
    let (from_server, to_server) = server.into_split();
    let (there, back) = (weather.clone(), weather.clone());
    let (up, down) = (Arc::clone(passed), Arc::clone(passed));
    in_background(async move {
        // When one way ends, so does the other: the halves of a socket go together.
        select! {
            () = carry(Way::ToServer, from_program, to_server, there, &up) => {}
            () = carry(Way::ToProgram, from_server, to_program, back, &down) => {}
        }
    });
}

async fn carry(
    way: Way,
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut weather: watch::Receiver<Weather>,
    passed: &AtomicU64,
) {
    let mut spoilt = Weather::Fair;
    let mut chunk = vec![0; 16 << 10];
    loop {
        let length = select! {
            read = from.read(&mut chunk) => match read {
                Ok(length) if length > 0 => length,
                _ => return,
            },
            _ = weather.wait_for(|it| *it == Weather::Cut) => return,
        };
        passed.fetch_add(1, Ordering::Relaxed);
        let stopped = |it: &Weather| {
            *it == Weather::Frozen || (*it == Weather::Deaf && way == Way::ToProgram)
        };
        let now = match weather.wait_for(|it| !stopped(it)).await {
            Ok(now) => *now,
            Err(_) => return,
        };
        let parts: &[&[u8]] = match now {
            Weather::Cut => return,
            // Once in each spell of it.
            Weather::Halve if spoilt != now => &[&chunk[..length / 2]],
            Weather::Duplicate if spoilt != now => &[&chunk[..length], &chunk[..length]],
            Weather::Slow(by) => {
                sleep(by).await;
                &[&chunk[..length]]
            }
            _ => &[&chunk[..length]],
        };
        for part in parts {
            if to.write_all(part).await.is_err() {
                return;
            }
        }
        spoilt = now;
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "it ends with the test's runtime; there is no shutdown to track it for"
)]
fn in_background(task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(task);
}
