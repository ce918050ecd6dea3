//! Reads the reply subject of a pulled message, which says where the message is and to whom its
//! acknowledgement goes.
//!
//! Not `async_nats`' own reading: it takes any stream and consumer, and an acknowledgement sent to
//! whatever a reply subject names is a publish somebody else chose.

/// What JetStream says about one delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ack<'a> {
    pub stream: &'a str,
    pub consumer: &'a str,
    /// 1 on the first delivery.
    pub deliveries: u64,
    pub stream_seq: u64,
    pub consumer_seq: u64,
    /// When the stream stored the message, in nanoseconds since 1970.
    pub stored_ns: i64,
    /// How many messages wait behind this one.
    pub pending: u64,
}

/// Why a reply subject is not one to acknowledge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AckError {
    #[error("the reply subject is no JetStream acknowledgement")]
    NotAnAck,
    #[error("the reply subject belongs to another stream")]
    OtherStream,
    #[error("the reply subject belongs to another consumer")]
    OtherConsumer,
    #[error("the reply subject has no readable {0}")]
    Unreadable(&'static str),
}

/// `$JS.ACK` and seven tokens.
const V1_TOKENS: usize = 9;
/// Domain and account hash more, since server 2.14 if switched on; a last random token is optional.
const V2_TOKENS: [usize; 2] = [11, 12];

impl<'a> Ack<'a> {
    /// Reads `reply` as a delivery of exactly this consumer of this stream.
    pub fn parse(reply: &'a str, stream: &str, consumer: &str) -> Result<Self, AckError> {
        let tokens = reply.strip_prefix("$JS.ACK.").ok_or(AckError::NotAnAck)?;
        let mut tokens = Tokens(Some(tokens));
        match 1 + reply.bytes().filter(|b| *b == b'.').count() {
            V1_TOKENS => {}
            count if V2_TOKENS.contains(&count) => {
                tokens.nth(1).ok_or(AckError::NotAnAck)?;
            }
            _ => return Err(AckError::NotAnAck),
        }

        let ack = Self {
            stream: tokens.next().ok_or(AckError::NotAnAck)?,
            consumer: tokens.next().ok_or(AckError::NotAnAck)?,
            deliveries: number(&mut tokens, "delivery count")?,
            stream_seq: number(&mut tokens, "stream sequence")?,
            consumer_seq: number(&mut tokens, "consumer sequence")?,
            stored_ns: number(&mut tokens, "stored-at time")?
                .try_into()
                .or(Err(AckError::Unreadable("stored-at time")))?,
            pending: number(&mut tokens, "pending count")?,
        };
        if ack.stream != stream {
            return Err(AckError::OtherStream);
        }
        if ack.consumer != consumer {
            return Err(AckError::OtherConsumer);
        }
        Ok(ack)
    }
}

/// What stands between the dots. `str::split` takes twice as long for tokens as short as these, and
/// every receipt comes by here.
struct Tokens<'a>(Option<&'a str>);

impl<'a> Iterator for Tokens<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.0?;
        let Some(dot) = rest.bytes().position(|b| b == b'.') else {
            self.0 = None;
            return Some(rest);
        };
        let (token, rest) = rest.split_at(dot);
        self.0 = rest.strip_prefix('.');
        Some(token)
    }
}

/// Digits only: `u64::from_str` would take a plus sign as well, and two subjects would mean one.
fn number(tokens: &mut Tokens<'_>, what: &'static str) -> Result<u64, AckError> {
    let digit = |number: u64, b: u8| {
        let digit = b.is_ascii_digit().then(|| u64::from(b - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    };
    tokens
        .next()
        .filter(|token| !token.is_empty())
        .and_then(|token| token.bytes().try_fold(0, digit))
        .ok_or(AckError::Unreadable(what))
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1: &str = "$JS.ACK.SMS_DLR.dlr-processor.2.4711.815.1732230000123456789.42";

    fn parse(reply: &str) -> Result<Ack<'_>, AckError> {
        Ack::parse(reply, "SMS_DLR", "dlr-processor")
    }

    #[test]
    fn both_forms_say_the_same() {
        let expected = Ack {
            stream: "SMS_DLR",
            consumer: "dlr-processor",
            deliveries: 2,
            stream_seq: 4711,
            consumer_seq: 815,
            stored_ns: 1_732_230_000_123_456_789,
            pending: 42,
        };
        let v2 = V1.replace("$JS.ACK.", "$JS.ACK._.ABCDEF12.");
        let v2_with_domain = V1.replace("$JS.ACK.", "$JS.ACK.hub.ABCDEF12.") + ".x7Fq";
        for reply in [V1, &v2, &v2_with_domain] {
            assert_eq!(parse(reply), Ok(expected), "{reply}");
        }
    }

    #[test]
    fn a_delivery_of_somebody_else_is_refused() {
        let stream = V1.replace("SMS_DLR", "BILLING");
        assert_eq!(parse(&stream), Err(AckError::OtherStream));
        let consumer = V1.replace("dlr-processor", "billing-system");
        assert_eq!(parse(&consumer), Err(AckError::OtherConsumer));
        // The domain and account hash of the second form may say anything, the stream may not.
        let shifted = "$JS.ACK.SMS_DLR.dlr-processor.BILLING.dlr-processor.1.2.3.4.5";
        assert_eq!(parse(shifted), Err(AckError::OtherStream));
    }

    #[test]
    fn other_subjects_are_no_acknowledgements() {
        for reply in [
            "",
            "$JS.ACK.",
            "$JS.ACK.SMS_DLR.dlr-processor",
            "$JS.API.STREAM.PURGE.AUDIT",
            "billing.events",
            "_INBOX_dlrproc.a.b.c.d.e.f.g.h",
            "$JS.ACKS.SMS_DLR.dlr-processor.1.2.3.4.5",
            "$js.ack.SMS_DLR.dlr-processor.1.2.3.4.5",
            "$JS.ACK.SMS_DLR.dlr-processor.1.2.3.4",
            "$JS.ACK.SMS_DLR.dlr-processor.1.2.3.4.5.6",
            "$JS.ACK._.hash.SMS_DLR.dlr-processor.1.2.3.4.5.random.more",
        ] {
            assert_eq!(parse(reply), Err(AckError::NotAnAck), "{reply}");
        }
    }

    #[test]
    fn numbers_are_digits_that_fit() {
        for (token, what) in [
            ("2", "delivery count"),
            ("4711", "stream sequence"),
            ("815", "consumer sequence"),
            ("1732230000123456789", "stored-at time"),
            ("42", "pending count"),
        ] {
            for wrong in ["", "+1", "-1", "1x", "99999999999999999999"] {
                let reply = V1.replace(&format!(".{token}"), &format!(".{wrong}"));
                assert_eq!(parse(&reply), Err(AckError::Unreadable(what)), "{reply}");
            }
        }
        // Fits the sequence's width, not the time's.
        let late = V1.replace("1732230000123456789", "9223372036854775808");
        assert_eq!(parse(&late), Err(AckError::Unreadable("stored-at time")));
    }
}
