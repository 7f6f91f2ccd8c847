//! The one source of time of the stand-in: the system's clock, or a clock that a test moves by hand.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Duration, Utc};

/// Cheap to clone; all clones show the same time.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Mutex<Mode>>);

#[derive(Clone, Copy, Debug)]
enum Mode {
    /// The system's clock plus what was added by [`Clock::advance`].
    System(Duration),
    Manual(DateTime<Utc>),
}

impl Clock {
    pub fn system() -> Self {
        Self(Arc::new(Mutex::new(Mode::System(Duration::zero()))))
    }

    /// Stands still at `start` until it is moved.
    pub fn manual(start: DateTime<Utc>) -> Self {
        Self(Arc::new(Mutex::new(Mode::Manual(start))))
    }

    pub fn now(&self) -> DateTime<Utc> {
        match *self.mode() {
            Mode::System(offset) => Utc::now() + offset,
            Mode::Manual(at) => at,
        }
    }

    pub fn advance(&self, by: Duration) {
        let mut mode = self.mode();
        *mode = match *mode {
            Mode::System(offset) => Mode::System(offset + by),
            Mode::Manual(at) => Mode::Manual(at + by),
        };
    }

    pub fn set(&self, to: DateTime<Utc>) {
        let mut mode = self.mode();
        *mode = match *mode {
            Mode::System(_) => Mode::System(to - Utc::now()),
            Mode::Manual(_) => Mode::Manual(to),
        };
    }

    fn mode(&self) -> MutexGuard<'_, Mode> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}
