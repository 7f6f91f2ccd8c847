//! `/why`, the message menu "Why?", `/why-not`: what became of a message, and of one that is not there.

use poise::CreateReply;
use poise::serenity_prelude::{CreateEmbed, Message};

use super::super::text::explain::{self as text, Part};
use super::super::{Context, Error};
use super::audit::parse_since;
use super::deliveries::{kinds, read_kind};
use super::{held, managed_guild};
use crate::delivery::explain::{self, Pointer, Story};
use crate::error::UserError;
use crate::id::{ChannelId, GuildId, MessageId, UserId};
use crate::routing::embed::{FIELD_VALUE, fit};
use crate::upstream::permission;

const BLUE: u32 = 0x3498DB;

/// How a message came to be: events, routes, attempts, edits.
#[poise::command(slash_command, guild_only)]
pub async fn why(
    ctx: Context<'_>,
    #[description = "A link to a message, its id, the number of a delivery, or the id of an event"] message: String,
) -> Result<(), Error> {
    let pointer = Pointer::parse(&message).ok_or_else(|| UserError::new(text::BAD_POINTER))?;
    ctx.defer_ephemeral().await?;
    tell(ctx, pointer).await
}

/// How this message came to be.
#[poise::command(context_menu_command = "Why?", guild_only)]
pub async fn why_menu(ctx: Context<'_>, message: Message) -> Result<(), Error> {
    ctx.defer_ephemeral().await?;
    tell(ctx, Pointer::Discord(MessageId(message.id.get() as i64))).await
}

/// What did not arrive: events of a type that are not in Discord, and refused requests.
#[poise::command(slash_command, rename = "why-not", guild_only, default_member_permissions = "MANAGE_GUILD")]
pub async fn why_not(
    ctx: Context<'_>,
    #[description = "The type of event that is missing"]
    #[rename = "type"]
    #[autocomplete = "kinds"]
    kind: String,
    #[description = "From when on, such as 7d, 12h or 2026-11-21; the last day unless said otherwise"] since: Option<
        String,
    >,
) -> Result<(), Error> {
    let guild_id = managed_guild(ctx)?;
    let kind = read_kind(&kind)?;
    let ports = &ctx.data().ports;
    let words = since.as_deref().unwrap_or("24h");
    let since =
        parse_since(words, ports.clock.now()).ok_or_else(|| UserError::new(super::super::text::delivery::BAD_SINCE))?;
    ctx.defer_ephemeral().await?;
    let absence = explain::why_not(&ports.store, guild_id, &kind, since).await?;
    show(ctx, text::TITLE_NOT, text::why_not(&kind, since, &absence)).await
}

async fn tell(ctx: Context<'_>, pointer: Pointer) -> Result<(), Error> {
    let guild_id =
        super::super::guild_of(ctx.guild_id()).ok_or_else(|| UserError::new(super::super::text::ONLY_IN_SERVERS))?;
    let store = &ctx.data().ports.store;
    let story = explain::why(store, guild_id, pointer).await?;
    // Whoever may not see it is not told whether it exists, either.
    let story = match story {
        Some(story) if may_know(ctx, guild_id, &story).await? => story,
        _ if manages(ctx)? || matches!(pointer, Pointer::Discord(_)) => {
            return Err(UserError::new(text::NOT_OURS).into());
        }
        _ => return Err(UserError::new(text::NOT_FOR_YOU).into()),
    };
    show(ctx, text::TITLE, text::why(guild_id, &story)).await
}

fn manages(ctx: Context<'_>) -> Result<bool, Error> {
    Ok(permission::manages(held(ctx)?.1))
}

/// Managers, and members who can see where it was posted.
async fn may_know(ctx: Context<'_>, guild_id: GuildId, story: &Story) -> Result<bool, Error> {
    if manages(ctx)? {
        return Ok(true);
    }
    let Some(channel) = story.send.as_ref().filter(|send| send.message_id.is_some()).and_then(|send| send.channel)
    else {
        return Ok(false);
    };
    if ChannelId::from(ctx.channel_id().get()) == channel {
        return Ok(true);
    }
    let (roles, _) = held(ctx)?;
    let user = UserId::from(ctx.author().id.get());
    Ok(ctx.data().delivery.may_view(guild_id, user, &roles, channel).await.unwrap_or(false))
}

async fn show(ctx: Context<'_>, title: &str, parts: Vec<Part>) -> Result<(), Error> {
    let mut embed = CreateEmbed::new().title(title).colour(BLUE);
    for (heading, words) in parts {
        embed = embed.field(heading, fit(&words, FIELD_VALUE), false);
    }
    ctx.send(CreateReply::default().embed(embed).ephemeral(true)).await?;
    Ok(())
}
