//! Tracked tasks: shutdown waits for them, and one that dies takes the process along.

use std::fmt::Display;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How the tasks of a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// All finished what they held.
    Clean,
    /// The deadline or a second signal cut some short.
    Cut,
    /// One died; the others were asked to finish.
    Crashed,
}

/// How long a connection may take to end after those who used it.
const FAREWELL: Duration = Duration::from_secs(1);

/// Everything that runs, and the two ways to end it.
#[derive(Debug, Clone)]
pub struct Tasks {
    tracker: TaskTracker,
    companions: TaskTracker,
    soft: CancellationToken,
    hard: CancellationToken,
    crashed: Arc<AtomicBool>,
    /// The names of those that run, for the one log line that says who did not finish.
    running: Arc<Mutex<Vec<&'static str>>>,
}

impl Default for Tasks {
    fn default() -> Self {
        let hard = CancellationToken::new();
        Self {
            tracker: TaskTracker::new(),
            companions: TaskTracker::new(),
            soft: hard.child_token(),
            hard,
            crashed: Arc::default(),
            running: Arc::default(),
        }
    }
}

impl Tasks {
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancelled when nothing more is to be taken.
    pub fn soft(&self) -> &CancellationToken {
        &self.soft
    }

    /// Cancelled when everything is to be left.
    pub fn hard(&self) -> &CancellationToken {
        &self.hard
    }

    /// Runs `work` until it is done or everything is left. If it fails or panics, that is logged
    /// here and the process begins to stop.
    pub fn spawn<E: Display>(
        &self,
        name: &'static str,
        work: impl Future<Output = Result<(), E>> + Send + 'static,
    ) {
        let tasks = self.clone();
        let running = Running::new(self, name);
        self.tracker.spawn(async move {
            let _running = running;
            let work = tasks
                .hard
                .run_until_cancelled(AssertUnwindSafe(work).catch_unwind());
            match work.await {
                None | Some(Ok(Ok(()))) => return,
                Some(Ok(Err(error))) => tracing::error!(task = name, %error, "a task failed"),
                // The panic hook has told where; the text might quote a payload.
                Some(Err(_)) => tracing::error!(task = name, "a task panicked"),
            }
            tasks.crashed.store(true, Ordering::Release);
            tasks.soft.cancel();
        });
    }

    /// Runs what serves the tasks and has no end of its own, such as a connection. Once they have ended
    /// it gets a moment to say goodbye, and no more: its other end need not answer.
    pub fn accompany(&self, work: impl Future<Output = ()> + Send + 'static) {
        let hard = self.hard.clone();
        self.companions
            .spawn(async move { hard.run_until_cancelled(work).await.unwrap_or_default() });
    }

    /// Asks for the end: at once softly, after `grace` or when `impatient` resolves by force.
    /// Returns when all tasks have ended.
    pub async fn stop(&self, grace: Duration, impatient: impl Future<Output = ()>) -> Ended {
        self.soft.cancel();
        self.tracker.close();
        self.companions.close();
        let finished = tokio::select! {
            finished = timeout(grace, self.tracker.wait()) => finished.is_ok(),
            () = impatient => false,
        };
        if !finished {
            tracing::warn!(unfinished = ?self.names(), "not waiting any longer");
        } else if timeout(FAREWELL, self.companions.wait()).await.is_err() {
            tracing::debug!("a connection does not end by itself");
        }
        self.hard.cancel();
        self.tracker.wait().await;
        self.companions.wait().await;
        match (self.crashed.load(Ordering::Acquire), finished) {
            (true, _) => Ended::Crashed,
            (false, true) => Ended::Clean,
            (false, false) => Ended::Cut,
        }
    }

    fn names(&self) -> MutexGuard<'_, Vec<&'static str>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A task's entry among the running ones, for as long as it lives.
struct Running {
    tasks: Tasks,
    name: &'static str,
}

impl Running {
    fn new(tasks: &Tasks, name: &'static str) -> Self {
        tasks.names().push(name);
        Self {
            tasks: tasks.clone(),
            name,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut names = self.tasks.names();
        if let Some(at) = names.iter().position(|name| *name == self.name) {
            names.swap_remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::pending;

    use super::*;

    const GRACE: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn a_task_that_heeds_the_soft_stop_ends_cleanly() {
        let tasks = Tasks::new();
        let soft = tasks.soft().clone();
        tasks.spawn("heeds", async move {
            soft.cancelled().await;
            Ok::<_, Infallible>(())
        });
        assert_eq!(tasks.stop(GRACE, pending()).await, Ended::Clean);
    }

    #[tokio::test]
    async fn a_task_that_does_not_is_cut_short() {
        let tasks = Tasks::new();
        tasks.spawn("deaf", pending::<Result<(), Infallible>>());
        assert_eq!(tasks.stop(Duration::ZERO, pending()).await, Ended::Cut);
        let tasks = Tasks::new();
        tasks.spawn("deaf", pending::<Result<(), Infallible>>());
        assert_eq!(tasks.stop(GRACE, async {}).await, Ended::Cut);
    }

    #[tokio::test]
    async fn those_who_did_not_finish_are_known_by_name() {
        let tasks = Tasks::new();
        tasks.spawn("deaf", pending::<Result<(), Infallible>>());
        let soft = tasks.soft().clone();
        tasks.spawn("heeds", async move {
            soft.cancelled().await;
            Ok::<_, Infallible>(())
        });
        assert_eq!(*tasks.names(), ["deaf", "heeds"]);
        let mut unfinished = Vec::new();
        let impatient = async {
            while tasks.names().len() > 1 {
                tokio::task::yield_now().await;
            }
            unfinished.clone_from(&tasks.names());
        };
        assert_eq!(tasks.stop(GRACE, impatient).await, Ended::Cut);
        assert_eq!(unfinished, ["deaf"]);
        assert!(tasks.names().is_empty());
    }

    #[tokio::test]
    async fn what_accompanies_the_tasks_keeps_nobody_waiting() {
        let tasks = Tasks::new();
        tasks.accompany(pending());
        let began = std::time::Instant::now();
        assert_eq!(tasks.stop(GRACE, pending()).await, Ended::Clean);
        assert!(began.elapsed() < GRACE / 2);
    }

    #[tokio::test]
    async fn what_accompanies_the_tasks_outlives_them() {
        let tasks = Tasks::new();
        let (task, companion) = tokio::sync::oneshot::channel::<()>();
        let (done, ended) = tokio::sync::oneshot::channel();
        tasks.accompany(async move {
            // Until the task has dropped its end.
            companion.await.unwrap_err();
            done.send(()).unwrap();
        });
        let soft = tasks.soft().clone();
        tasks.spawn("heeds", async move {
            soft.cancelled().await;
            drop(task);
            Ok::<_, Infallible>(())
        });
        assert_eq!(tasks.stop(GRACE, pending()).await, Ended::Clean);
        ended.await.unwrap();
    }

    #[tokio::test]
    async fn a_task_that_dies_takes_the_process_along() {
        for panics in [false, true] {
            let tasks = Tasks::new();
            tasks.spawn("dies", async move {
                assert!(!panics, "on purpose");
                Err("on purpose")
            });
            tasks.soft().cancelled().await;
            assert_eq!(tasks.stop(GRACE, pending()).await, Ended::Crashed);
        }
    }
}
