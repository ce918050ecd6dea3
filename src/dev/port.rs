//! Ports for servers that may be stopped and started again.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};

/// Below those that Linux gives to whoever connects: else the port of a server that is down may be taken,
/// even by a client that tries to reach it.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// The next one to try. This process gives each once: who gets it listens only later.
static NEXT: LazyLock<AtomicU16> = LazyLock::new(|| AtomicU16::new(fastrand::u16(..COUNT)));

/// An address on the loopback interface where nobody listens.
pub fn free_address() -> io::Result<SocketAddr> {
    let mut refused = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..COUNT {
        let port = FIRST + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT;
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(listener) => return listener.local_addr(),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}
