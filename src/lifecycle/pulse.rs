//! Whether the loops make progress: each says when it begins a piece of work and when it rests. One that
//! works on a single piece for longer than allowed is stalled, and so is the program.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What is known of all loops of a process. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Pulse(Arc<Beats>);

#[derive(Debug, Default)]
struct Beats {
    /// Since when each is at its piece of work; a loop by its name, and further tasks by a number, too.
    since: Mutex<BTreeMap<(&'static str, u64), Instant>>,
    tasks: AtomicU64,
}

impl Pulse {
    /// The loop of this name begins a piece of work, or goes on with the next.
    pub fn beat(&self, name: &'static str) {
        self.lock().insert((name, 0), Instant::now());
    }

    /// It has nothing to do; resting may last.
    pub fn rest(&self, name: &'static str) {
        self.lock().remove(&(name, 0));
    }

    /// Work of which there is more than one of a name at a time. It ends with the value.
    pub fn begin(&self, name: &'static str) -> Work {
        let work = Work { pulse: self.clone(), key: (name, 1 + self.0.tasks.fetch_add(1, Ordering::Relaxed)) };
        work.beat();
        work
    }

    /// Those that have been at one piece of work for longer than this.
    pub fn stalled(&self, limit: Duration) -> Vec<&'static str> {
        let since = self.lock();
        let mut names: Vec<_> =
            since.iter().filter(|(_, at)| at.elapsed() > limit).map(|((name, _), _)| *name).collect();
        names.dedup();
        names
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(&'static str, u64), Instant>> {
        self.0.since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See [`Pulse::begin`].
pub struct Work {
    pulse: Pulse,
    key: (&'static str, u64),
}

impl Work {
    /// It goes on with the next piece.
    pub fn beat(&self) {
        self.pulse.lock().insert(self.key, Instant::now());
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.pulse.lock().remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_works_too_long_at_one_piece_is_stalled() {
        let pulse = Pulse::default();
        pulse.beat("planner");
        let (one, other) = (pulse.begin("lane"), pulse.begin("lane"));
        assert!(pulse.stalled(Duration::from_secs(60)).is_empty());
        let all_stalled = || pulse.stalled(Duration::ZERO) == ["lane", "planner"];
        assert!((0..1_000_000).any(|_| all_stalled()), "time passes");
        pulse.rest("planner");
        drop(one);
        assert!((0..1_000_000).any(|_| pulse.stalled(Duration::ZERO) == ["lane"]), "the other one is at it still");
        other.beat();
        drop(other);
        assert!(pulse.stalled(Duration::ZERO).is_empty());
    }
}
