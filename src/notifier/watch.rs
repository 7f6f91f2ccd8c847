//! What the file system tells of changes in a directory. Network and container file systems tell nothing, so whoever uses this
//! looks by itself as well, every few seconds; this only makes it sooner.

use std::future::pending;
use std::path::Path;
use std::time::Duration;

use tokio::fs::File;
use tokio::io::AsyncReadExt as _;

/// A file is written in pieces, and each of them is told.
const GATHER: Duration = Duration::from_millis(200);
/// Bytes of what is told at a time.
const EVENTS: usize = 16 * 1024;

pub struct Watch {
    /// `None` where the system does not watch: nothing is ever told.
    changes: Option<File>,
}

impl Watch {
    pub fn new(directory: &Path) -> Self {
        Self { changes: changes_in(directory) }
    }

    /// Resolves after something changed. What it reads waits on a thread of its own, which a stop of the runtime leaves behind.
    pub async fn changed(&mut self) {
        let Some(changes) = &mut self.changes else { return pending().await };
        let mut events = vec![0; EVENTS];
        if !changes.read(&mut events).await.is_ok_and(|read| read > 0) {
            self.changes = None;
            return pending().await;
        }
        tokio::time::sleep(GATHER).await;
    }
}

#[cfg(target_os = "linux")]
fn changes_in(directory: &Path) -> Option<File> {
    use rustix::fs::inotify::{CreateFlags, WatchFlags, add_watch, init};
    let flags = WatchFlags::CREATE | WatchFlags::CLOSE_WRITE | WatchFlags::MODIFY | WatchFlags::MOVED_TO;
    let changes = init(CreateFlags::CLOEXEC).and_then(|changes| add_watch(&changes, directory, flags).map(|_| changes));
    let changes =
        changes.inspect_err(|error| tracing::debug!(%error, "the directory is not watched, only looked into"));
    Some(File::from_std(changes.ok()?.into()))
}

#[cfg(not(target_os = "linux"))]
fn changes_in(_: &Path) -> Option<File> {
    None
}
