//! Compares what the contract wants with what the server has.
//!
//! Both sides are the same list of named settings, written as an operator would read them; a
//! setting that is not in the list is the operator's own and stays as it is.

use std::{fmt, time::Duration};

use async_nats::jetstream::{consumer, stream};
use jiff::SignedDuration;
use serde::Serialize;

/// One setting that is not as the contract wants it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    pub setting: &'static str,
    pub wanted: String,
    pub found: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: found {:?}, wanted {:?}",
            self.setting, self.found, self.wanted
        )
    }
}

type Settings = Vec<(&'static str, String)>;

/// What keeps `found` from being the `wanted` stream.
pub(super) fn stream_differences(
    wanted: &stream::Config,
    found: &stream::Config,
) -> Vec<Difference> {
    differences(stream_settings(wanted), stream_settings(found))
}

/// What keeps `found` from being the `wanted` consumer.
pub(super) fn consumer_differences(
    wanted: &consumer::Config,
    found: &consumer::Config,
) -> Vec<Difference> {
    differences(consumer_settings(wanted), consumer_settings(found))
}

fn differences(wanted: Settings, found: Settings) -> Vec<Difference> {
    wanted
        .into_iter()
        .zip(found)
        .filter(|((_, wanted), (_, found))| wanted != found)
        .map(|((setting, wanted), (_, found))| Difference {
            setting,
            wanted,
            found,
        })
        .collect()
}

/// The differences that would make the stream `found` forget sooner.
pub(super) fn lowered_limits(wanted: &stream::Config, found: &stream::Config) -> Vec<Difference> {
    // Zero and less are no limit.
    fn lowers<T: Copy + PartialOrd + Default>(wanted: T, found: T) -> bool {
        let none = T::default();
        wanted > none && (found <= none || found > wanted)
    }
    let lowered = [
        ("max_age", lowers(wanted.max_age, found.max_age)),
        ("max_bytes", lowers(wanted.max_bytes, found.max_bytes)),
        ("max_msgs", lowers(wanted.max_messages, found.max_messages)),
    ];
    stream_differences(wanted, found)
        .into_iter()
        .filter(|it| lowered.contains(&(it.setting, true)))
        .collect()
}

fn stream_settings(config: &stream::Config) -> Settings {
    vec![
        ("subjects", config.subjects.join(" ")),
        ("retention", word(&config.retention)),
        ("storage", word(&config.storage)),
        ("discard", word(&config.discard)),
        (
            "discard_new_per_subject",
            config.discard_new_per_subject.to_string(),
        ),
        ("max_age", age(config.max_age)),
        ("max_bytes", limit(config.max_bytes)),
        ("max_msgs", limit(config.max_messages)),
        (
            "max_msgs_per_subject",
            limit(config.max_messages_per_subject),
        ),
        ("max_msg_size", limit(config.max_message_size.into())),
        ("max_consumers", limit(config.max_consumers.into())),
        ("duplicate_window", duration(config.duplicate_window)),
        ("replicas", config.num_replicas.to_string()),
        ("deny_delete", config.deny_delete.to_string()),
        ("deny_purge", config.deny_purge.to_string()),
        ("allow_rollup_hdrs", config.allow_rollup.to_string()),
        ("no_ack", config.no_ack.to_string()),
        ("sealed", config.sealed.to_string()),
        // Ways in which messages come from, go to or turn into what nobody published here.
        ("mirror", given(config.mirror.is_some())),
        (
            "sources",
            given(config.sources.as_ref().is_some_and(|it| !it.is_empty())),
        ),
        ("republish", given(config.republish.is_some())),
        (
            "subject_transform",
            given(config.subject_transform.is_some()),
        ),
    ]
}

fn consumer_settings(config: &consumer::Config) -> Settings {
    let mut filters = config.filter_subjects.clone();
    filters.extend((!config.filter_subject.is_empty()).then(|| config.filter_subject.clone()));
    vec![
        (
            "durable_name",
            config.durable_name.clone().unwrap_or_default(),
        ),
        // A push consumer has one.
        (
            "deliver_subject",
            config.deliver_subject.clone().unwrap_or_default(),
        ),
        ("deliver_policy", word(&config.deliver_policy)),
        ("ack_policy", word(&config.ack_policy)),
        ("ack_wait", duration(config.ack_wait)),
        ("max_deliver", limit(config.max_deliver)),
        ("max_ack_pending", limit(config.max_ack_pending)),
        ("max_waiting", limit(config.max_waiting)),
        (
            "backoff",
            config
                .backoff
                .iter()
                .copied()
                .map(duration)
                .collect::<Vec<_>>()
                .join(" "),
        ),
        ("filter_subjects", filters.join(" ")),
        ("replay_policy", word(&config.replay_policy)),
        ("rate_limit_bps", config.rate_limit.to_string()),
        ("headers_only", config.headers_only.to_string()),
        ("inactive_threshold", duration(config.inactive_threshold)),
        ("max_batch", limit(config.max_batch)),
        ("max_bytes", limit(config.max_bytes)),
        ("max_expires", duration(config.max_expires)),
        ("mem_storage", config.memory_storage.to_string()),
    ]
}

/// The server's own word for it, such as `limits`.
fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        // A policy with a parameter is an object; its text is as good for comparing and reading.
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

/// The server writes "no limit" as -1 or 0, whichever it was given.
fn limit(value: i64) -> String {
    if value > 0 {
        value.to_string()
    } else {
        "unlimited".to_owned()
    }
}

fn age(value: Duration) -> String {
    if value.is_zero() {
        "unlimited".to_owned()
    } else {
        duration(value)
    }
}

fn duration(value: Duration) -> String {
    SignedDuration::try_from(value).map_or_else(|_| format!("{value:?}"), |it| format!("{it:#}"))
}

fn given(is: bool) -> String {
    if is { "given" } else { "none" }.to_owned()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        broker::layout::{self, Layout},
        config,
    };

    const HOUR: Duration = Duration::from_hours(1);

    fn inbound() -> stream::Config {
        Layout::of(&config::Streams::default())
            .streams
            .swap_remove(0)
    }

    #[test]
    fn says_what_differs_in_an_operators_words() {
        let wanted = inbound();
        let found = stream::Config {
            max_age: HOUR,
            max_bytes: 0,
            discard: stream::DiscardPolicy::Old,
            description: Some("the operator's own".into()),
            ..wanted.clone()
        };
        let differences: Vec<_> = stream_differences(&wanted, &found)
            .into_iter()
            .map(|it| format!("{}: {} instead of {}", it.setting, it.found, it.wanted))
            .collect();
        assert_eq!(
            differences,
            [
                "discard: old instead of new",
                "max_age: 1h instead of 72h",
                "max_bytes: unlimited instead of 10737418240",
            ]
        );
        assert!(stream_differences(&wanted, &wanted).is_empty());
    }

    #[test]
    fn only_a_tighter_limit_lowers_retention() {
        let wanted = inbound();
        let lowered = |found: stream::Config| -> Vec<_> {
            lowered_limits(&wanted, &found)
                .into_iter()
                .map(|it| it.setting)
                .collect()
        };
        let longer = stream::Config {
            max_age: 73 * HOUR,
            ..wanted.clone()
        };
        assert_eq!(lowered(longer), ["max_age"]);
        let unlimited = stream::Config {
            max_age: Duration::ZERO,
            max_bytes: -1,
            ..wanted.clone()
        };
        assert_eq!(lowered(unlimited), ["max_age", "max_bytes"]);
        let tighter = stream::Config {
            max_age: HOUR,
            max_bytes: 1,
            ..wanted.clone()
        };
        assert!(lowered(tighter).is_empty());
    }

    #[test]
    fn a_push_consumer_of_the_same_name_differs() {
        use async_nats::jetstream::consumer::IntoConsumerConfig as _;

        let wanted = layout::durable("SMS_DLR", "dlr-processor")
            .config
            .into_consumer_config();
        let found = consumer::Config {
            deliver_subject: Some("billing.events".into()),
            ..wanted.clone()
        };
        let differences = consumer_differences(&wanted, &found);
        assert_eq!(differences.len(), 1);
        assert_eq!(differences[0].setting, "deliver_subject");
    }
}
