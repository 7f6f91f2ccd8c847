//! `/kick connect|status|disconnect|doctor`, `/link`, `/unlink`.

use poise::serenity_prelude::{
    AutocompleteChoice, CreateActionRow, CreateAllowedMentions, CreateAutocompleteResponse, CreateButton, CreateEmbed,
    Member,
};
use poise::{ChoiceParameter, CreateReply};
use uuid::Uuid;

use super::super::text::{self as texts, kick as text};
use super::super::{Context, Error, guild_of};
use super::{held, managed_guild, offer};
use crate::error::UserError;
use crate::id::UserId;
use crate::kick::status::{Status, examine, status as look};
use crate::kick::{connect, link as links};
use crate::routing::embed::{DESCRIPTION, FIELD_VALUE, fit, relative};
use crate::store::kick_oauth::Wish;
use crate::upstream::permission::manages;

const GREEN: u32 = 0x53_FC_18;
/// Discord shows no more fields, and an embed holds 6000 characters.
const CHANNELS: usize = 5;

/// The Kick channels of this server.
#[poise::command(
    slash_command,
    guild_only,
    subcommands("connect", "status", "disconnect", "doctor"),
    subcommand_required,
    default_member_permissions = "MANAGE_GUILD"
)]
pub async fn kick(_: Context<'_>) -> Result<(), Error> {
    Ok(())
}

#[derive(ChoiceParameter)]
enum Account {
    #[name = "streamer"]
    Streamer,
    #[name = "bot"]
    Bot,
}

/// Connect a Kick channel with this server: makes a link for the streamer.
#[poise::command(slash_command, guild_only)]
async fn connect(
    ctx: Context<'_>,
    #[description = "streamer: a channel (when left out); bot: another account that speaks in its chat"]
    account: Option<Account>,
) -> Result<(), Error> {
    managed_guild(ctx)?;
    let wish = match account {
        Some(Account::Bot) => Wish::Bot,
        Some(Account::Streamer) | None => Wish::Streamer,
    };
    begin(ctx, wish).await
}

/// Link your Kick account with your Discord account in this server.
#[poise::command(slash_command, guild_only)]
pub async fn link(ctx: Context<'_>) -> Result<(), Error> {
    begin(ctx, Wish::Link).await
}

/// A link, for the caller's eyes alone.
async fn begin(ctx: Context<'_>, wish: Wish) -> Result<(), Error> {
    let guild_id = guild_of(ctx.guild_id()).ok_or_else(|| UserError::new(texts::ONLY_IN_SERVERS))?;
    ctx.defer_ephemeral().await?;
    let user_id = UserId::from(ctx.author().id.get());
    let begun = connect::begin(&ctx.data().ports, guild_id, user_id, &ctx.author().name, wish).await?;
    let button = CreateActionRow::Buttons(vec![CreateButton::new_link(begun.url).label(text::OPEN)]);
    let words = text::begun(wish, &relative(begun.expires_at));
    ctx.send(CreateReply::default().content(words).components(vec![button]).ephemeral(true)).await?;
    Ok(())
}

/// Undo the link between your Kick account and your Discord account in this server.
#[poise::command(slash_command, guild_only)]
pub async fn unlink(
    ctx: Context<'_>,
    #[description = "Whose, with Manage Server; your own when left out"] member: Option<Member>,
) -> Result<(), Error> {
    let guild_id = guild_of(ctx.guild_id()).ok_or_else(|| UserError::new(texts::ONLY_IN_SERVERS))?;
    let by = UserId::from(ctx.author().id.get());
    let whose = member.as_ref().map_or(by, |m| UserId::from(m.user.id.get()));
    let (_, permissions) = held(ctx)?;
    if whose != by && !manages(permissions) {
        return Err(UserError::new(text::NOT_YOURS).into());
    }
    ctx.defer_ephemeral().await?;
    let of_others = (whose != by).then(|| format!("<@{whose}>"));
    let undone = links::unlink(&ctx.data().ports, guild_id, by, whose).await?;
    let words = match (undone, of_others) {
        (Some(link), of_others) => text::unlinked(&link.username, of_others.as_deref()),
        (None, Some(whose)) => text::not_linked(&whose),
        (None, None) => text::NOT_LINKED.to_owned(),
    };
    answer(ctx, words).await
}

/// How the Kick channels of this server stand.
#[poise::command(slash_command, guild_only)]
async fn status(ctx: Context<'_>) -> Result<(), Error> {
    let guild_id = managed_guild(ctx)?;
    ctx.defer_ephemeral().await?;
    let found = look(&ctx.data().ports, guild_id).await?;
    show(ctx, "Kick", &found).await
}

/// Look at the subscriptions at Kick now: creates what is missing, removes what is there twice.
#[poise::command(slash_command, guild_only)]
async fn doctor(ctx: Context<'_>) -> Result<(), Error> {
    let guild_id = managed_guild(ctx)?;
    ctx.defer_ephemeral().await?;
    let found = examine(&ctx.data().ports, guild_id).await?;
    show(ctx, "Kick, looked at just now", &found).await
}

async fn show(ctx: Context<'_>, title: &str, found: &Status) -> Result<(), Error> {
    let (mut about, fields) = text::status(found);
    if fields.len() > CHANNELS {
        about = format!("{about}\n{} of {} channels:", CHANNELS, fields.len());
    }
    let fields = fields.into_iter().take(CHANNELS).map(|(name, value)| (name, fit(&value, FIELD_VALUE), false));
    let embed =
        CreateEmbed::new().title(title).description(fit(about.trim(), DESCRIPTION / 4)).colour(GREEN).fields(fields);
    let reply = CreateReply::default().embed(embed).ephemeral(true);
    ctx.send(reply.allowed_mentions(CreateAllowedMentions::new())).await?;
    Ok(())
}

/// End a channel's connection with this server.
#[poise::command(slash_command, guild_only)]
async fn disconnect(
    ctx: Context<'_>,
    #[description = "The channel"]
    #[autocomplete = "channels"]
    channel: String,
) -> Result<(), Error> {
    let guild_id = managed_guild(ctx)?;
    ctx.defer_ephemeral().await?;
    let ports = &ctx.data().ports;
    let connected = ports.store.list_kick_channels(guild_id).await?;
    let typed = channel.trim();
    let meant = |c: &&crate::store::kick::KickChannel| {
        typed.parse::<Uuid>().is_ok_and(|id| id == c.id)
            || c.slug.eq_ignore_ascii_case(typed)
            || c.name.eq_ignore_ascii_case(typed)
    };
    let found = connected.iter().find(meant).ok_or_else(|| UserError::new(text::UNKNOWN_CHANNEL))?;
    let by = UserId::from(ctx.author().id.get());
    let ended = connect::disconnect(ports, guild_id, by, found.id).await?;
    answer(ctx, text::disconnected(&ended.name)).await
}

async fn answer(ctx: Context<'_>, words: String) -> Result<(), Error> {
    let reply = CreateReply::default().content(words).ephemeral(true);
    ctx.send(reply.allowed_mentions(CreateAllowedMentions::new())).await?;
    Ok(())
}

/// Never fails loudly: what cannot be had is not offered.
async fn channels(ctx: Context<'_>, partial: &str) -> CreateAutocompleteResponse {
    let Ok(guild_id) = managed_guild(ctx) else { return offer([]) };
    let found = ctx.data().ports.store.list_kick_channels(guild_id).await.unwrap_or_default();
    let partial = partial.to_lowercase();
    let fitting = found.into_iter().filter(|c| c.name.to_lowercase().contains(&partial) || c.slug.contains(&partial));
    offer(fitting.take(25).map(|c| AutocompleteChoice::new(fit(&c.name, 100), c.id.to_string())))
}
