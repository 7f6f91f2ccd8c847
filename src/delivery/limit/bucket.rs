//! One bucket as far as its answers describe it.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};

use super::{LimitHeaders, POLL};

/// A request without an answer after this long (deadline 10 s, lease 15 s) will get none.
const LOST_AFTER: TimeDelta = TimeDelta::seconds(30);

#[derive(Debug)]
pub(super) struct Bucket {
    /// The last answer's; `None` before the first one.
    window: Option<Described>,
    blocked_until: Option<DateTime<Utc>>,
    /// When each request without an answer was let go, oldest first.
    pending: VecDeque<DateTime<Utc>>,
    used_at: DateTime<Utc>,
}

#[derive(Clone, Copy, Debug)]
struct Described {
    limit: usize,
    remaining: usize,
    resets_at: DateTime<Utc>,
}

impl Described {
    fn worse(self, other: Self) -> Self {
        Self {
            limit: self.limit,
            remaining: self.remaining.min(other.remaining),
            resets_at: self.resets_at.max(other.resets_at),
        }
    }
}

/// A wait out of a header, kept within a week.
pub(super) fn later(now: DateTime<Utc>, after: TimeDelta) -> DateTime<Utc> {
    now + after.clamp(TimeDelta::zero(), TimeDelta::days(7))
}

impl Bucket {
    pub fn new(now: DateTime<Utc>) -> Self {
        Self { window: None, blocked_until: None, pending: VecDeque::new(), used_at: now }
    }

    /// True once headers said how much this bucket holds.
    pub fn is_known(&self) -> bool {
        self.window.is_some()
    }

    /// `None`: one more may go. A bucket that nothing is known of takes as many
    /// requests at a time as `unknown` says.
    pub fn wait(&mut self, now: DateTime<Utc>, unknown: usize) -> Option<DateTime<Utc>> {
        while self.pending.front().is_some_and(|at| *at + LOST_AFTER <= now) {
            self.pending.pop_front();
        }
        let blocked = self.blocked_until.filter(|until| *until > now);
        let full = match self.window {
            // Nobody has used the new window but those whose answers are still to come.
            Some(w) if now >= w.resets_at => (self.pending.len() >= w.limit.max(1)).then_some(now + POLL),
            Some(w) => (self.pending.len() >= w.remaining).then_some(w.resets_at),
            None => (self.pending.len() >= unknown).then_some(now + POLL),
        };
        blocked.max(full)
    }

    pub fn reserve(&mut self, now: DateTime<Utc>) {
        self.pending.push_back(now);
        self.used_at = now;
    }

    /// Ends one reservation and believes the worse of what was known and what is told: answers of one
    /// window come in any order. Only when the known window is over does a new one begin.
    pub fn answered(&mut self, headers: &LimitHeaders, now: DateTime<Utc>) {
        self.pending.pop_front();
        self.used_at = now;
        let (Some(limit), Some(remaining), Some(after)) = (headers.limit, headers.remaining, headers.reset_after)
        else {
            return;
        };
        let told = Described { limit: limit as usize, remaining: remaining as usize, resets_at: later(now, after) };
        self.window = Some(match self.window {
            Some(known) if now < known.resets_at => told.worse(known),
            _ => told,
        });
    }

    pub fn block(&mut self, until: DateTime<Utc>) {
        self.blocked_until = self.blocked_until.max(Some(until));
    }

    /// Takes over the reservations of a route that turns out to share this bucket.
    pub fn absorb(&mut self, own: Bucket) {
        self.pending.extend(own.pending);
        self.pending.make_contiguous().sort_unstable();
        self.blocked_until = self.blocked_until.max(own.blocked_until);
        self.window = match (self.window, own.window) {
            (Some(known), Some(own)) => Some(known.worse(own)),
            (known, own) => known.or(own),
        };
        self.used_at = self.used_at.max(own.used_at);
    }

    pub fn is_idle(&self, now: DateTime<Utc>, after: TimeDelta) -> bool {
        let busy_until = self.blocked_until.max(self.window.map(|w| w.resets_at)).unwrap_or(self.used_at);
        now - self.used_at.max(busy_until) >= after
    }
}
