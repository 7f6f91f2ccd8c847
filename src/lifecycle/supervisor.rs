//! What systemd is told, where it asks for it (`Type=notify`): ready, stopping, and that the loops make
//! progress. Without `NOTIFY_SOCKET` in the environment nothing is told to anybody.

use std::time::Duration;

use sd_notify::NotifyState;

use super::Lifecycle;

/// Listening, prepared, and able to work.
pub fn ready() {
    tell(NotifyState::Ready);
}

pub fn stopping() {
    tell(NotifyState::Stopping);
}

/// Feeds the watchdog for as long as no loop stands still, from a task of its own. Does nothing where
/// no watchdog waits.
pub fn keep_watchdog(lifecycle: &Lifecycle) {
    let Some(limit) = sd_notify::watchdog_enabled().filter(|limit| !limit.is_zero()) else { return };
    let (pulse, stop) = (lifecycle.pulse(), lifecycle.token());
    lifecycle.spawn("watchdog", async move {
        let mut said = false;
        while !stop.is_cancelled() {
            let stalled = pulse.stalled(limit);
            if stalled.is_empty() {
                tell(NotifyState::Watchdog);
            } else if !said {
                tracing::error!(tasks = stalled.join(", "), "no progress: the watchdog is no longer fed");
            }
            said = !stalled.is_empty();
            // Twice as often as asked would do; a third leaves room for a busy machine.
            rest(limit / 3, &stop).await;
        }
    });
}

async fn rest(wait: Duration, stop: &tokio_util::sync::CancellationToken) {
    let _ = stop.run_until_cancelled(tokio::time::sleep(wait)).await;
}

/// A supervisor that does not listen is no reason to stop.
fn tell(state: NotifyState) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::debug!(%error, "the service manager could not be told");
    }
}
