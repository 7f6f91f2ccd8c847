//! Start and stop of background tasks: the only place that spawns. A stop is asked for once, waited
//! for with a deadline, and then forced.
#![allow(clippy::disallowed_methods)]

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Owns the process's background tasks.
#[derive(Clone, Default)]
pub struct Lifecycle {
    stop: CancellationToken,
    tasks: TaskTracker,
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
        let cut = CancellationToken::new();
        let (cut_there, alive) = (cut.clone(), self.tasks.token());
        std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            let outcome = runtime.block_on(async { cut_there.run_until_cancelled(task()).await });
            runtime.shutdown_background();
            drop(alive);
            outcome.map(|outcome| sender.send(outcome))
        })?;
        Ok(Apart { outcome, cut })
    }

    /// A token that is cancelled when the process should stop.
    pub fn token(&self) -> CancellationToken {
        self.stop.clone()
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
}

impl<T> Apart<T> {
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

/// Resolves when the process is asked to stop by its terminal or its supervisor.
pub async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        // Without handlers the default action of the signals still ends the process.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
}
