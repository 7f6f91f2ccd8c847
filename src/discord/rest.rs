//! Serenity's REST client, for answers to interactions and for commands: its own limiter against Discord itself,
//! none against a stand-in or a proxy, where its proxy setting would be ignored with the limiter on.

use poise::serenity_prelude as serenity;
use secrecy::ExposeSecret;

use super::Bot;

pub fn client(bot: &Bot) -> anyhow::Result<serenity::Http> {
    let config = &bot.ports.config.discord;
    let client = bot.ports.discord.interaction_http()?;
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
