//! A budget over a sliding span that holds whatever a request's way there takes.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Budget, FORGET_AFTER};

/// Discord has counted a request by then, answered or not. What hangs for longer does not hold up others.
const ON_ITS_WAY: TimeDelta = TimeDelta::seconds(1);

/// The last moments at which the requests may have been counted, ascending: of one under way [`ON_ITS_WAY`] after it
/// left, else its answer. So there are never more than `count` of them within a span of Discord's, wherever that begins:
/// requests that left evenly may arrive in a heap.
#[derive(Debug, Default)]
pub(super) struct Window {
    counted: VecDeque<DateTime<Utc>>,
    /// Which of them the next one who has to wait is to follow.
    turn: usize,
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

    /// As [`Window::wait`], but those who have to wait are spread over the places that come free within the span: they
    /// do not all come back for the first of them.
    pub fn wait_in_turn(&mut self, budget: Budget, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let soonest = self.wait(budget, now)?;
        self.turn = (self.turn + 1) % budget.count.max(1);
        let place = self.counted.len().saturating_sub(budget.count) + self.turn;
        Some(self.counted.get(place).map_or(soonest, |at| (*at).min(now) + budget.per))
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
