//! The gateway session: taken under a lease, so that of several processes one is connected and the
//! next takes over; reconnected with back-off; ended with an exit code that says why.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use poise::serenity_prelude as serenity;
use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;

use super::{Bot, commands, framework};
use crate::config::DiscordConfig;
use crate::store::lane::OwnerLock;
use crate::upstream::discord::{LookupError, interaction_http};

/// How often a standby asks for the lease, and its holder whether it still has it.
const LEASE_EVERY: Duration = Duration::from_secs(1);
const BACK_OFF_MAX: Duration = Duration::from_secs(30);

/// Why starting again cannot help until a person changed something. A supervisor must not loop on these:
/// Discord counts a bot's log-ins.
#[derive(Debug, thiserror::Error)]
pub enum Fatal {
    #[error("Discord refuses the bot's token. Copy it anew from the Bot page of your application into DISCORD_TOKEN")]
    Token,
    #[error("Discord refuses the gateway intents that Signalbox asks for")]
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

/// Keeps a session until the token is cancelled.
pub async fn run(bot: Arc<Bot>, stop: CancellationToken) -> Result<(), Fatal> {
    let mut wait = Duration::from_secs(1);
    while !stop.is_cancelled() {
        let Some(mut lease) = take_lease(&bot, &stop).await else { return Ok(()) };
        match session(&bot, &mut lease, &stop).await {
            Ok(()) => wait = Duration::from_secs(1),
            Err(Ended::Fatal(fatal)) => return Err(fatal),
            Err(Ended::Again(why)) => {
                tracing::warn!(why, seconds = wait.as_secs(), "no gateway session; trying again");
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    () = stop.cancelled() => {}
                }
                wait = (wait * 2).min(BACK_OFF_MAX);
            }
        }
        bot.connected.store(false, Ordering::Relaxed);
    }
    Ok(())
}

/// Waits until no other process holds the session. `None` when the process stops first.
async fn take_lease(bot: &Bot, stop: &CancellationToken) -> Option<OwnerLock> {
    let mut said = false;
    loop {
        match bot.ports.store.try_role("gateway 0").await {
            Ok(Some(lease)) => return Some(lease),
            Ok(None) if !said => {
                said = true;
                tracing::info!("another process holds the gateway session; standing by");
            }
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, "the gateway lease cannot be asked for"),
        }
        tokio::select! {
            () = tokio::time::sleep(LEASE_EVERY) => {}
            () = stop.cancelled() => return None,
        }
    }
}

enum Ended {
    Fatal(Fatal),
    Again(String),
}

async fn session(bot: &Arc<Bot>, lease: &mut OwnerLock, stop: &CancellationToken) -> Result<(), Ended> {
    let config = &bot.ports.config.discord;
    let http = http(config).map_err(|e| Ended::Again(e.to_string()))?;
    // No privileged intent, and no guild cache: interactions bring all that is needed.
    let mut client = serenity::ClientBuilder::new_with_http(http, serenity::GatewayIntents::GUILDS)
        .framework(framework(bot))
        .raw_event_handler(Undecoded)
        .await
        .map_err(ended)?;
    if let Some(url) = &config.gateway_url {
        *client.ws_url.lock().await = url.clone();
    }
    let registering = register(bot, client.http.clone());
    let manager = client.shard_manager.clone();
    let mut running = std::pin::pin!(client.start());
    let mut registering = std::pin::pin!(registering);
    let mut registered = false;
    loop {
        tokio::select! {
            ended_with = &mut running => return ended_with.map_err(ended),
            () = &mut registering, if !registered => registered = true,
            () = stop.cancelled() => break,
            () = tokio::time::sleep(LEASE_EVERY) => {
                // PostgreSQL was restarted, or the connection broke: the lease may be another's by now.
                if lease.check().await.is_err() {
                    match bot.ports.store.try_role("gateway 0").await {
                        Ok(Some(again)) => *lease = again,
                        Ok(None) => break,
                        // The database is away for everyone: nobody else can take the session either.
                        Err(_) => {}
                    }
                }
            }
        }
    }
    // Serenity's own shutdown does not end while the gateway is down.
    let _ = tokio::time::timeout(Duration::from_secs(3), manager.shutdown_all()).await;
    Ok(())
}

fn ended(error: serenity::Error) -> Ended {
    use serenity::GatewayError;
    match &error {
        serenity::Error::Gateway(GatewayError::InvalidAuthentication) => Ended::Fatal(Fatal::Token),
        serenity::Error::Gateway(GatewayError::InvalidGatewayIntents | GatewayError::DisallowedGatewayIntents) => {
            Ended::Fatal(Fatal::Intents)
        }
        serenity::Error::Http(serenity::HttpError::UnsuccessfulRequest(response))
            if response.status_code.as_u16() == 401 =>
        {
            Ended::Fatal(Fatal::Token)
        }
        other => Ended::Again(other.to_string()),
    }
}

/// Serenity's client: its own limiter against Discord itself, none against a stand-in or a proxy, where
/// its proxy setting would be ignored with the limiter on.
fn http(config: &DiscordConfig) -> Result<serenity::Http, LookupError> {
    let client = interaction_http()?;
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

/// Registers the commands, best effort and again until it worked: in the configured guild at once, else
/// for all guilds.
async fn register(bot: &Arc<Bot>, http: Arc<serenity::Http>) {
    let commands = commands::all(bot.xtsystems.is_some());
    let definitions = poise::builtins::create_application_commands(&commands);
    let mut wait = Duration::from_secs(2);
    loop {
        match try_register(bot, &http, definitions.clone()).await {
            Ok(count) => {
                tracing::info!(count, "commands registered");
                return;
            }
            Err(error) => {
                tracing::warn!(%error, seconds = wait.as_secs(), "commands could not be registered; trying again")
            }
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(Duration::from_secs(300));
    }
}

async fn try_register(
    bot: &Bot,
    http: &serenity::Http,
    definitions: Vec<serenity::CreateCommand>,
) -> serenity::Result<usize> {
    if http.application_id().is_none() {
        let application = http.get_current_application_info().await?;
        http.set_application_id(application.id);
    }
    let registered = match bot.ports.config.discord.guild_id {
        Some(guild) => serenity::GuildId::new(guild.0 as u64).set_commands(http, definitions).await?,
        None => serenity::Command::set_global_commands(http, definitions).await?,
    };
    Ok(registered.len())
}

/// Serenity drops a known event that does not deserialise without a word; this says so.
struct Undecoded;

#[serenity::async_trait]
impl serenity::RawEventHandler for Undecoded {
    async fn raw_event(&self, _: serenity::Context, event: serenity::Event) {
        let serenity::Event::Unknown(unknown) = event else { return };
        if unknown.kind == "INTERACTION_CREATE" {
            let why = serde_json::from_value::<serenity::Interaction>(unknown.value).err().map(|e| e.to_string());
            tracing::error!(why, "an interaction could not be read and was lost");
        }
    }
}
