//! Start and stop of background tasks: the only place that spawns. A stop is asked for once, waited
//! for with a deadline, and then forced.
#![allow(clippy::disallowed_methods)]

mod pulse;
pub mod supervisor;
pub mod together;

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

pub use pulse::Pulse;

/// Owns the process's background tasks.
#[derive(Clone, Debug, Default)]
pub struct Lifecycle {
    stop: CancellationToken,
    tasks: TaskTracker,
    doors: TaskTracker,
    pulse: Pulse,
}

impl Lifecycle {
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs a task that is waited for at shutdown. The name is for the log.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(async move {
            task.await;
            tracing::debug!(task = name, "task ended");
        });
    }

    /// The same from a thread of another runtime: `there` runs it.
    pub fn spawn_on(&self, there: &Handle, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn_on(task, there);
    }

    /// Runs a task on a thread and a runtime of its own, for work that may keep its thread busy without a
    /// pause: nothing else then waits for it. It is cut off when the handle is dropped, at its next pause.
    pub fn spawn_apart<F>(&self, name: &str, task: impl FnOnce() -> F + Send + 'static) -> io::Result<Apart<F::Output>>
    where
        F: Future<Output: Send + 'static>,
    {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (sender, outcome) = oneshot::channel();
        let (cut, breaths) = (CancellationToken::new(), Arc::new(AtomicU64::new(0)));
        let (cut_there, breaths_there, alive) = (cut.clone(), breaths.clone(), self.tasks.token());
        std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            let work = async {
                tokio::select! {
                    outcome = task() => outcome,
                    never = breathe(&breaths_there) => match never {},
                }
            };
            let outcome = runtime.block_on(cut_there.run_until_cancelled(work));
            runtime.shutdown_background();
            drop(alive);
            outcome.map(|outcome| sender.send(outcome))
        })?;
        Ok(Apart { outcome, cut, breaths })
    }

    /// A token that is cancelled when the process should stop.
    pub fn token(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Where the loops say that they make progress.
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// A way in by which work still arrives after the stop: it is open until the token is dropped.
    pub fn open_door(&self) -> TaskTrackerToken {
        self.doors.token()
    }

    /// Resolves when the process stops and nothing can come in any more.
    pub async fn doors_closed(&self) {
        self.stop.cancelled().await;
        self.doors.close();
        self.doors.wait().await;
    }

    pub fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Asks every task to stop.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Stops and waits. Returns false when the deadline passed with tasks still running.
    pub async fn shutdown(&self, deadline: Duration) -> bool {
        self.stop.cancel();
        self.tasks.close();
        tokio::time::timeout(deadline, self.tasks.wait()).await.is_ok()
    }
}

/// See [`Lifecycle::spawn_apart`].
pub struct Apart<T> {
    outcome: oneshot::Receiver<T>,
    cut: CancellationToken,
    breaths: Arc<AtomicU64>,
}

/// How often a thread apart shows that its task gives it away.
const BREATH: Duration = Duration::from_millis(50);

async fn breathe(breaths: &AtomicU64) -> Infallible {
    loop {
        tokio::time::sleep(BREATH).await;
        breaths.fetch_add(1, Ordering::Relaxed);
    }
}

impl<T> Apart<T> {
    /// Grows while the task pauses now and then, as tasks do. One that stands still is turning round.
    pub fn breaths(&self) -> u64 {
        self.breaths.load(Ordering::Relaxed)
    }

    /// Waits for its end; `None` when it panicked. Not to be asked again after that.
    pub async fn ended(&mut self) -> Option<T> {
        (&mut self.outcome).await.ok()
    }
}

impl<T> Drop for Apart<T> {
    fn drop(&mut self) {
        self.cut.cancel();
    }
}

/// The wishes of a terminal or a supervisor that the process should stop. From the moment it exists the
/// signals no longer end the process by themselves.
pub struct StopSignals(Option<(Signal, Signal)>);

impl StopSignals {
    pub fn new() -> Self {
        // Without handlers the default action of the signals still ends the process.
        let both = signal(SignalKind::terminate()).and_then(|term| Ok((term, signal(SignalKind::interrupt())?)));
        Self(both.ok())
    }

    /// Resolves at the next one.
    pub async fn next(&mut self) {
        match &mut self.0 {
            None => std::future::pending().await,
            Some((term, int)) => tokio::select! {
                _ = term.recv() => {}
                _ = int.recv() => {}
            },
        }
    }
}

impl Default for StopSignals {
    fn default() -> Self {
        Self::new()
    }
}
