//! Whether the loops make progress: each says when it begins a piece of work and when it rests. One that
//! works on a single piece for longer than allowed is stalled, and so is the program.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What is known of all loops of a process. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Pulse(Arc<Mutex<BTreeMap<&'static str, Instant>>>);

impl Pulse {
    /// A piece of work begins, or goes on after the one before it.
    pub fn beat(&self, task: &'static str) {
        self.lock().insert(task, Instant::now());
    }

    /// There is nothing to do; resting may last.
    pub fn rest(&self, task: &'static str) {
        self.lock().remove(task);
    }

    /// The loops that have been at one piece of work for longer than this.
    pub fn stalled(&self, limit: Duration) -> Vec<&'static str> {
        let beats = self.lock();
        beats.iter().filter(|(_, since)| since.elapsed() > limit).map(|(task, _)| *task).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_works_too_long_at_one_piece_is_stalled() {
        let pulse = Pulse::default();
        let limit = Duration::from_secs(60);
        pulse.beat("planner");
        pulse.beat("deliverer");
        tokio::time::advance(Duration::from_secs(40)).await;
        pulse.beat("deliverer");
        tokio::time::advance(Duration::from_secs(40)).await;
        assert_eq!(pulse.stalled(limit), ["planner"]);
        pulse.rest("planner");
        assert!(pulse.stalled(limit).is_empty());
    }
}
