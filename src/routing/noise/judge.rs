//! Whether a route posts an event now or holds it back, for what, and until when. The planner asks it of what comes, a
//! backtest of what came. Pure: who asks keeps the intervals.

use chrono::{DateTime, TimeDelta, Utc};

use super::{LateHow, Noise};

/// What is late is told once nothing more of it has come for so long, and after [`LATE_PATIENCE`] at most.
pub const LATE_GATHERED: TimeDelta = TimeDelta::minutes(1);
pub const LATE_PATIENCE: TimeDelta = TimeDelta::minutes(15);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    Late,
    Quiet,
    Digest,
    Repeat,
    Throttle,
}

impl Reason {
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Late => "late",
            Reason::Quiet => "quiet",
            Reason::Digest => "digest",
            Reason::Repeat => "repeat",
            Reason::Throttle => "throttle",
        }
    }
}

/// It is held back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    pub reason: Reason,
    pub due_at: DateTime<Utc>,
    /// False: it is counted, and not told one by one.
    pub listed: bool,
}

/// An interval in which messages are counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    pub ends_at: DateTime<Utc>,
    pub count: i64,
}

impl Window {
    /// One that is over.
    pub fn over(now: DateTime<Utc>) -> Self {
        Self { ends_at: now, count: 0 }
    }

    /// Counts one more of `most`, in an interval that begins with the first. Until when it is full, if it is.
    pub fn full(&mut self, most: i64, minutes: u32, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if self.ends_at <= now {
            *self = Window { ends_at: now + TimeDelta::minutes(minutes.into()), count: 1 };
            return None;
        }
        if self.count < most {
            self.count += 1;
            return None;
        }
        Some(self.ends_at)
    }
}

/// Which messages are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Those of the event's group.
    Group,
    /// All of the route.
    All,
}

impl Noise {
    /// What holds an event back that is not urgent; the first of the options that does. `None`: it goes. `window` counts
    /// one more in an interval and says until when it is full.
    pub fn judge(
        &self,
        occurred_at: DateTime<Utc>,
        now: DateTime<Utc>,
        mut window: impl FnMut(Counted, i64, u32) -> Option<DateTime<Utc>>,
    ) -> Option<Verdict> {
        let until = |reason, due_at| Verdict { reason, due_at, listed: true };
        if let Some(late) = self.is_late(occurred_at, now) {
            let listed = late.how == LateHow::Summarise;
            return Some(Verdict { listed, ..until(Reason::Late, now + LATE_GATHERED) });
        }
        if let Some(end) = self.quiet.and_then(|quiet| quiet.until(now)) {
            return Some(until(Reason::Quiet, end));
        }
        if let Some(at) = self.digest_at(now) {
            return Some(until(Reason::Digest, at));
        }
        if let Some(end) = self.repeat_minutes.and_then(|minutes| window(Counted::Group, 1, minutes)) {
            return Some(until(Reason::Repeat, end));
        }
        let throttle = self.throttle?;
        window(Counted::All, throttle.count.into(), throttle.minutes).map(|end| until(Reason::Throttle, end))
    }
}
