//! The one place that reads the wall clock or makes randomness. Everything else is handed a `Clock`.
//!
//! The production clock follows PostgreSQL: `follow` sets the offset between this machine and the
//! server, so that leases written by two machines compare. Tests drive one manual clock.
#![allow(clippy::disallowed_methods)]

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::{ContextV7, Timestamp, Uuid};

/// A step of the measured offset larger than this stops claiming until it is measured again.
pub const MAX_STEP: TimeDelta = TimeDelta::seconds(2);

/// A source of "now". Cheap to clone; clones share their state.
#[derive(Clone)]
pub struct Clock(Arc<Inner>);

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hands.fmt(f)
    }
}

struct Inner {
    hands: Hands,
    /// Ids made here are in the order in which they were made, also within a millisecond.
    ids: Mutex<ContextV7>,
}

#[derive(Debug)]
enum Hands {
    System { offset_us: AtomicI64, trusted: AtomicBool },
    Manual { now_us: AtomicI64 },
}

impl Clock {
    /// The machine's clock plus the measured offset to PostgreSQL (0 until `follow` is called).
    pub fn system() -> Self {
        Self::of(Hands::System { offset_us: AtomicI64::new(0), trusted: AtomicBool::new(true) })
    }

    /// A clock that stands still until a test advances it.
    pub fn manual(start: DateTime<Utc>) -> Self {
        Self::of(Hands::Manual { now_us: AtomicI64::new(start.timestamp_micros()) })
    }

    fn of(hands: Hands) -> Self {
        Self(Arc::new(Inner { hands, ids: Mutex::new(ContextV7::new()) }))
    }

    pub fn now(&self) -> DateTime<Utc> {
        let micros = match &self.0.hands {
            Hands::System { offset_us, .. } => Utc::now().timestamp_micros() + offset_us.load(Ordering::Relaxed),
            Hands::Manual { now_us } => now_us.load(Ordering::SeqCst),
        };
        DateTime::from_timestamp_micros(micros).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// Moves a manual clock; does nothing to the system's.
    pub fn advance(&self, by: TimeDelta) {
        if let Hands::Manual { now_us } = &self.0.hands {
            now_us.fetch_add(by.num_microseconds().unwrap_or(i64::MAX), Ordering::SeqCst);
        }
    }

    /// Takes PostgreSQL's `clock_timestamp()`, read in the middle of a round trip, as the truth.
    /// Returns false when the offset moved by more than [`MAX_STEP`]: claims wait for a second reading.
    pub fn follow(&self, server_now: DateTime<Utc>) -> bool {
        let Hands::System { offset_us, trusted } = &self.0.hands else { return true };
        let measured = server_now.timestamp_micros() - Utc::now().timestamp_micros();
        let before = offset_us.swap(measured, Ordering::Relaxed);
        let step = TimeDelta::microseconds((measured - before).abs());
        let ok = step <= MAX_STEP;
        trusted.store(ok, Ordering::Relaxed);
        ok
    }

    /// False between a step of the clock and the next reading that agrees with it.
    pub fn is_trusted(&self) -> bool {
        match &self.0.hands {
            Hands::System { trusted, .. } => trusted.load(Ordering::Relaxed),
            Hands::Manual { .. } => true,
        }
    }

    /// A UUIDv7 whose time part is this clock's, larger than those before.
    pub fn uuid(&self) -> Uuid {
        let now = self.now();
        let seconds = u64::try_from(now.timestamp()).unwrap_or(0);
        Uuid::new_v7(Timestamp::from_unix(&self.0.ids, seconds, now.timestamp_subsec_nanos()))
    }
}

/// A monotonic stopwatch for durations shown to people and written to the attempt log.
pub struct Stopwatch(std::time::Instant);

impl Stopwatch {
    pub fn start() -> Self {
        Self(std::time::Instant::now())
    }
    pub fn elapsed(&self) -> std::time::Duration {
        self.0.elapsed()
    }
}

/// `len` random bytes from the operating system's generator.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0u8; N];
    // The system generator of aws-lc does not fail once it is seeded; without it nothing here is safe.
    aws_lc_rs::rand::fill(&mut bytes).expect("the system's random generator answers");
    bytes
}

/// A random factor in `1 - spread ..= 1 + spread`, for jitter.
pub fn jitter(spread: f64) -> f64 {
    let unit = f64::from(u32::from_le_bytes(random_bytes::<4>())) / f64::from(u32::MAX);
    1.0 + spread * (2.0 * unit - 1.0)
}
