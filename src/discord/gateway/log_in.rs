//! When a shard may log in. Discord says how many may do so at once, and how many more times today; shards whose
//! number leaves the same rest take turns, in this process and all others.
//! <https://discord.com/developers/docs/events/gateway#sharding-max-concurrency>

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use poise::serenity_prelude as serenity;
use tokio::sync::OwnedMutexGuard;

use super::connection::Ended;
use crate::clock::Stopwatch;
use crate::discord::{Bot, rest};
use crate::store::lane::OwnerLock;

/// For as long what Discord said is good for all shards of this process.
const FRESH: Duration = Duration::from_secs(5);

pub struct LogIns {
    bot: Arc<Bot>,
    /// From one log-in to the next.
    between: Duration,
    heard: tokio::sync::Mutex<Option<(serenity::BotGateway, Stopwatch)>>,
    /// Within the process the shards queue here, so that one of them waits for the lock of all processes.
    queues: Mutex<BTreeMap<u64, Arc<tokio::sync::Mutex<()>>>>,
}

/// The right to log in, until it is dropped.
pub struct Turn {
    between: Duration,
    used: Option<Stopwatch>,
    _lock: OwnerLock,
    _queue: OwnedMutexGuard<()>,
}

impl Turn {
    /// The log-in was made, or failed.
    pub fn used(&mut self) {
        self.used = Some(Stopwatch::start());
    }

    /// Whether the next may follow.
    pub fn is_over(&self) -> bool {
        self.used.as_ref().is_none_or(|used| used.elapsed() >= self.between)
    }

    /// Ends it when the next may follow.
    pub async fn pass_on(self) {
        if let Some(used) = &self.used {
            tokio::time::sleep(self.between.saturating_sub(used.elapsed())).await;
        }
    }
}

impl LogIns {
    pub fn new(bot: Arc<Bot>, between: Duration) -> Self {
        Self { bot, between, heard: tokio::sync::Mutex::default(), queues: Mutex::default() }
    }

    /// What Discord recommends and allows now.
    pub async fn look(&self) -> Result<serenity::BotGateway, Ended> {
        self.ask(0).await
    }

    /// Waits for a turn of this shard; with it comes the address of the gateway.
    pub async fn turn(&self, shard: u32) -> Result<(Turn, String), Ended> {
        let at_once = self.look().await?.session_start_limit.max_concurrency.max(1);
        let key = u64::from(shard) % at_once;
        let queue = self.queue(key).lock_owned().await;
        let lock = self.bot.ports.store.lock_role(&format!("gateway log-in {key}")).await;
        let lock = lock.map_err(|error| Ended::Again(error.to_string()))?;
        let gateway = self.ask(1).await?;
        let url = self.bot.ports.config.discord.gateway_url.clone().unwrap_or(gateway.url);
        Ok((Turn { between: self.between, used: None, _lock: lock, _queue: queue }, url))
    }

    fn queue(&self, key: u64) -> Arc<tokio::sync::Mutex<()>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default().clone()
    }

    /// Asks Discord, unless it was asked just now, and counts `log_ins` that are about to be made.
    async fn ask(&self, log_ins: u64) -> Result<serenity::BotGateway, Ended> {
        let mut heard = self.heard.lock().await;
        let gateway = match heard.as_mut() {
            Some((gateway, since)) if since.elapsed() < FRESH => gateway,
            _ => {
                let http = rest::client(&self.bot).map_err(|error| Ended::Again(error.to_string()))?;
                self.bot.delivery.make_room();
                let gateway = http.get_bot_gateway().await?;
                &mut heard.insert((gateway, Stopwatch::start())).0
            }
        };
        let limit = &mut gateway.session_start_limit;
        // Other processes may log in at this moment, one for each turn: the last ones are left to them. With the
        // very last Discord would end all sessions and take the token away.
        if log_ins > 0 && limit.remaining <= limit.max_concurrency {
            return Err(Ended::NotBefore(Duration::from_millis(limit.reset_after).max(self.between)));
        }
        limit.remaining -= log_ins;
        Ok(gateway.clone())
    }
}
