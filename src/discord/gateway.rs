//! The gateway sessions: one per shard, each taken under a lease, so that of several processes one has it and the
//! next takes over; watched, reconnected with back-off, and ended with an exit code that says why.

mod connection;
mod life;
mod log_in;
mod register;
mod relay;
mod shard;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;
use poise::serenity_prelude as serenity;
use tokio_util::sync::CancellationToken;

use self::connection::Ended;
use self::log_in::LogIns;
use self::shard::{Shard, Stopped};
use super::{Bot, rest};
use crate::clock::jitter;
use crate::config::Config;
use crate::lifecycle::Lifecycle;

/// No privileged intent: interactions bring all that is needed. What a game server says in its channel is the exception,
/// where that is configured.
pub fn intents(config: &Config) -> serenity::GatewayIntents {
    let messages = serenity::GatewayIntents::GUILD_MESSAGES | serenity::GatewayIntents::MESSAGE_CONTENT;
    let hears = config.etlegacy.trigger.is_some();
    serenity::GatewayIntents::GUILDS | if hears { messages } else { serenity::GatewayIntents::empty() }
}
const BACK_OFF_MIN: Duration = Duration::from_secs(1);
const BACK_OFF_MAX: Duration = Duration::from_secs(30);

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
    /// From one log-in to the next of the shards that Discord counts together: it takes one in five seconds.
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
    #[error(
        "Discord refuses the gateway intents that Signalbox asks for: because of ETLEGACY_TRIGGER_CHANNEL_ID it asks for \
         the Message Content Intent. Switch it on on the Bot page of your application, or unset that variable and let \
         signalbox notify-stats send the files itself"
    )]
    ContentIntent,
}

impl Fatal {
    /// `sysexits.h`: EX_NOPERM for the token, EX_CONFIG for the intents.
    pub fn exit_code(&self) -> u8 {
        match self {
            Fatal::Token => 77,
            Fatal::Intents | Fatal::ContentIntent => 78,
        }
    }
}

/// Keeps the sessions, or what takes their place, until the process stops.
pub async fn run(bot: Arc<Bot>, lifecycle: &Lifecycle, patience: Patience) -> Result<(), Fatal> {
    if !bot.ports.config.discord.gateway {
        return without_sessions(&bot, lifecycle).await;
    }
    let stop = lifecycle.token();
    let log_ins = LogIns::new(bot.clone(), patience.between);
    while let Some(total) = number_of_shards(&bot, &log_ins, &stop).await? {
        let shards = (0..total).map(|index| Shard::new(&bot, lifecycle, &log_ins, patience, index, total).run());
        match try_join_all(shards).await {
            Ok(_) => return Ok(()),
            Err(Stopped::Fatal(fatal)) => {
                bot.ports.metrics.gateway("refused");
                let hears = bot.ports.config.etlegacy.trigger.is_some();
                return Err(if hears && matches!(fatal, Fatal::Intents) { Fatal::ContentIntent } else { fatal });
            }
            Err(Stopped::MoreShards(wanted)) => {
                tracing::info!(wanted, had = total, "Discord wants the servers divided anew");
            }
        }
    }
    Ok(())
}

/// As configured, or as Discord recommends. `None` when the process stops first.
async fn number_of_shards(bot: &Bot, log_ins: &LogIns, stop: &CancellationToken) -> Result<Option<u32>, Fatal> {
    if let Some(fixed) = bot.ports.config.discord.shards {
        return Ok((!stop.is_cancelled()).then_some(fixed));
    }
    let mut failures = 0;
    loop {
        let Some(asked) = stop.run_until_cancelled(log_ins.look()).await else { return Ok(None) };
        let why = match asked {
            Ok(gateway) => return Ok(Some(gateway.shards.max(1))),
            Err(Ended::Fatal(fatal)) => return Err(fatal),
            Err(Ended::Again(why)) => why,
            Err(Ended::NotBefore(_)) => String::from("no log-in is left"),
        };
        let wait = back_off(failures);
        failures += 1;
        tracing::warn!(why, seconds = wait.as_secs_f32(), "no gateway session; trying again");
        if !rest(wait, stop).await {
            return Ok(None);
        }
    }
}

/// Interactions come by HTTP alone: there is nothing to keep, only the commands to register.
async fn without_sessions(bot: &Arc<Bot>, lifecycle: &Lifecycle) -> Result<(), Fatal> {
    let stop = lifecycle.token();
    let registering = async {
        match rest::client(bot) {
            Ok(http) => register::register(bot, &http).await,
            Err(error) => {
                tracing::error!(error = crate::error::chain(&error), "commands cannot be registered");
                Ok(())
            }
        }
    };
    if let Some(registered) = stop.run_until_cancelled(registering).await {
        registered?;
        bot.connection.note(0, true);
        stop.cancelled().await;
    }
    Ok(())
}

/// False when the process stops meanwhile.
async fn rest(wait: Duration, stop: &CancellationToken) -> bool {
    stop.run_until_cancelled(tokio::time::sleep(wait)).await.is_some()
}

fn back_off(failures: u32) -> Duration {
    (BACK_OFF_MIN * 2u32.pow(failures.min(5))).min(BACK_OFF_MAX).mul_f64(jitter(0.2))
}
