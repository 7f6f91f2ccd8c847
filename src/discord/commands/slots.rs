//! `/slots on|off|set|pick|list|clear|ban|unban|block|unblock`: slot calls.

use poise::serenity_prelude::PartialChannel;

use super::super::text::play as text;
use super::super::{Context, Error};
use super::raffle::{host, say};
use crate::community::slot_call as flow;
use crate::error::UserError;
use crate::id::ChannelId;
use crate::routing::embed::{CONTENT, fit};

/// Slot requests from chat: `!call` and `!sr`.
#[poise::command(
    slash_command,
    guild_only,
    default_member_permissions = "MANAGE_GUILD",
    subcommands("on", "off", "set", "pick", "list", "clear", "ban", "unban", "block", "unblock"),
    subcommand_required
)]
pub async fn slots(_: Context<'_>) -> Result<(), Error> {
    Ok(())
}

async fn toggle(ctx: Context<'_>, enabled: bool) -> Result<(), Error> {
    let host = host(ctx)?;
    ctx.defer_ephemeral().await?;
    let changed = flow::toggle(&ctx.data().ports, host, enabled).await?;
    say(ctx, if changed { text::CHANGED } else { text::ALREADY_SO }.to_owned()).await
}

/// Take requests. Those from before count no more.
#[poise::command(slash_command, guild_only)]
async fn on(ctx: Context<'_>) -> Result<(), Error> {
    toggle(ctx, true).await
}

/// Take no more requests.
#[poise::command(slash_command, guild_only)]
async fn off(ctx: Context<'_>) -> Result<(), Error> {
    toggle(ctx, false).await
}

/// Set limits, and where calls and clips are posted.
#[poise::command(slash_command, guild_only)]
async fn set(
    ctx: Context<'_>,
    #[description = "Requests a person may make; 0: any number"]
    #[min = 0]
    #[max = 10]
    limit: Option<i32>,
    #[description = "Seconds between two requests of a person"]
    #[min = 0]
    #[max = 86_400]
    cooldown: Option<i32>,
    #[description = "Refuse a slot that is on the list"] no_duplicates: Option<bool>,
    #[description = "Where calls are posted"] channel: Option<PartialChannel>,
    #[description = "Where moments marked by !clip are posted"] clip_channel: Option<PartialChannel>,
    #[description = "Seconds of a clip of such a moment, where a service makes clips (30)"]
    #[min = 5]
    #[max = 300]
    clip_length: Option<i32>,
) -> Result<(), Error> {
    let host = host(ctx)?;
    ctx.defer_ephemeral().await?;
    let id = |channel: Option<PartialChannel>| channel.map(|channel| ChannelId::from(channel.id.get()));
    let rules = flow::Rules {
        max_per_user: limit,
        cooldown_seconds: cooldown,
        prevent_duplicates: no_duplicates,
        channel: id(channel),
        clip_channel: id(clip_channel),
        clip_seconds: clip_length,
    };
    flow::set_rules(&ctx.data().ports, host, rules).await?;
    say(ctx, text::CHANGED.to_owned()).await
}

/// Pick one of the requests by chance.
#[poise::command(slash_command, guild_only)]
async fn pick(ctx: Context<'_>) -> Result<(), Error> {
    let host = host(ctx)?;
    ctx.defer_ephemeral().await?;
    let picked = flow::pick(&ctx.data().ports, host).await?;
    say(ctx, picked.map_or(text::NO_SLOTS.to_owned(), |call| text::picked(&call.slot, &call.name))).await
}

/// What is on the list.
#[poise::command(slash_command, guild_only)]
async fn list(ctx: Context<'_>) -> Result<(), Error> {
    let host = host(ctx)?;
    ctx.defer_ephemeral().await?;
    let calls = ctx.data().ports.store.list_slot_calls(host.guild_id, 30).await?;
    let lines: Vec<String> = calls.iter().map(|call| text::slot_line(&call.slot, &call.name)).collect();
    say(ctx, if lines.is_empty() { text::NO_SLOTS.to_owned() } else { fit(&lines.join("\n"), CONTENT) }).await
}

/// Take everything off the list.
#[poise::command(slash_command, guild_only)]
async fn clear(ctx: Context<'_>) -> Result<(), Error> {
    let host = host(ctx)?;
    ctx.defer_ephemeral().await?;
    let cleared = flow::clear(&ctx.data().ports, host).await?;
    say(ctx, text::cleared(cleared)).await
}

/// Do not take this slot.
#[poise::command(slash_command, guild_only)]
async fn ban(
    ctx: Context<'_>,
    #[description = "Its name"]
    #[max_length = 200]
    slot: String,
    #[description = "Why; for the admins"]
    #[max_length = 300]
    reason: Option<String>,
) -> Result<(), Error> {
    let host = host(ctx)?;
    ctx.defer_ephemeral().await?;
    flow::ban(&ctx.data().ports, host, &slot, Some(reason.as_deref().unwrap_or_default())).await?;
    say(ctx, text::CHANGED.to_owned()).await
}

/// Take this slot again.
#[poise::command(slash_command, guild_only)]
async fn unban(
    ctx: Context<'_>,
    #[description = "Its name"]
    #[max_length = 200]
    slot: String,
) -> Result<(), Error> {
    let host = host(ctx)?;
    ctx.defer_ephemeral().await?;
    let was = flow::ban(&ctx.data().ports, host, &slot, None).await?;
    say(ctx, if was { text::CHANGED } else { text::ALREADY_SO }.to_owned()).await
}

/// Take no requests of somebody.
#[poise::command(slash_command, guild_only)]
async fn block(
    ctx: Context<'_>,
    #[description = "Their name in chat"]
    #[max_length = 50]
    name: String,
    #[description = "Why; for the admins"]
    #[max_length = 300]
    reason: Option<String>,
) -> Result<(), Error> {
    blocking(ctx, &name, Some(reason.as_deref().unwrap_or_default())).await
}

/// Take requests of somebody again.
#[poise::command(slash_command, guild_only)]
async fn unblock(
    ctx: Context<'_>,
    #[description = "Their name in chat"]
    #[max_length = 50]
    name: String,
) -> Result<(), Error> {
    blocking(ctx, &name, None).await
}

async fn blocking(ctx: Context<'_>, name: &str, reason: Option<&str>) -> Result<(), Error> {
    let host = host(ctx)?;
    ctx.defer_ephemeral().await?;
    let found = flow::block(&ctx.data().ports, host, name, reason).await?;
    let changed = found.ok_or_else(|| UserError::new(text::NO_NAME))?;
    say(ctx, if changed { text::CHANGED } else { text::ALREADY_SO }.to_owned()).await
}
