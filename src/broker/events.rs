//! What a connection says about itself between our calls.
//!
//! A refused publish or request looks like a timeout to whoever made it; the reason comes here only.

use async_nats::{Event, ServerError};

use crate::lifecycle::Member;

/// Turns the events of one connection into readiness and log lines.
pub(super) struct Reporter {
    connection: String,
    health: Member,
}

impl Reporter {
    pub(super) fn new(connection: &str, health: Member) -> Self {
        Self {
            connection: connection.to_owned(),
            health,
        }
    }

    pub(super) fn report(&self, event: &Event) {
        let connection = &self.connection;
        match event {
            Event::Connected => {
                self.health.set(Ok(()));
                tracing::info!(connection, "connected to NATS");
            }
            Event::Disconnected => self.fault("disconnected"),
            // Stays until the next connect: the right was missing, and no event tells that it
            // came. Servers disconnect users whose permissions change.
            Event::ServerError(ServerError::AuthorizationViolation) => {
                self.fault("the server knows no user for our certificate");
            }
            Event::ServerError(ServerError::Other(error)) => self.fault(error),
            Event::ServerError(error @ ServerError::SlowConsumer(_)) => self.note(error),
            // Says why an attempt to connect again failed; one comes with every attempt.
            Event::ClientError(error) => self.fault(&error.to_string()),
            // Dropped messages are delivered again, and no event tells that we caught up; so these
            // are no reason to be sent no more work.
            Event::SlowConsumer(_) | Event::LameDuckMode => self.note(event),
            Event::Draining | Event::Closed => tracing::info!(connection, %event, "NATS"),
        }
    }

    fn fault(&self, fault: &str) {
        self.health
            .set(Err(format!("{}: {fault}", self.connection)));
    }

    fn note(&self, event: &dyn std::fmt::Display) {
        tracing::warn!(connection = self.connection, %event, "NATS");
    }
}
