//! The pulls that the server has not answered in full.

mod open;

use std::time::{Duration, Instant};

use async_nats::{Client, Message, PublishError, Subject, SubscribeError, Subscriber};
use bytes::Bytes;

use self::open::Open;

/// How long the server keeps a pull open. Short, so that a pull whose answer is lost in a
/// reconnect is soon made good, and because a process that stops waits for the open ones.
const EXPIRES: Duration = Duration::from_secs(2);
/// A pull that is older is lost.
pub(super) const LOST_AFTER: Duration = EXPIRES.saturating_mul(2);

/// The prefix of the API in the streams' own account.
const OWN_API: &str = "$JS.API";

/// How many of the envelopes that a pull asked for had not come when it ended.
const NATS_PENDING_MESSAGES: &str = "Nats-Pending-Messages";

/// How pulls reach the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::pipeline) enum Way {
    /// In the streams' own account: a pull asks for many envelopes.
    Direct,
    /// Through an account's import, so a pull asks for one. The way back carries many answers only
    /// until one has neither payload nor headers, which the server takes for the last: one empty
    /// receipt would cost everything else of its pull a redelivery, that is, `ack_wait`.
    ///
    /// An acknowledgement could be the next pull (`+NXT`). It saved nats-server 7 % and us 5 %, not
    /// enough for a count of open pulls that two sides share, and for envelopes sent to an inbox that
    /// a reconnect has closed.
    Imported,
}

impl Way {
    pub(in crate::pipeline) fn of(api_prefix: &str) -> Self {
        if api_prefix == OWN_API {
            Self::Direct
        } else {
            Self::Imported
        }
    }
}

pub(super) struct Pulls {
    inbox: String,
    pub(super) replies: Subscriber,
    made: u64,
    open: Open,
    pub(super) heard: Instant,
    /// What was last reported, so that health is not reported for every envelope.
    pub(super) healthy: bool,
}

impl Pulls {
    pub(super) async fn subscribe(client: &Client) -> Result<Self, SubscribeError> {
        let inbox = client.new_inbox();
        let replies = client.subscribe(format!("{inbox}.*")).await?;
        Ok(Self {
            inbox,
            replies,
            made: 0,
            open: Open::default(),
            heard: Instant::now(),
            healthy: false,
        })
    }

    pub(super) fn awaited(&self) -> usize {
        self.open.awaited()
    }

    /// Asks for `count` envelopes.
    pub(super) async fn ask(
        &mut self,
        client: &Client,
        subject: &Subject,
        way: Way,
        count: usize,
    ) -> Result<(), PublishError> {
        let batch = match way {
            Way::Direct => count,
            Way::Imported => 1,
        };
        let expires = EXPIRES.as_nanos();
        let request = Bytes::from(format!(r#"{{"batch":{batch},"expires":{expires}}}"#));
        let asked = Instant::now();
        for _ in 0..count / batch {
            self.made += 1;
            self.open.ask(asked, batch);
            let reply = format!("{}.{}", self.inbox, self.made);
            client
                .publish_with_reply(subject.clone(), reply, request.clone())
                .await?;
        }
        Ok(())
    }

    /// An envelope has come. Returns when it was asked for; `None` if none was.
    pub(super) fn answered(&mut self) -> Option<Instant> {
        self.open.answer()
    }

    /// A pull, for so many envelopes where one asks for many, has ended with this status. Returns how many of them were awaited
    /// and will not come.
    pub(super) fn ended(&mut self, status: &Message, way: Way, asked_for: usize) -> usize {
        let headers = status.headers.as_ref();
        let told = headers.and_then(|headers| headers.get(NATS_PENDING_MESSAGES));
        let unanswered = match way {
            Way::Imported => 1,
            // Without that header the server has not served it at all.
            Way::Direct => told
                .and_then(|told| told.as_str().parse().ok())
                .unwrap_or(asked_for),
        };
        self.open.end(unanswered)
    }

    /// Whether a pull is lost.
    pub(super) fn has_lost(&self) -> bool {
        self.open
            .oldest()
            .is_some_and(|asked| asked.elapsed() > LOST_AFTER)
    }
}
