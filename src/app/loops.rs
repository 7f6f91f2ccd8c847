//! The loops of `run`: each does what is due, then rests until a hint or the next due time.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use chrono::{DateTime, Utc};

use super::pieces::{Checks, Decisions, KickChats, Lanes, TicketActions};
use super::{App, CHECKS, OUTBOUND, PLAN_BATCH, RECEIPTS};
use crate::approval::due::tick_due;
use crate::bus::Topic;
use crate::delivery::held::tell_due;
use crate::delivery::plan::plan_due;
use crate::kick;
use crate::outbound;
use crate::privacy;
use crate::routing::noise::judge::LATE_PATIENCE;
use crate::source::kick::live::LiveKick;
use crate::store::StoreError;
use crate::ticket::{self, lists};

/// Hints may be lost with the process that gave them, or on their way between processes: every loop
/// looks for itself this often. What comes due at a known time is not waited for by looking.
pub(super) const TICK: Duration = Duration::from_secs(5);
/// Costs nothing while nothing is due.
const CATCH_UP: Duration = Duration::from_secs(1);
const AT_ONCE: Duration = Duration::from_millis(2);
const SOON: Duration = Duration::from_millis(100);
pub(super) const AFTER_FAILURE: Duration = Duration::from_secs(1);
const HOUSEKEEPING: Duration = Duration::from_secs(2);
/// How long a blocking read of the stream may last.
const BLOCK: Duration = Duration::from_secs(2);

impl App {
    /// Starts everything that runs in the background, once the database is prepared.
    pub fn start_loops(self: &Arc<Self>) {
        let roles = self.ports.config.roles;
        if roles.worker {
            self.start_worker();
        }
        if roles.ticker {
            let app = self.clone();
            self.start("reminders", Topic::Approvals, move || {
                let app = app.clone();
                async move { app.remind().await }
            });
            let app = self.clone();
            self.start("play", Topic::Play, move || {
                let app = app.clone();
                async move { app.play().await }
            });
        }
        self.start_community();
        self.start_stats();
        let app = self.clone();
        self.lifecycle.spawn("housekeeping", async move { app.housekeeping().await });
        if roles.intake {
            let app = self.clone();
            self.lifecycle.spawn("catch-up", async move { app.catching_up().await });
            let app = self.clone();
            self.lifecycle.spawn("subscriber", async move { app.subscribing().await });
            let app = self.clone();
            self.lifecycle.spawn("dashboard", async move { app.hearing_the_dashboard().await });
            let app = self.clone();
            self.lifecycle.spawn("sources", async move { app.hearing_of_sources().await });
            if let Some(kick) = self.kick.clone() {
                let app = self.clone();
                self.lifecycle.spawn("subscriptions of Kick", async move { app.hearing_of_kick(&kick).await });
            }
        }
    }

    fn start_worker(self: &Arc<Self>) {
        let app = self.clone();
        self.start("planner", Topic::Planner, move || {
            let app = app.clone();
            async move { Ok((plan_due(&app.ports, PLAN_BATCH).await?, None)) }
        });
        self.start_pieces::<Lanes>();
        self.start_pieces::<Checks>();
        self.start_pieces::<Decisions>();
        self.start_pieces::<TicketActions>();
        if self.ports.kick.is_some() {
            self.start_pieces::<KickChats>();
            let app = self.clone();
            self.start("Kick", Topic::Kick, move || {
                let app = app.clone();
                async move { app.kick().await }
            });
        }
        let app = self.clone();
        self.start("lists of tickets", Topic::Tickets, move || {
            let app = app.clone();
            async move { app.lists().await }
        });
        let app = self.clone();
        self.start(outbound::PULSE, Topic::Outbound, move || {
            let app = app.clone();
            async move { app.outbound().await }
        });
        if self.ports.clips.is_some() {
            let app = self.clone();
            self.start("clips", Topic::Play, move || {
                let app = app.clone();
                async move { app.clips().await }
            });
        }
        let app = self.clone();
        self.start("held back", Topic::Held, move || {
            let app = app.clone();
            async move { app.held().await }
        });
    }

    /// One loop: a step returns how much it did, and when it next has something to do, if it knows.
    pub(super) fn start<F, Fut>(self: &Arc<Self>, name: &'static str, topic: Topic, step: F)
    where
        F: Fn() -> Fut + Send + 'static,
        Fut: Future<Output = Result<(usize, Option<Duration>)>> + Send + 'static,
    {
        let mut hints = self.ports.wake.listen(topic);
        let (stop, pulse) = (self.lifecycle.token(), self.lifecycle.pulse());
        self.lifecycle.spawn(name, async move {
            while !stop.is_cancelled() {
                pulse.beat(name);
                let rest = match step().await {
                    Ok((0, next)) => next.unwrap_or(TICK).min(TICK),
                    Ok(_) => continue,
                    Err(error) => {
                        report(name, &error);
                        AFTER_FAILURE
                    }
                };
                pulse.rest(name);
                tokio::select! {
                    () = hints.woken() => {}
                    () = tokio::time::sleep(rest) => {}
                    () = stop.cancelled() => {}
                }
            }
        });
    }

    /// What comes due on approvals by the calendar: reminders, escalation, expiry.
    async fn remind(&self) -> Result<(usize, Option<Duration>)> {
        let ticked = tick_due(&self.ports, CHECKS).await?;
        match ticked.failed {
            0 if ticked.done > 0 => return Ok((ticked.done, None)),
            0 => {}
            // They stay due, and are not to be asked about without a pause.
            _ => return Ok((0, Some(AFTER_FAILURE))),
        }
        let now = self.ports.clock.now();
        let next = self.ports.store.next_tick_at().await?;
        Ok((0, next.map(|at| until(now, at))))
    }

    /// The lists that people choose from on a ticket.
    async fn lists(&self) -> Result<(usize, Option<Duration>)> {
        Ok((lists::refresh_due(&self.ports).await?, None))
    }

    async fn outbound(&self) -> Result<(usize, Option<Duration>)> {
        let sent = outbound::deliver_due(&self.ports, OUTBOUND).await?;
        if sent > 0 {
            return Ok((sent, None));
        }
        let now = self.ports.clock.now();
        let next = self.ports.store.next_outbound_at().await?;
        Ok((0, next.map(|at| until(now, at))))
    }

    async fn held(&self) -> Result<(usize, Option<Duration>)> {
        let told = tell_due(&self.ports, RECEIPTS).await?;
        if told > 0 {
            return Ok((told, None));
        }
        let now = self.ports.clock.now();
        let next = self.ports.store.next_held_at(LATE_PATIENCE).await?;
        Ok((0, next.map(|at| until(now, at))))
    }

    /// Tokens and channels of Kick.
    async fn kick(&self) -> Result<(usize, Option<Duration>)> {
        let done = kick::account::refresh_due(&self.ports, kick::account::AT_ONCE).await?
            + kick::check::check_due(&self.ports, kick::check::AT_ONCE).await?;
        if done > 0 {
            return Ok((done, None));
        }
        let (now, store) = (self.ports.clock.now(), &self.ports.store);
        let looks = if kick::check::is_on(&self.ports) { store.next_kick_check_at().await? } else { None };
        let next = store.next_kick_account_at().await?.into_iter().chain(looks).min();
        Ok((0, next.map(|at| until(now, at))))
    }

    async fn subscribing(&self) {
        let stop = self.lifecycle.token();
        while !stop.is_cancelled() {
            let read = self.read_stream(BLOCK);
            let outcome = tokio::select! {
                outcome = read => outcome,
                () = stop.cancelled() => return,
            };
            if let Err(error) = outcome {
                report("subscriber", &error);
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }

    async fn hearing_the_dashboard(&self) {
        let stop = self.lifecycle.token();
        while !stop.is_cancelled() {
            let heard = tokio::select! {
                heard = self.hear_dashboard(BLOCK) => heard,
                () = stop.cancelled() => return,
            };
            match heard {
                Ok(0) => tokio::time::sleep(SOON).await,
                Ok(_) => {}
                Err(error) => {
                    report("dashboard", &error);
                    tokio::time::sleep(AFTER_FAILURE).await;
                }
            }
        }
    }

    /// Other processes say when they have changed a source.
    async fn hearing_of_sources(&self) {
        let stop = self.lifecycle.token();
        let mut hints = self.ports.wake.listen(Topic::Sources);
        while stop.run_until_cancelled(hints.woken()).await.is_some() {
            self.generic.outdate();
        }
    }

    /// Whoever changes a channel or a subscription says so.
    async fn hearing_of_kick(&self, kick: &LiveKick) {
        let stop = self.lifecycle.token();
        let mut hints = self.ports.wake.listen(Topic::Kick);
        while stop.run_until_cancelled(hints.woken()).await.is_some() {
            kick.outdate();
        }
    }

    async fn catching_up(&self) {
        let stop = self.lifecycle.token();
        while !stop.is_cancelled() {
            if let Err(error) = self.catch_up_due().await {
                report("catch-up", &error);
            }
            tokio::select! {
                () = tokio::time::sleep(CATCH_UP) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    async fn housekeeping(&self) {
        let stop = self.lifecycle.token();
        let mut round: u64 = 0;
        while !stop.is_cancelled() {
            let pulse = self.lifecycle.pulse();
            pulse.beat("housekeeping");
            if let Err(error) = self.keep_house(round).await {
                report("housekeeping", &error);
            }
            pulse.rest("housekeeping");
            self.ports.metrics.tidy();
            round += 1;
            tokio::select! {
                () = tokio::time::sleep(HOUSEKEEPING) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    async fn keep_house(&self, round: u64) -> Result<()> {
        let ports = &self.ports;
        let roles = ports.config.roles;
        if roles.worker {
            self.keep_owner_lock().await?;
        }
        let now = ports.clock.now();
        if (roles.worker || roles.ticker) && ports.store.reclaim_orphaned_leases(self.owner, now).await? > 0 {
            ports.wake.wake(Topic::Deliverer);
        }
        // A clock that stepped is read again at once, so that claiming goes on.
        let trusted = ports.clock.is_trusted();
        if round.is_multiple_of(5) || !trusted {
            match (ports.clock.follow(ports.store.clock_reading().await?), trusted) {
                (true, true) => {}
                (true, false) => ports.wake.wake(Topic::Deliverer),
                (false, _) => {
                    tracing::warn!("the clock stepped against PostgreSQL's; nothing is claimed until it is read again")
                }
            }
        }
        if round.is_multiple_of(15)
            && let Some(source) = &self.xtsystems
        {
            source.refresh_secret(ports).await?;
        }
        if roles.intake {
            kick::heard::save_due(ports).await?;
        }
        if roles.ticker && round.is_multiple_of(5) {
            privacy::resume_due(ports).await?;
        }
        if roles.ticker {
            while privacy::seal_due(ports).await? > 0 {}
        }
        if roles.ticker && round.is_multiple_of(30) {
            ports.store.forget_interaction_tokens(now - ticket::call::TOKEN_LIVES).await?;
            ports.store.forget_approval_replies(now - ticket::call::TOKEN_LIVES).await?;
        }
        if roles.ticker {
            self.pulse.lock().await.step(ports).await?;
        }
        if roles.ticker && round.is_multiple_of(900) {
            self.purge_due().await?;
        }
        Ok(())
    }
}

/// Never zero: what is due but cannot be taken yet is looked at again, not at once.
pub(super) fn until(now: DateTime<Utc>, at: DateTime<Utc>) -> Duration {
    (at - now).to_std().unwrap_or_default().max(SOON)
}

/// As [`until`], but what comes due is not waited for longer than it takes: a budget of so many a second is used up
/// only by whoever comes back in time.
pub(super) fn punctually(now: DateTime<Utc>, at: DateTime<Utc>) -> Duration {
    let wait = (at - now).to_std().unwrap_or_default();
    if wait.is_zero() { SOON } else { wait.max(AT_ONCE) }
}

/// A database that is away is one line; anything else is a fault to look at.
pub(super) fn report(name: &str, error: &anyhow::Error) {
    let away = error.chain().any(|cause| cause.downcast_ref::<StoreError>().is_some_and(StoreError::is_unavailable));
    let error = crate::error::chain(error);
    if away {
        tracing::warn!(task = name, error, "the database is away; trying again");
    } else {
        tracing::error!(task = name, error, "a step failed; trying again");
    }
}
