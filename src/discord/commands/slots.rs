//! `/slots on|off|set|pick|list|clear|ban|unban|block|unblock|provider|providers`: slot calls.

use poise::serenity_prelude::{AutocompleteChoice, CreateAutocompleteResponse, PartialChannel};

use super::super::text::play as text;
use super::super::{Context, Error};
use super::offer;
use super::points::here;
use super::raffle::{host, say};
use crate::community::slot_call as flow;
use crate::community::slot_call::provider::{Said, forget, tell_of};
use crate::error::UserError;
use crate::id::ChannelId;
use crate::routing::embed::{CONTENT, fit};

/// Slot requests from chat: `!call` and `!sr`.
#[poise::command(
    slash_command,
    guild_only,
    default_member_permissions = "MANAGE_GUILD",
    subcommands(
        "on",
        "off",
        "set",
        "pick",
        "list",
        "clear",
        "ban",
        "unban",
        "block",
        "unblock",
        "provider",
        "providers"
    ),
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

/// Say of a provider whether its slots are taken at present, and which slots are its own.
#[poise::command(slash_command, guild_only)]
async fn provider(
    ctx: Context<'_>,
    #[description = "Its name"]
    #[max_length = 60]
    #[autocomplete = "known"]
    name: String,
    #[description = "Whether its slots are taken"] available: Option<bool>,
    #[description = "Why they are not; told to whoever calls one"]
    #[max_length = 100]
    reason: Option<String>,
    #[description = "Slots of it, separated by commas; added to those that are listed"]
    #[max_length = 4000]
    slots: Option<String>,
    #[description = "Forget it and its slots"] remove: Option<bool>,
) -> Result<(), Error> {
    let host = host(ctx)?;
    ctx.defer_ephemeral().await?;
    let ports = &ctx.data().ports;
    if remove == Some(true) {
        forget(ports, host, &name).await?;
        return say(ctx, text::CHANGED.to_owned()).await;
    }
    let provider = tell_of(ports, host, &name, &Said { available, slots, reason }).await?;
    say(ctx, text::provider_line(&provider)).await
}

/// Providers, and whose slots are not taken at present.
#[poise::command(slash_command, guild_only)]
async fn providers(ctx: Context<'_>) -> Result<(), Error> {
    let host = host(ctx)?;
    ctx.defer_ephemeral().await?;
    let all = ctx.data().ports.store.list_providers(host.guild_id).await?;
    let lines: Vec<String> = all.iter().map(text::provider_line).collect();
    say(ctx, if lines.is_empty() { text::NO_PROVIDERS.to_owned() } else { fit(&lines.join("\n"), CONTENT) }).await
}

/// Providers whose names begin so.
async fn known(ctx: Context<'_>, partial: &str) -> CreateAutocompleteResponse {
    let Ok(guild_id) = here(ctx) else { return offer([]) };
    let all = ctx.data().ports.store.list_providers(guild_id).await.unwrap_or_default();
    let partial = partial.trim().to_lowercase();
    let fitting =
        all.into_iter().map(|provider| provider.name).filter(|name| name.to_lowercase().starts_with(&partial));
    offer(fitting.take(25).map(|name| AutocompleteChoice::new(name.clone(), name)))
}
