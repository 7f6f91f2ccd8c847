//! When chat last came from a broadcaster: noted in memory for every message, so that it can be kept now and then.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

/// Between two savings.
const EVERY: TimeDelta = TimeDelta::seconds(30);

/// Of this process.
#[derive(Debug, Default)]
pub struct Heard(Mutex<Times>);

#[derive(Debug, Default)]
struct Times {
    newest: HashMap<i64, DateTime<Utc>>,
    saved_at: Option<DateTime<Utc>>,
}

impl Heard {
    /// A chat message of this broadcaster has come. Costs next to nothing.
    pub fn note(&self, broadcaster_user_id: i64, now: DateTime<Utc>) {
        let mut times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = times.newest.entry(broadcaster_user_id).or_insert(now);
        *newest = now.max(*newest);
    }

    /// What is to be kept now, at most every half minute.
    pub fn take(&self, now: DateTime<Utc>) -> Vec<(i64, DateTime<Utc>)> {
        let mut times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if times.newest.is_empty() || times.saved_at.is_some_and(|at| now - at < EVERY) {
            return Vec::new();
        }
        times.saved_at = Some(now);
        times.newest.drain().collect()
    }
}
