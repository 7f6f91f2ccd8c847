//! One shard: the lease, then session after session, each held back as long as Discord wants it to be.

use std::sync::Arc;
use std::time::Duration;

use poise::serenity_prelude as serenity;
use tokio_util::sync::CancellationToken;

use super::connection::{Connection, Ended};
use super::log_in::{LogIns, Turn};
use super::{Fatal, Patience, back_off, register, rest};
use crate::clock::{Stopwatch, jitter};
use crate::discord::{Bot, rest as discord_rest};
use crate::lifecycle::Lifecycle;
use crate::store::lane::OwnerLock;

/// A session that lasted this long was a good one: the next is not held back.
const GOOD_SESSION: Duration = Duration::from_secs(120);
/// After so many log-ins that came to nothing, the next ones are this far apart: after a thousand in a day
/// Discord takes the token away.
const VAIN_LOG_INS: u32 = 60;
const BACK_OFF_VAIN: Duration = Duration::from_secs(120);
/// How long no log-in is asked for after Discord said that none is left, however long it said that is.
const ASK_AGAIN: Duration = Duration::from_secs(300);

/// Why no shard of this process goes on.
#[derive(Debug)]
pub enum Stopped {
    Fatal(Fatal),
    /// Discord has begun to want this many.
    MoreShards(u32),
}

pub struct Shard<'a> {
    bot: &'a Arc<Bot>,
    lifecycle: &'a Lifecycle,
    log_ins: &'a LogIns,
    patience: Patience,
    this: serenity::ShardInfo,
    stop: CancellationToken,
    /// Our turn to log in, kept for as long as nobody else may have one.
    turn: Option<Turn>,
    registered: bool,
    /// Log-ins in a row without a good session.
    vain: u32,
    failures: u32,
}

impl<'a> Shard<'a> {
    pub fn new(
        bot: &'a Arc<Bot>,
        lifecycle: &'a Lifecycle,
        log_ins: &'a LogIns,
        patience: Patience,
        index: u32,
        total: u32,
    ) -> Self {
        let this = serenity::ShardInfo { id: serenity::ShardId(index), total };
        // The first shard's holder registers the commands, for all.
        let registered = index != 0;
        let stop = lifecycle.token();
        Self { bot, lifecycle, log_ins, patience, this, stop, turn: None, registered, vain: 0, failures: 0 }
    }

    fn index(&self) -> u32 {
        self.this.id.0
    }

    /// Keeps a session until the process stops.
    pub async fn run(mut self) -> Result<(), Stopped> {
        // Processes that start together divide the shards among them, more or less.
        let first_wait =
            if self.this.total > 1 { self.patience.lease.mul_f64(jitter(1.0) / 2.0) } else { Duration::ZERO };
        if !rest(first_wait, &self.stop).await {
            return Ok(());
        }
        while !self.stop.is_cancelled() {
            let Some(mut lease) = self.take_lease().await else { return Ok(()) };
            self.bot.connection.note(self.index(), false);
            let since = Stopwatch::start();
            let (ended, begun) = self.session(&mut lease).await;
            self.pass_turn_on();
            drop(lease);
            self.bot.connection.forget(self.index());
            if since.elapsed() >= GOOD_SESSION {
                (self.failures, self.vain) = (0, 0);
            }
            match ended {
                Ok(()) => (self.failures, self.vain) = (0, 0),
                Err(Ended::Fatal(fatal)) => return Err(Stopped::Fatal(fatal)),
                Err(Ended::NotBefore(wait)) => {
                    tracing::warn!(
                        shard = self.index(),
                        seconds = wait.as_secs(),
                        "the bot has used up its log-ins of the day; waiting for Discord to allow more"
                    );
                    rest(wait.min(ASK_AGAIN), &self.stop).await;
                }
                Err(Ended::Again(why)) => {
                    if !begun {
                        self.ask_for_more_shards().await?;
                    }
                    let wait = self.back_off();
                    self.failures += 1;
                    self.bot.ports.metrics.gateway("lost");
                    tracing::warn!(why, seconds = wait.as_secs_f32(), "no gateway session; trying again");
                    rest(wait, &self.stop).await;
                }
            }
        }
        Ok(())
    }

    /// A bot that came into too many servers is not let in until it divides them; serenity does not say so.
    async fn ask_for_more_shards(&self) -> Result<(), Stopped> {
        let Some(Ok(gateway)) = self.stop.run_until_cancelled(self.log_ins.look()).await else { return Ok(()) };
        if gateway.shards <= self.this.total {
            return Ok(());
        }
        match self.bot.ports.config.discord.shards {
            None => Err(Stopped::MoreShards(gateway.shards)),
            Some(set) => {
                tracing::warn!(set, recommended = gateway.shards, "DISCORD_SHARDS is less than Discord recommends");
                Ok(())
            }
        }
    }

    /// Whoever takes the lease next waits for this turn, and so may all shards whose number leaves the same rest: it
    /// ends when the next log-in may follow, however long this shard rests.
    fn pass_turn_on(&mut self) {
        let Some(turn) = self.turn.take() else { return };
        let stop = self.stop.clone();
        self.lifecycle.spawn("log-in turn", async move {
            stop.run_until_cancelled(turn.pass_on()).await;
        });
    }

    fn back_off(&self) -> Duration {
        match self.vain {
            VAIN_LOG_INS.. => BACK_OFF_VAIN.mul_f64(jitter(0.2)),
            _ => back_off(self.failures),
        }
    }

    fn lease_name(&self) -> String {
        format!("gateway {}", self.index())
    }

    /// Waits until no other process holds the session. `None` when the process stops first.
    async fn take_lease(&self) -> Option<OwnerLock> {
        let mut said = false;
        loop {
            match self.bot.ports.store.try_role(&self.lease_name()).await {
                Ok(Some(lease)) => return Some(lease),
                Ok(None) if !said => {
                    said = true;
                    tracing::info!(shard = self.index(), "another process holds the gateway session; standing by");
                }
                Ok(None) => {}
                Err(error) => tracing::debug!(%error, "the gateway lease cannot be asked for"),
            }
            if !rest(self.patience.lease, &self.stop).await {
                return None;
            }
        }
    }

    /// One session, from its connection to its end, and whether Discord began it. `Ok` when it was given up: the
    /// process stops, or another process has the lease.
    async fn session(&mut self, lease: &mut OwnerLock) -> (Result<(), Ended>, bool) {
        let http = match discord_rest::client(self.bot) {
            Ok(http) => Arc::new(http),
            Err(error) => return (Err(Ended::Again(error.to_string())), false),
        };
        let stop = self.stop.clone();
        let opened = match stop.run_until_cancelled(self.open(&http)).await {
            Some(opened) => opened,
            None => return (Ok(()), false),
        };
        let mut connection = match opened {
            Ok(connection) => connection,
            Err(ended) => return (Err(ended), false),
        };
        self.vain += 1;
        let ended = self.watch(&mut connection, &http, lease).await;
        let begun = connection.has_begun();
        if ended.is_ok() {
            connection.close().await;
        }
        // What is broken is dropped, without a word to it.
        (ended, begun)
    }

    /// Connects when it is our turn.
    async fn open(&mut self, http: &Arc<serenity::Http>) -> Result<Connection, Ended> {
        let (turn, url) = self.log_ins.turn(self.index()).await?;
        let turn = self.turn.insert(turn);
        let opened = Connection::open(self.bot, self.lifecycle, http, url, self.this, &self.patience).await;
        turn.used();
        opened
    }

    async fn watch(
        &mut self,
        connection: &mut Connection,
        http: &serenity::Http,
        lease: &mut OwnerLock,
    ) -> Result<(), Ended> {
        let (stop, bot) = (self.stop.clone(), self.bot);
        let mut registering = std::pin::pin!(register::register(bot, http));
        let mut watching = std::pin::pin!(connection.watch());
        loop {
            tokio::select! {
                ended = &mut watching => return Err(ended),
                registered = &mut registering, if !self.registered => {
                    registered.map_err(Ended::Fatal)?;
                    self.registered = true;
                }
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(self.patience.lease) => {
                    if self.turn.as_ref().is_some_and(Turn::is_over) {
                        self.turn = None;
                    }
                    if !self.still_ours(lease).await {
                        tracing::warn!(shard = self.index(), "another process took the gateway session over");
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Whether nobody else can have the session: PostgreSQL may have been restarted, and the lease with it.
    async fn still_ours(&self, lease: &mut OwnerLock) -> bool {
        if lease.check().await.is_ok() {
            return true;
        }
        match self.bot.ports.store.try_role(&self.lease_name()).await {
            Ok(Some(again)) => {
                *lease = again;
                true
            }
            Ok(None) => false,
            // The database is away for everyone: nobody else can take the session either.
            Err(_) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_ins_stay_below_what_discord_allows_in_a_day() {
        let mut spent = Duration::ZERO;
        let mut log_ins = 0u32;
        while spent < Duration::from_secs(86_400) {
            let wait = if log_ins < VAIN_LOG_INS { back_off(log_ins) } else { BACK_OFF_VAIN.mul_f64(jitter(0.2)) };
            spent += wait.max(Patience::default().between);
            log_ins += 1;
        }
        assert!(log_ins < 900, "{log_ins}");
    }
}
