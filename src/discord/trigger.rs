//! What the game server says in its channel: marked when it was followed, answered when it could not be.

use poise::serenity_prelude as serenity;
use serde_json::json;

use super::Bot;
use super::text::trigger as text;
use crate::id::{ChannelId, GuildId};
use crate::stats::import::Arrived;
use crate::stats::trigger::{Followed, Heard, hear};

const DONE: &str = "✅";
const FAILED: &str = "❌";
const WARNING: &str = "⚠️";

pub async fn on_message(bot: &Bot, ctx: &serenity::Context, message: &serenity::Message) {
    let Some(trigger) = &bot.ports.config.etlegacy.trigger else { return };
    let channel_id = ChannelId::from(message.channel_id.get());
    let (Some(guild_id), true) = (message.guild_id, channel_id == trigger.channel_id) else { return };
    let heard = Heard {
        guild_id: GuildId::from(guild_id.get()),
        channel_id,
        message_id: message.id.get() as i64,
        webhook_id: message.webhook_id.map(|id| id.get() as i64),
        username: &message.author.name,
        content: &message.content,
        body: json!({ "content": message.content, "embeds": message.embeds }).to_string().into_bytes(),
    };
    let followed = match hear(&bot.ports, &bot.triggers, heard).await {
        Ok(followed) => followed,
        Err(error) => {
            tracing::error!(error = crate::error::chain(&error), "a message of the game server could not be followed");
            Followed::Failed(text::FAILED.to_owned())
        }
    };
    let (mark, words) = match &followed {
        Followed::Passed => return,
        Followed::Arrived(Arrived::New | Arrived::Known | Arrived::Corrected) => (DONE, None),
        followed => {
            (if *followed == Followed::NotThere { WARNING } else { FAILED }, Some(text::not_followed(followed)))
        }
    };
    if let Err(error) = message.react(ctx, serenity::ReactionType::Unicode(mark.to_owned())).await {
        tracing::warn!(%error, "a message of the game server could not be marked");
    }
    let Some(words) = words else { return };
    let answer = serenity::CreateMessage::new()
        .content(format!("{mark} {words}"))
        .reference_message(message)
        .allowed_mentions(serenity::CreateAllowedMentions::new());
    if let Err(error) = message.channel_id.send_message(&ctx.http, answer).await {
        tracing::warn!(%error, "a message of the game server could not be answered");
    }
}
