//! Registers the commands, best effort and again until it worked: in the configured guild at once, else
//! for all guilds.

use std::sync::Arc;
use std::time::Duration;

use poise::serenity_prelude as serenity;

use super::Fatal;
use super::connection::is_refused_token;
use crate::discord::{Bot, commands};

const WAIT_MAX: Duration = Duration::from_secs(300);

/// Returns when it is done. An error means that a person must act.
pub async fn register(bot: &Arc<Bot>, http: &serenity::Http) -> Result<(), Fatal> {
    let commands = commands::all(bot.xtsystems.is_some(), bot.ports.kick.is_some());
    let definitions = commands::definitions(&commands);
    let mut wait = Duration::from_secs(2);
    loop {
        match try_register(bot, http, definitions.clone()).await {
            Ok(count) => {
                tracing::info!(count, "commands registered");
                return Ok(());
            }
            Err(error) if is_refused_token(&error) => return Err(Fatal::Token),
            Err(error) => {
                tracing::warn!(%error, seconds = wait.as_secs(), "commands could not be registered; trying again")
            }
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(WAIT_MAX);
    }
}

async fn try_register(
    bot: &Bot,
    http: &serenity::Http,
    definitions: Vec<serenity::CreateCommand>,
) -> serenity::Result<usize> {
    bot.delivery.make_room();
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
