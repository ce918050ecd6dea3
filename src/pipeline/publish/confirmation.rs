//! What a stream answers to a published event.

use async_nats::{Message, StatusCode};
use serde::Deserialize;

use super::{Output, PublishFault};

#[derive(Deserialize)]
struct Confirmation {
    stream: Option<String>,
    error: Option<Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    description: String,
}

/// Whether the stream that was meant has the event. A duplicate is as good: it has it already.
pub(super) fn check(message: &Message, output: &Output) -> Result<(), PublishFault> {
    if message.status == Some(StatusCode::NO_RESPONDERS) {
        return Err(PublishFault::NoStream(output.subject.clone()));
    }
    if is_as_ever(&message.payload, &output.stream) {
        return Ok(());
    }
    let Ok(confirmation) = serde_json::from_slice::<Confirmation>(&message.payload) else {
        return Err(PublishFault::Unreadable(output.subject.to_string()));
    };
    if let Some(Refusal { description }) = confirmation.error {
        return Err(PublishFault::Refused {
            stream: output.stream.clone(),
            description,
        });
    }
    match confirmation.stream {
        Some(stream) if stream == output.stream => Ok(()),
        found => Err(PublishFault::WrongStream {
            subject: output.subject.clone(),
            wanted: output.stream.clone(),
            found: found.unwrap_or_else(|| "nobody".to_owned()),
        }),
    }
}

/// Whether this is, byte for byte, what servers write when `stream` has stored it or had it already.
/// Whatever else it may be is read as JSON. The name of a stream has nothing that JSON escapes.
fn is_as_ever(payload: &[u8], stream: &str) -> bool {
    let sequence = payload
        .strip_prefix(br#"{"stream":""#)
        .and_then(|rest| rest.strip_prefix(stream.as_bytes()))
        .and_then(|rest| rest.strip_prefix(br#"","#))
        // A space up to nats-server 2.10, none in 2.15.
        .map(|rest| rest.strip_prefix(b" ").unwrap_or(rest))
        .and_then(|rest| rest.strip_prefix(br#""seq":"#));
    let Some(sequence) = sequence else {
        return false;
    };
    let digits = sequence.iter().take_while(|it| it.is_ascii_digit()).count();
    let (digits, end) = sequence.split_at(digits);
    !digits.is_empty() && matches!(end, b"}" | br#","duplicate": true}"#)
}

#[cfg(test)]
mod tests;
