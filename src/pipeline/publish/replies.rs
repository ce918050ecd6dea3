//! Reply subjects: the inbox, and behind its last dot a number.

use async_nats::Subject;
use bytes::BytesMut;

pub(super) struct Replies {
    /// With the dot behind it.
    inbox: String,
    /// Never used twice, so that a late confirmation of an earlier attempt is not taken for another's.
    next: u64,
    /// Where the subjects are written, one behind the other.
    buffer: BytesMut,
}

/// Some two hundred subjects.
const BUFFER: usize = 16 << 10;
/// Of a `u64` in decimal.
const DIGITS: usize = 20;

impl Replies {
    pub(super) fn of(inbox: &str) -> Self {
        Self {
            inbox: format!("{inbox}."),
            next: 0,
            buffer: BytesMut::with_capacity(BUFFER),
        }
    }

    /// What they are all heard on.
    pub(super) fn all(&self) -> String {
        format!("{}*", self.inbox)
    }

    /// A new reply subject and its number.
    pub(super) fn next(&mut self) -> (u64, Subject) {
        let number = self.next;
        self.next += 1;
        self.buffer.reserve(self.inbox.len() + DIGITS);
        self.buffer.extend_from_slice(self.inbox.as_bytes());
        let mut digits = itoa::Buffer::new();
        self.buffer
            .extend_from_slice(digits.format(number).as_bytes());
        let subject = Subject::from_utf8(self.buffer.split().freeze());
        (number, subject.expect("an inbox and digits are text"))
    }

    pub(super) fn number(&self, reply: &Subject) -> Option<u64> {
        reply.strip_prefix(self.inbox.as_str())?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_read_back_from_its_reply_subject_and_no_other() {
        let mut replies = Replies::of("_INBOX.ours");
        for expected in 0..1_000 {
            let (number, subject) = replies.next();
            assert_eq!(subject.as_str(), format!("_INBOX.ours.{expected}"));
            assert_eq!(replies.number(&subject), Some(number));
        }
        for strange in [
            "_INBOX.theirs.7",
            "_INBOX.ours.",
            "_INBOX.ours.7.7",
            "_INBOX.ours.x",
        ] {
            assert_eq!(replies.number(&strange.into()), None, "{strange}");
        }
    }
}
