//! Gaming sessions (Facts 5): rounds of which each follows the one before within an hour.

use std::ops::Range;

use chrono::{DateTime, TimeDelta, Utc};

const LONGEST_GAP: TimeDelta = TimeDelta::minutes(60);

/// The sessions as ranges of a list of instants in their order.
pub fn sessions(times: &[DateTime<Utc>]) -> Vec<Range<usize>> {
    let mut sessions: Vec<Range<usize>> = Vec::new();
    for (at, time) in times.iter().enumerate() {
        match sessions.last_mut() {
            Some(session) if *time - times[at - 1] <= LONGEST_GAP => session.end = at + 1,
            _ => sessions.push(at..at + 1),
        }
    }
    sessions
}
