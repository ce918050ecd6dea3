//! Logs: one event a line on standard error.
//!
//! No call site logs a phone number. In case one ever does, or a library's error quotes one, the
//! writer masks what looks like a number before the line leaves the process.

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write};
use std::panic::{self, PanicHookInfo};
use std::thread;

use tracing::{Level, Metadata, error};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use self::redact::{Shape, redact};
use crate::config::{ConfigError, LogFormat, Telemetry};

mod redact;

/// Starts logging, for the whole process and once; panics are logged from here on too.
pub fn init(config: &Telemetry) -> Result<(), ConfigError> {
    let filter = filter(config)?;
    let terminal = io::stderr().is_terminal();
    let text = match config.format {
        LogFormat::Auto => terminal,
        LogFormat::Json => false,
        LogFormat::Text => true,
    };
    let builder = tracing_subscriber::fmt().with_env_filter(filter);
    let started = if text {
        let text = builder.with_ansi(terminal);
        let text = text.with_writer(Redacting(io::stderr, Shape::Text));
        text.finish().with(filter_fn(is_fit_to_log)).try_init()
    } else {
        let json = builder.json().flatten_event(true);
        let json = json.with_writer(Redacting(io::stderr, Shape::Json));
        json.finish().with(filter_fn(is_fit_to_log)).try_init()
    };
    started.map_err(|error| refused(&error))?;
    panic::set_hook(Box::new(log_panic));
    Ok(())
}

/// What to log, if `telemetry.log` can be read.
pub fn filter(config: &Telemetry) -> Result<EnvFilter, ConfigError> {
    EnvFilter::try_new(&config.log).map_err(|error| refused(&error))
}

fn refused(error: &dyn Display) -> ConfigError {
    ConfigError::new("telemetry.log", error.to_string())
}

/// Whatever level is asked for: at TRACE the NATS client logs every payload it reads and writes,
/// and masking knows numbers written in one piece only.
fn is_fit_to_log(event: &Metadata<'_>) -> bool {
    *event.level() != Level::TRACE || event.target().starts_with(env!("CARGO_CRATE_NAME"))
}

/// A panic's text may quote what was being handled, so only its place is logged.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let location = panic
        .location()
        .map(ToString::to_string)
        .unwrap_or_default();
    let thread = thread::current();
    error!(%location, thread = thread.name().unwrap_or("unnamed"), "panicked");
}

/// Masks every line on its way to the inner writer. The subscriber writes an event in one piece.
struct Redacting<M>(M, Shape);

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for Redacting<M> {
    type Writer = RedactingWriter<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        RedactingWriter(self.0.make_writer(), self.1)
    }
}

struct RedactingWriter<W>(W, Shape);

impl<W: Write> Write for RedactingWriter<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.write_all(&redact(line, self.1))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing::info;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(log: impl FnOnce()) -> String {
        let lines = Lines::default();
        let sink = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_writer(Redacting(move || sink.clone(), Shape::Json))
            .finish();
        tracing::subscriber::with_default(subscriber, log);
        String::from_utf8(lines.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn event_is_one_line_of_json_without_numbers() {
        let line = logged(|| {
            info!(
                to = "+447700900123",
                seq = 447_700_900_123_u64,
                "sent to 447700900124\nagain"
            );
        });
        assert_eq!(line.lines().count(), 1);
        let event: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(event["message"], "sent to ***\nagain");
        assert_eq!(event["to"], "***");
        assert_eq!(event["seq"], 447_700_900_123_u64);
        let timestamp = event["timestamp"].as_str().unwrap();
        assert!(timestamp.parse::<jiff::Timestamp>().is_ok(), "{timestamp}");
    }

    #[test]
    fn panic_is_logged_without_its_text() {
        const THREAD: &str = "panics-for-a-test";
        // The hook is the process's; other tests keep theirs.
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            let ours = thread::current().name() == Some(THREAD);
            if ours {
                log_panic(panic);
            } else {
                previous(panic);
            }
        }));
        let panics = || panic::catch_unwind(|| panic!("receipt of +447700900123")).unwrap_err();
        let logs = move || logged(|| drop(panics()));
        let line = thread::Builder::new()
            .name(THREAD.into())
            .spawn(logs)
            .unwrap()
            .join()
            .unwrap();
        let event: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(event["message"], "panicked");
        assert_eq!(event["thread"], THREAD);
        assert!(
            event["location"]
                .as_str()
                .unwrap()
                .starts_with("src/telemetry/tracing.rs:")
        );
        assert!(!line.contains("receipt"), "{line}");
    }
}
