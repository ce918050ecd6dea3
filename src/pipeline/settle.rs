//! Acknowledge, delay or terminate: the last word to the server about an envelope.

use std::time::Duration;

use async_nats::Client;
use bytes::Bytes;

use super::envelope::{Envelope, Holdings};

/// How an envelope ends for the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Settlement {
    /// Its disposition is committed and its events are confirmed.
    Acknowledge,
    /// Its message may yet come: deliver it again after this long. It has no disposition.
    Delay(Duration),
    /// It was rejected for this reason, and that is committed.
    Terminate(String),
}

impl Settlement {
    /// The protocol's words; the client's own `Term` carries no reason.
    fn words(&self) -> Bytes {
        match self {
            Self::Acknowledge => Bytes::new(),
            Self::Delay(delay) => format!("-NAK {{\"delay\":{}}}", delay.as_nanos()).into(),
            Self::Terminate(reason) => format!("+TERM {reason}").into(),
        }
    }
}

/// Settles envelopes over the connection that they came by. A word that is lost on the way costs a
/// redelivery, which changes nothing; so a failure to send is left to the connection's own report.
pub(super) async fn settle(
    client: &Client,
    holdings: &Holdings,
    batch: impl Iterator<Item = (Envelope, Settlement)>,
) -> Result<(), async_nats::PublishError> {
    let (holds, settlements): (Vec<_>, Vec<_>) = batch
        .map(|(envelope, settlement)| (envelope.hold, settlement))
        .unzip();
    let replies = holdings.release(holds);
    for (reply, settlement) in replies.into_iter().zip(settlements) {
        if let Some(reply) = reply {
            client.publish(reply, settlement.words()).await?;
        }
    }
    Ok(())
}

/// Tells the server that an envelope is still being worked on.
pub(super) const IN_PROGRESS: Bytes = Bytes::from_static(b"+WPI");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_the_protocols() {
        assert_eq!(Settlement::Acknowledge.words(), "");
        assert_eq!(
            Settlement::Delay(Duration::from_secs(1)).words(),
            "-NAK {\"delay\":1000000000}"
        );
        assert_eq!(
            Settlement::Terminate("too_deep".into()).words(),
            "+TERM too_deep"
        );
    }
}
