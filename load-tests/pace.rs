//! How fast the machine is while a run lasts.
//!
//! A virtual machine shares its cores with others that come and go: the same work takes half as long
//! again from one minute to the next, our own processor time included. So a known piece of work is
//! timed again and again beside each run, to tell a slower processor from a slower machine.

use std::hint::black_box;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// With it about six in a thousand of one core, which count as the generator's.
const EVERY: Duration = Duration::from_millis(50);
const TIMES: u32 = 50;

/// Text and memory, as what is measured: a JSON text read into a tree.
const WORK: &str = r#"{"carrierId":"northtel","operatorMessageId":"a1-9e370001","stat":"DELIVRD",
    "err":"000","submitDate":"2611221200","doneDate":"2611221201","sourceAddr":"+447700900123",
    "tlv":{"receiptedMessageId":"a1-9e370001","messageState":2,"networkErrorCode":"030000"}}"#;

/// Takes samples until it is ended.
pub(crate) struct Pace {
    end: Sender<()>,
    sampler: JoinHandle<f64>,
}

impl Pace {
    pub(crate) fn start() -> Self {
        let (end, ended) = mpsc::channel();
        let sampler = thread::spawn(move || {
            let (mut sum, mut samples) = (sample(), 1.0);
            while ended.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                sum += sample();
                samples += 1.0;
            }
            sum / samples
        });
        Self { end, sampler }
    }

    /// Nanoseconds that one piece of work took of a processor, in the mean.
    pub(crate) fn end(self) -> f64 {
        drop(self.end);
        self.sampler.join().unwrap_or(f64::NAN)
    }
}

fn sample() -> f64 {
    let before = processor_time();
    for _ in 0..TIMES {
        let tree: Result<serde_json::Value, _> = serde_json::from_str(black_box(WORK));
        black_box(tree).ok();
    }
    (processor_time() - before) / f64::from(TIMES)
}

/// Nanoseconds of the processor that this thread has had.
fn processor_time() -> f64 {
    let spent = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(spent).unwrap_or_default().as_secs_f64() * 1e9
}
