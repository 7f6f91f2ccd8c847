//! Match statistics in this process: who looks where files appear, computes what waits, and posts summaries.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tokio::sync::Mutex;

use super::App;
use super::loops::until;
use crate::bus::Topic;
use crate::stats::compute::compute_due;
use crate::stats::directory::{self, Directory};
use crate::stats::due::sessions_due;
use crate::stats::ready;
use crate::stats::sftp::look_due;

/// What one process remembers for it.
#[derive(Default)]
pub(super) struct Stats {
    directory: Mutex<Directory>,
    ready: Mutex<ready::Watch>,
}

impl App {
    /// Looks into the directory of `ETLEGACY_STATS_PATH` when it is time to.
    pub async fn look_for_stats(&self) -> Result<usize> {
        self.stats.directory.lock().await.step(&self.ports).await
    }

    /// Computes what a crash left, posts the summaries that are due, and puts aside what waits for nothing.
    pub async fn finish_stats(&self) -> Result<usize> {
        let done = compute_due(&self.ports).await? + sessions_due(&self.ports).await?;
        Ok(done + self.stats.ready.lock().await.step(&self.ports).await?)
    }

    pub(super) fn start_stats(self: &Arc<Self>) {
        let roles = self.ports.config.roles;
        if roles.intake && self.ports.config.etlegacy.path.is_some() {
            let app = self.clone();
            self.start("directory of statistics", Topic::Stats, move || {
                let app = app.clone();
                async move {
                    app.look_for_stats().await?;
                    Ok((0, directory::EVERY.to_std().ok()))
                }
            });
        }
        if roles.intake && self.ports.ssh.is_some() {
            let app = self.clone();
            self.start("statistics over SSH", Topic::Stats, move || {
                let app = app.clone();
                async move { app.fetch_stats().await }
            });
        }
        if roles.ticker {
            let app = self.clone();
            self.start("statistics", Topic::Stats, move || {
                let app = app.clone();
                async move { app.stats().await }
            });
        }
    }

    /// Whichever process asks first looks for all. What a stop cuts off is not noted as fetched.
    async fn fetch_stats(&self) -> Result<(usize, Option<Duration>)> {
        let looked = self.lifecycle.token().run_until_cancelled_owned(look_due(&self.ports)).await;
        let more = looked.transpose()?.flatten().is_some_and(|looked| looked.more);
        Ok((usize::from(more), None))
    }

    async fn stats(&self) -> Result<(usize, Option<Duration>)> {
        let done = self.finish_stats().await?;
        if done > 0 {
            return Ok((done, None));
        }
        let now = self.ports.clock.now();
        let next = self.ports.store.next_stats_due_at().await?;
        Ok((0, next.map(|at| until(now, at))))
    }
}
