//! From a stored event to a message in Discord: plan, claim, send, settle, reconcile.
//!
//! Each step function reports how much it did, so that a loop knows when to rest and a test when all is quiet.
//! States and transitions are table 1 of `ARCHITECTURE.md`.

pub mod batch;
pub mod by_hand;
pub mod check;
pub mod classify;
pub mod create;
pub mod edit;
pub mod explain;
mod forum;
pub mod held;
pub mod late;
pub mod limit;
pub mod look;
pub mod lookup;
pub mod manage;
pub mod plan;
pub mod reconcile;
pub mod replay;
pub mod retry;
pub mod settle;
pub mod silence;
pub mod test_message;
mod typed;
mod watch;
pub mod worker;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use crate::delivery::limit::{Action, Budget, Limiter, Limits};
use crate::delivery::retry::Schedule;
use crate::id::UserId;
use crate::lifecycle::together::Together;
use crate::ports::Ports;
use crate::store::send::{Finish, Freeze};

/// The part of the global budget that is left to what else the gateway's side asks, while it does.
const OTHERS_SHARE: usize = 10;
/// How long that is, from each of its requests.
const OTHERS_FOR: TimeDelta = TimeDelta::seconds(2);
/// How often a refused token is tried again.
const PROBE_EVERY: TimeDelta = TimeDelta::seconds(60);

/// The delivery of one process: its ports and what it knows of Discord's mood.
pub struct Delivery {
    pub ports: Ports,
    /// The advisory lock by which other processes see that this one lives.
    owner: i64,
    schedule: Schedule,
    limiter: Mutex<Limiter>,
    gate: Mutex<Gate>,
    own_id: Mutex<Option<UserId>>,
    freezing: Together<Freeze>,
    finishing: Together<Finish>,
    /// Questions to Discord are asked one after the other on each route.
    lookups: Mutex<HashMap<(Action, i64), lookup::Turn>>,
}

/// What holds everything back, not just one destination.
#[derive(Default)]
struct Gate {
    paused_until: Option<DateTime<Utc>>,
    stopped: Option<Stopped>,
}

struct Stopped {
    why: String,
    probe_at: DateTime<Utc>,
}

impl Delivery {
    pub fn new(ports: Ports, owner: i64) -> Self {
        let config = &ports.config.delivery;
        let budgets = if config.webhook_priors { Limits::default() } else { Limits::without_priors() };
        let count = config.global_per_second as usize;
        let global = Some(Budget { count, per: TimeDelta::seconds(1) });
        let mut limiter = Limiter::new(Limits { global, others: count / OTHERS_SHARE, ..budgets });
        // A process that is apart does not hear what the others ask.
        let roles = ports.config.roles;
        let is_told = roles.bot && roles.worker;
        limiter.make_room(if is_told { ports.clock.now() + OTHERS_FOR } else { DateTime::<Utc>::MAX_UTC });
        let schedule = Schedule::new(config.retry_schedule.clone());
        Self {
            ports,
            schedule,
            owner,
            limiter: Mutex::new(limiter),
            gate: Mutex::default(),
            own_id: Mutex::default(),
            freezing: Together::default(),
            finishing: Together::default(),
            lookups: Mutex::default(),
        }
    }

    fn limiter(&self) -> MutexGuard<'_, Limiter> {
        lock(&self.limiter)
    }

    /// Something is about to ask Discord past the limiter. Answers to interactions do not count against any budget.
    pub fn make_room(&self) {
        self.limiter().make_room(self.ports.clock.now() + OTHERS_FOR);
    }

    fn pause_all(&self, until: DateTime<Utc>, why: &str) {
        tracing::warn!(%until, why, "all sending waits");
        let mut gate = lock(&self.gate);
        gate.paused_until = gate.paused_until.max(Some(until));
    }

    fn stop_all(&self, why: &str) {
        let mut gate = lock(&self.gate);
        if gate.stopped.is_none() {
            tracing::error!(
                why,
                "Discord refuses the bot's token: nothing is sent until it works again. Check DISCORD_TOKEN"
            );
        }
        gate.stopped = Some(Stopped { why: why.to_owned(), probe_at: self.ports.clock.now() + PROBE_EVERY });
    }

    /// Why nothing is being sent at the moment, for a person; `None` when sending goes on.
    pub fn held_back(&self) -> Option<String> {
        let now = self.ports.clock.now();
        let gate = lock(&self.gate);
        if let Some(stopped) = &gate.stopped {
            return Some(format!("Discord refuses the bot's token ({}); tried again every minute", stopped.why));
        }
        let until = gate.paused_until.filter(|until| *until > now)?;
        Some(format!("Discord asked everything to wait until <t:{}:T>", until.timestamp()))
    }

    /// When sending is tried again, while everything is held back.
    pub fn held_until(&self) -> Option<DateTime<Utc>> {
        let gate = lock(&self.gate);
        gate.stopped.as_ref().map(|stopped| stopped.probe_at).or(gate.paused_until)
    }

    /// True when sending may go on; probes a refused token once a minute.
    async fn may_send(&self) -> bool {
        let now = self.ports.clock.now();
        let probe = {
            let mut gate = lock(&self.gate);
            if gate.paused_until.is_some_and(|until| until > now) {
                return false;
            }
            gate.paused_until = None;
            match &mut gate.stopped {
                None => return true,
                Some(stopped) if stopped.probe_at > now => return false,
                Some(stopped) => {
                    stopped.probe_at = now + PROBE_EVERY;
                    true
                }
            }
        };
        if probe && self.look_up(Action::ReadSelf, 0, self.ports.discord.get_own_id()).await.is_ok() {
            tracing::info!("Discord takes the bot's token again");
            lock(&self.gate).stopped = None;
            return true;
        }
        false
    }
}

/// A lock whose holder never panics halfway leaves nothing broken behind.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
