//! Delivery receipts in, settled messages out.

pub mod clock;
pub mod config;
pub mod lifecycle;
pub mod telemetry;
pub mod tls;
