//! What tests stand on: real servers, shared where that is safe.
//!
//! [`servers`] has one PostgreSQL for the whole run, [`Database`] is a test's own copy of a migrated
//! database on it, and [`eventually`] waits for something that can be seen. The servers end when
//! this process does, in whichever way: their supervisor listens on a pipe from it.
mod database;
mod eventually;
mod http;
pub(crate) mod nats;
mod process;
mod servers;
mod test_app;

pub(crate) use database::{Database, drive};
pub(crate) use eventually::eventually;
pub(crate) use http::http;
pub(crate) use process::{Process, reconcile, report, run, signal};
pub(crate) use servers::{DLR, servers};
pub(crate) use test_app::{Broker, PATIENCE, Published, TestApp, receipt};
