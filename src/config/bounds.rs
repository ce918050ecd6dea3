//! The checks that more than one section uses.

use std::time::Duration;

use validator::ValidationError;

/// `"250ms"`, `"5s"`, `"73h"`, in and out.
pub(super) use jiff::fmt::serde::unsigned_duration::friendly::compact::required as duration;

pub(super) fn within_ms<const MIN: u64, const MAX: u64>(
    value: &Duration,
) -> Result<(), ValidationError> {
    const { assert!(MIN <= MAX, "bounds the wrong way round") };
    let (min, max) = (Duration::from_millis(MIN), Duration::from_millis(MAX));
    if (min..=max).contains(value) {
        return Ok(());
    }
    let message = format!("is {value:?}; must be {min:?} to {max:?}");
    Err(ValidationError::new("within_ms").with_message(message.into()))
}

/// A NATS subject without wildcards.
pub(super) fn plain_subject(subject: &str) -> Result<(), ValidationError> {
    if tokens(subject).all(|token| is_token(token) && !matches!(token, "*" | ">")) {
        return Ok(());
    }
    Err(ValidationError::new("subject")
        .with_message("must be a NATS subject without wildcards".into()))
}

/// A NATS subject that may hold wildcards.
pub(super) fn subject_filter(subject: &str) -> Result<(), ValidationError> {
    let last = tokens(subject).count() - 1;
    let mut tokens = tokens(subject).enumerate();
    if tokens.all(|(at, token)| is_token(token) && (token != ">" || at == last)) {
        return Ok(());
    }
    Err(ValidationError::new("subject").with_message("must be a NATS subject".into()))
}

/// A name of a stream or consumer.
pub(super) fn stream_name(name: &str) -> Result<(), ValidationError> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    if (1..=64).contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(());
    }
    Err(ValidationError::new("name").with_message("must be 1 to 64 of A-Z a-z 0-9 _ -".into()))
}

fn tokens(subject: &str) -> impl Iterator<Item = &str> {
    subject.split('.')
}

fn is_token(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic())
}
