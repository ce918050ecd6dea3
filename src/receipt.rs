//! The meaning of a receipt; no I/O.
pub mod ids;
pub mod phone;
