//! The behaviour of the processor against real servers; one binary, so that all share one PostgreSQL.
