//! A budget over a sliding span that holds whatever a request's way there takes.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Budget, FORGET_AFTER};

/// Discord has counted a request by then, answered or not. What hangs for longer does not hold up others.
const ON_ITS_WAY: TimeDelta = TimeDelta::seconds(1);

/// Whoever would wait for longer asks again then: those before it may have gone elsewhere.
const PROMISED_AHEAD: i32 = 5;

/// The last moments at which the requests may have been counted, ascending: of one under way [`ON_ITS_WAY`] after it
/// left, else its answer. So there are never more than `count` of them within a span of Discord's, wherever that begins:
/// requests that left evenly may arrive in a heap.
#[derive(Debug, Default)]
pub(super) struct Window {
    counted: VecDeque<DateTime<Utc>>,
    /// When those who were told to wait come back.
    promised: VecDeque<DateTime<Utc>>,
}

impl Window {
    /// When the budget has room again; `None` for now. What is under way may be answered at once.
    pub fn wait(&mut self, budget: Budget, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        while self.counted.front().is_some_and(|at| *at + budget.per <= now) {
            self.counted.pop_front();
        }
        if budget.count == 0 {
            return Some(now + budget.per);
        }
        let first = self.counted.len().checked_sub(budget.count)?;
        self.counted.get(first).map(|at| (*at).min(now) + budget.per)
    }

    /// As [`Window::wait`], but each who has to wait is given a place of its own, so that they do not come back
    /// all at once, again and again. A promise holds nothing free.
    pub fn wait_in_line(&mut self, budget: Budget, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let soonest = self.wait(budget, now)?;
        while self.promised.front().is_some_and(|at| *at <= now) {
            self.promised.pop_front();
        }
        let (round, place) = match budget.count {
            0 => return Some(soonest),
            count => (self.promised.len() / count, self.promised.len() % count),
        };
        let first = self.counted.len() - budget.count;
        let at = self.counted.get(first + place).map_or(now, |at| (*at).min(now));
        let rounds = i32::try_from(round).unwrap_or(i32::MAX).saturating_add(1).min(PROMISED_AHEAD);
        let until = at + budget.per * rounds;
        self.promised.push_back(until);
        Some(until)
    }

    pub fn add(&mut self, now: DateTime<Utc>) {
        self.counted.push_back(now + ON_ITS_WAY);
    }

    /// One of those under way was counted by now.
    pub fn answered(&mut self, now: DateTime<Utc>) {
        let under_way = self.counted.partition_point(|at| *at <= now);
        if let Some(at) = self.counted.get_mut(under_way) {
            *at = now;
        }
    }

    pub fn is_used(&self, now: DateTime<Utc>) -> bool {
        self.counted.back().is_some_and(|at| now - *at < FORGET_AFTER)
    }
}
