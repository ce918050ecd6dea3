//! What a stream answers to a published event.

use async_nats::{Message, StatusCode};
use serde::Deserialize;

use super::{Output, PublishFault};

#[derive(Deserialize)]
struct Confirmation {
    stream: Option<String>,
    seq: Option<u64>,
    error: Option<Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    description: String,
}

/// Where in the stream that was meant the event lies. A duplicate is as good: it is there already.
pub(super) fn check(message: &Message, output: &Output) -> Result<u64, PublishFault> {
    if message.status == Some(StatusCode::NO_RESPONDERS) {
        return Err(PublishFault::NoStream(output.subject.clone()));
    }
    if let Some(sequence) = as_ever(&message.payload, &output.stream) {
        return Ok(sequence);
    }
    let unreadable = || PublishFault::Unreadable(output.subject.to_string());
    let confirmation: Confirmation =
        serde_json::from_slice(&message.payload).map_err(|_json| unreadable())?;
    if let Some(Refusal { description }) = confirmation.error {
        return Err(PublishFault::Refused {
            stream: output.stream.clone(),
            description,
        });
    }
    match confirmation.stream {
        Some(stream) if stream == output.stream => confirmation.seq.ok_or_else(unreadable),
        found => Err(PublishFault::WrongStream {
            subject: output.subject.clone(),
            wanted: output.stream.clone(),
            found: found.unwrap_or_else(|| "nobody".to_owned()),
        }),
    }
}

/// The sequence in what is, byte for byte, as servers write it when `stream` has stored an event or
/// had it already. Whatever else it may be is read as JSON. The name of a stream has nothing that JSON
/// escapes.
fn as_ever(payload: &[u8], stream: &str) -> Option<u64> {
    let sequence = payload
        .strip_prefix(br#"{"stream":""#)
        .and_then(|rest| rest.strip_prefix(stream.as_bytes()))
        .and_then(|rest| rest.strip_prefix(br#"","#))
        // A space up to nats-server 2.10, none in 2.15.
        .map(|rest| rest.strip_prefix(b" ").unwrap_or(rest))
        .and_then(|rest| rest.strip_prefix(br#""seq":"#))?;
    let digits = sequence.iter().take_while(|it| it.is_ascii_digit()).count();
    let (digits, end) = sequence.split_at(digits);
    if !matches!(end, b"}" | br#","duplicate": true}"#) {
        return None;
    }
    str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests;
