//! Delivery receipts in, settled messages out.

pub mod app;
pub mod broker;
pub mod clock;
pub mod config;
pub mod events;
pub mod lifecycle;
pub mod pipeline;
pub mod probes;
pub mod receipt;
pub mod seal;
pub mod store;
pub mod telemetry;
pub mod tls;
