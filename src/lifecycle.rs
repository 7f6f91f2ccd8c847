//! Start and stop of background tasks: the only place that spawns. A stop is asked for once, waited
//! for with a deadline, and then forced.
#![allow(clippy::disallowed_methods)]

use std::future::Future;
use std::time::Duration;

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

    /// Runs a task that ends with the handle it returns.
    pub fn spawn_owned<T: Send + 'static>(
        &self,
        name: &'static str,
        task: impl Future<Output = T> + Send + 'static,
    ) -> Owned<T> {
        Owned(self.tasks.spawn(async move {
            let outcome = task.await;
            tracing::debug!(task = name, "task ended");
            outcome
        }))
    }

    /// Makes the shutdown wait for work that somebody else drives.
    pub async fn track<T>(&self, work: impl Future<Output = T>) -> T {
        self.tasks.track_future(work).await
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

/// A task that is cut off when this is dropped.
pub struct Owned<T>(tokio::task::JoinHandle<T>);

impl<T> Owned<T> {
    /// Waits for its end; `None` when it panicked. Not to be asked again after that.
    pub async fn ended(&mut self) -> Option<T> {
        (&mut self.0).await.ok()
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        self.0.abort();
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
