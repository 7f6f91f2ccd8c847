//! When a failed send is tried again. Pure; the jitter is the caller's dice.

use std::time::Duration;

use chrono::TimeDelta;

/// How far jitter moves a wait to either side, as a part of it: what `clock::jitter` takes.
pub const SPREAD: f64 = 0.2;

/// The waits after the first failure, the second, and so on. After the last comes the dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    waits: Vec<Duration>,
}

impl Default for Schedule {
    /// 5 s, 30 s, 2 min, 10 min, 1 h, 6 h.
    fn default() -> Self {
        Self::new([5, 30, 120, 600, 3600, 21_600].map(Duration::from_secs).to_vec())
    }
}

impl Schedule {
    pub fn new(waits: Vec<Duration>) -> Self {
        Self { waits }
    }

    pub fn waits(&self) -> &[Duration] {
        &self.waits
    }

    /// The wait after this many failures (the first is 1), multiplied by `jitter` (1.0 ± [`SPREAD`]).
    /// `None` when the schedule is exhausted. A jitter that is no factor counts as 1.
    pub fn next(&self, failures: u32, jitter: f64) -> Option<TimeDelta> {
        let index = usize::try_from(failures.max(1) - 1).ok()?;
        let wait = self.waits.get(index)?;
        let jitter = if jitter.is_finite() && (0.0..=2.0).contains(&jitter) { jitter } else { 1.0 };
        let millis = (wait.as_secs_f64() * 1000.0 * jitter).round().min(MAX_MILLIS);
        Some(TimeDelta::milliseconds(millis as i64))
    }
}

impl Schedule {
    /// As [`Schedule::next`], but the last wait repeats for ever.
    pub fn capped(&self, failures: u32, jitter: f64) -> TimeDelta {
        let last = u32::try_from(self.waits.len()).unwrap_or(u32::MAX);
        self.next(failures.min(last), jitter).unwrap_or(TimeDelta::seconds(5))
    }
}

/// Ten years: beyond every schedule, within every calendar.
const MAX_MILLIS: f64 = 10.0 * 366.0 * 86_400_000.0;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_default_schedule() {
        let waits: Vec<_> = (1..=7).map(|n| Schedule::default().next(n, 1.0).map(|w| w.num_seconds())).collect();
        assert_eq!(waits, [Some(5), Some(30), Some(120), Some(600), Some(3600), Some(21_600), None]);
        assert_eq!(Schedule::new(vec![]).next(1, 1.0), None);
    }

    #[test]
    fn no_failure_yet_counts_as_the_first() {
        assert_eq!(Schedule::default().next(0, 1.0), Some(TimeDelta::seconds(5)));
    }

    proptest! {
        #[test]
        fn jitter_stays_within_its_spread(failures in 1u32..=6, unit in -1.0f64..=1.0) {
            let schedule = Schedule::default();
            let plain = schedule.next(failures, 1.0).unwrap().num_milliseconds() as f64;
            let moved = schedule.next(failures, 1.0 + SPREAD * unit).unwrap().num_milliseconds() as f64;
            prop_assert!((moved - plain).abs() <= plain * SPREAD + 1.0);
        }

        #[test]
        fn nothing_overflows(seconds in any::<u64>(), failures in any::<u32>(), jitter in any::<f64>()) {
            let wait = Schedule::new(vec![Duration::from_secs(seconds)]).next(failures, jitter);
            prop_assert_eq!(wait.is_some(), failures <= 1);
            prop_assert!(wait.is_none_or(|w| w >= TimeDelta::zero()));
        }
    }
}
