//! The gateway session: taken under a lease, so that of several processes one is connected and the
//! next takes over; watched, reconnected with back-off, and ended with an exit code that says why.

mod connection;
mod life;
mod register;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use poise::serenity_prelude as serenity;
use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;

use self::connection::{Connection, Ended};
use super::Bot;
use crate::clock::{Stopwatch, jitter};
use crate::config::DiscordConfig;
use crate::lifecycle::Lifecycle;
use crate::store::lane::OwnerLock;

/// The lock that the process with the session holds.
const LEASE: &str = "gateway 0";
const BACK_OFF_MIN: Duration = Duration::from_secs(1);
const BACK_OFF_MAX: Duration = Duration::from_secs(30);
/// A session that lasted this long was a good one: the next is not held back.
const GOOD_SESSION: Duration = Duration::from_secs(120);
/// After so many log-ins that came to nothing, the next ones are this far apart: after a thousand in a day
/// Discord takes the token away.
const VAIN_LOG_INS: u32 = 60;
const BACK_OFF_VAIN: Duration = Duration::from_secs(120);

/// How long what is waited for, and how closely a session is watched.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// From the connection to the first event of the session.
    pub ready: Duration,
    /// After this much silence Discord is asked for a sign of life.
    pub silence: Duration,
    /// The sign must come within this; else the connection is dead and another one is made.
    pub answer: Duration,
    /// How often a standby asks for the lease, and its holder whether it still has it.
    pub lease: Duration,
    /// For Discord to answer our goodbye.
    pub goodbye: Duration,
    /// From one log-in to the next: Discord takes one in five seconds of a bot of one shard.
    pub between: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            ready: Duration::from_secs(15),
            silence: Duration::from_secs(5),
            answer: Duration::from_secs(6),
            lease: Duration::from_secs(1),
            goodbye: Duration::from_secs(2),
            between: Duration::from_secs(5),
        }
    }
}

/// Why starting again cannot help until a person changed something. A supervisor must not loop on these:
/// Discord counts a bot's log-ins.
#[derive(Debug, thiserror::Error)]
pub enum Fatal {
    #[error("Discord refuses the bot's token. Copy it anew from the Bot page of your application into DISCORD_TOKEN")]
    Token,
    #[error(
        "Discord refuses the gateway intents that Signalbox asks for. It asks for GUILDS alone, which needs no switch \
         on the Bot page: update Signalbox, and if a proxy lies between, check what it makes of the request"
    )]
    Intents,
}

impl Fatal {
    /// `sysexits.h`: EX_NOPERM for the token, EX_CONFIG for the intents.
    pub fn exit_code(&self) -> u8 {
        match self {
            Fatal::Token => 77,
            Fatal::Intents => 78,
        }
    }
}

/// Keeps a session until the process stops.
pub async fn run(bot: Arc<Bot>, lifecycle: &Lifecycle, patience: Patience) -> Result<(), Fatal> {
    let stop = lifecycle.token();
    let (mut failures, mut vain) = (0, 0);
    let mut registered = false;
    let mut last_session: Option<Stopwatch> = None;
    while !stop.is_cancelled() {
        let Some(mut lease) = take_lease(&bot, &patience, &stop).await else { return Ok(()) };
        if let Some(last) = &last_session
            && !rest(patience.between.saturating_sub(last.elapsed()), &stop).await
        {
            return Ok(());
        }
        let session = Stopwatch::start();
        let mut reached = false;
        let ended = session_of(&bot, lifecycle, &patience, &mut lease, &mut registered, &mut reached).await;
        bot.connected.store(false, Ordering::Relaxed);
        if session.elapsed() >= GOOD_SESSION {
            (failures, vain) = (0, 0);
        }
        if reached {
            last_session = Some(session);
            vain += 1;
        }
        match ended {
            Ok(()) => (failures, vain) = (0, 0),
            Err(Ended::Fatal(fatal)) => {
                bot.ports.metrics.gateway("refused");
                return Err(fatal);
            }
            Err(Ended::Again(why)) => {
                let wait = back_off(failures, vain);
                failures += 1;
                bot.ports.metrics.gateway("lost");
                tracing::warn!(why, seconds = wait.as_secs_f32(), "no gateway session; trying again");
                rest(wait, &stop).await;
            }
        }
    }
    Ok(())
}

/// False when the process stops meanwhile.
async fn rest(wait: Duration, stop: &CancellationToken) -> bool {
    stop.run_until_cancelled(tokio::time::sleep(wait)).await.is_some()
}

fn back_off(failures: u32, vain: u32) -> Duration {
    let base = match vain {
        VAIN_LOG_INS.. => BACK_OFF_VAIN,
        _ => (BACK_OFF_MIN * 2u32.pow(failures.min(5))).min(BACK_OFF_MAX),
    };
    base.mul_f64(jitter(0.2))
}

/// Waits until no other process holds the session. `None` when the process stops first.
async fn take_lease(bot: &Bot, patience: &Patience, stop: &CancellationToken) -> Option<OwnerLock> {
    let mut said = false;
    loop {
        match bot.ports.store.try_role(LEASE).await {
            Ok(Some(lease)) => return Some(lease),
            Ok(None) if !said => {
                said = true;
                tracing::info!("another process holds the gateway session; standing by");
            }
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, "the gateway lease cannot be asked for"),
        }
        if !rest(patience.lease, stop).await {
            return None;
        }
    }
}

/// One session, from its connection to its end. `Ok` when it was given up: the process stops, or another
/// process has the lease.
async fn session_of(
    bot: &Arc<Bot>,
    lifecycle: &Lifecycle,
    patience: &Patience,
    lease: &mut OwnerLock,
    registered: &mut bool,
    reached: &mut bool,
) -> Result<(), Ended> {
    let stop = lifecycle.token();
    let http = Arc::new(http(bot)?);
    let opening = async {
        let url = gateway_url(&bot.ports.config.discord, &http).await?;
        Connection::open(bot, lifecycle, &http, url, patience).await
    };
    let mut connection = tokio::select! {
        opened = opening => opened?,
        () = stop.cancelled() => return Ok(()),
    };
    *reached = true;
    let mut registering = std::pin::pin!(register::register(bot, &http));
    let ended = {
        let mut watching = std::pin::pin!(connection.watch());
        loop {
            tokio::select! {
                ended = &mut watching => break Err(ended),
                () = &mut registering, if !*registered => *registered = true,
                () = stop.cancelled() => break Ok(()),
                () = tokio::time::sleep(patience.lease) => {
                    if !still_ours(bot, lease).await {
                        tracing::warn!("another process took the gateway session over");
                        break Ok(());
                    }
                }
            }
        }
    };
    match ended {
        // What is broken is dropped, without a word to it.
        Err(ended) => Err(ended),
        Ok(()) => {
            connection.close().await;
            Ok(())
        }
    }
}

/// Whether nobody else can have the session: PostgreSQL may have been restarted, and the lease with it.
async fn still_ours(bot: &Bot, lease: &mut OwnerLock) -> bool {
    if lease.check().await.is_ok() {
        return true;
    }
    match bot.ports.store.try_role(LEASE).await {
        Ok(Some(again)) => {
            *lease = again;
            true
        }
        Ok(None) => false,
        // The database is away for everyone: nobody else can take the session either.
        Err(_) => true,
    }
}

async fn gateway_url(config: &DiscordConfig, http: &serenity::Http) -> Result<String, Ended> {
    match &config.gateway_url {
        Some(url) => Ok(url.clone()),
        None => Ok(http.get_gateway().await?.url),
    }
}

/// Serenity's client: its own limiter against Discord itself, none against a stand-in or a proxy, where
/// its proxy setting would be ignored with the limiter on.
fn http(bot: &Bot) -> Result<serenity::Http, Ended> {
    let config = &bot.ports.config.discord;
    let client = bot.ports.discord.interaction_http().map_err(|e| Ended::Again(e.to_string()))?;
    let mut builder = serenity::HttpBuilder::new(config.token.expose_secret()).client(client);
    if let Some(id) = config.client_id {
        builder = builder.application_id(serenity::ApplicationId::new(id));
    }
    if config.is_elsewhere() {
        let origin = config.api_url.as_str().trim_end_matches('/').to_owned();
        builder = builder.proxy(origin).ratelimiter_disabled(true);
    }
    Ok(builder.build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_ins_stay_below_what_discord_allows_in_a_day() {
        let mut spent = Duration::ZERO;
        let mut log_ins = 0u32;
        while spent < Duration::from_secs(86_400) {
            spent += back_off(log_ins, log_ins).max(Patience::default().between);
            log_ins += 1;
        }
        assert!(log_ins < 900, "{log_ins}");
    }
}
