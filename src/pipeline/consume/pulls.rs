//! The pulls that the server has not answered in full.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use async_nats::{Client, Message, PublishError, Subject, SubscribeError, Subscriber};
use bytes::Bytes;

/// How long the server keeps a pull open. Short, so that a pull whose answer is lost in a
/// reconnect is soon made good, and because a process that stops waits for the open ones.
pub(super) const EXPIRES: Duration = Duration::from_secs(2);

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
    /// Oldest first. An envelope does not say which pull it answers, and the server serves those that
    /// are open in turns; it counts for the oldest. So it is never taken for younger than it is: as
    /// many as the older ones asked for can have been sent before a pull was made, and no more.
    open: VecDeque<Pull>,
    /// Envelopes that are still to come; room for as many is reserved.
    awaited: usize,
    pub(super) heard: Instant,
    /// What was last reported, so that health is not reported for every envelope.
    pub(super) healthy: bool,
}

struct Pull {
    asked: Instant,
    left: usize,
}

impl Pulls {
    pub(super) async fn subscribe(client: &Client) -> Result<Self, SubscribeError> {
        let inbox = client.new_inbox();
        let replies = client.subscribe(format!("{inbox}.*")).await?;
        Ok(Self {
            inbox,
            replies,
            made: 0,
            open: VecDeque::new(),
            awaited: 0,
            heard: Instant::now(),
            healthy: false,
        })
    }

    pub(super) fn awaited(&self) -> usize {
        self.awaited
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
            self.awaited += batch;
            self.open.push_back(Pull { asked, left: batch });
            let reply = format!("{}.{}", self.inbox, self.made);
            client
                .publish_with_reply(subject.clone(), reply, request.clone())
                .await?;
        }
        Ok(())
    }

    /// When the envelope that comes now was asked for; `None` if none was.
    pub(super) fn asked(&self) -> Option<Instant> {
        self.open.front().map(|pull| pull.asked)
    }

    /// As many envelopes have come, or will not come.
    pub(super) fn answered(&mut self, count: usize) {
        let mut count = count.min(self.awaited);
        self.awaited -= count;
        while count > 0
            && let Some(oldest) = self.open.front_mut()
        {
            let answered = count.min(oldest.left);
            count -= answered;
            oldest.left -= answered;
            if oldest.left == 0 {
                self.open.pop_front();
            }
        }
    }

    /// How many envelopes the pull that this status ends had still asked for.
    pub(super) fn unanswered(&self, status: &Message, way: Way, pull: usize) -> usize {
        let headers = status.headers.as_ref();
        let told = headers.and_then(|headers| headers.get(NATS_PENDING_MESSAGES));
        let unanswered = match way {
            Way::Imported => 1,
            // Without that header the server has not served it at all.
            Way::Direct => told
                .and_then(|told| told.as_str().parse().ok())
                .unwrap_or(pull),
        };
        unanswered.min(self.awaited)
    }
}
