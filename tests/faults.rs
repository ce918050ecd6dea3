//! Whatever fails, nothing is lost and nothing counts twice.
//!
//! Each test runs the real program against real servers, lets one thing fail under traffic, and asks
//! three witnesses from outside when it is over: `dlr reconcile`, the tables and streams themselves
//! held against a reference model of what the published receipts amount to, and the messages.

mod bounds;
mod clock;
mod kills;
mod model;
mod nats;
mod network;
mod postgres;
mod proxy;
mod replicas;
mod traffic;
mod walk;
mod world;
