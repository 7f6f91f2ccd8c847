//! `/stats link|unlink|find|alias|name`: who is who, and what people are called.

use poise::CreateReply;
use poise::serenity_prelude::{CreateAllowedMentions, User};

use super::super::super::component::stats::link_buttons;
use super::super::super::text::stats::person as text;
use super::super::super::{Context, Error};
use super::super::points::{here, tell};
use super::{asked, is_manager, players, show, whom};
use crate::error::UserError;
use crate::id::UserId;
use crate::stats::people::{self, Named, Whom, find};

/// Say which player you are, or ask a member whether they are one; who is asked has to confirm it.
#[poise::command(slash_command)]
pub async fn link(
    ctx: Context<'_>,
    #[description = "The player, by a name or GUID"]
    #[max_length = 100]
    #[autocomplete = "players"]
    player: String,
    #[description = "Who it is; you without"] member: Option<User>,
) -> Result<(), Error> {
    let (guild_id, caller) = asked(ctx)?;
    let whose = member.as_ref().map_or(caller, |user| UserId::from(user.id.get()));
    if whose != caller && !is_manager(ctx) {
        return Err(UserError::new(text::LINK_OTHERS).into());
    }
    if member.as_ref().is_some_and(|user| user.bot) {
        return Err(UserError::new("Bots play no matches.").into());
    }
    // Somebody else has to see what they are asked.
    if whose == caller {
        ctx.defer_ephemeral().await?
    } else {
        ctx.defer().await?
    };
    let ports = &ctx.data().ports;
    let who = find(ports, guild_id, &Whom::Text(player)).await?;
    let rounds = ports.store.list_stats_aliases(guild_id, &who.guid).await?.iter().map(|alias| alias.rounds).sum();
    let reply = CreateReply::default().content(text::asked(whose, &who, rounds));
    let mentions = CreateAllowedMentions::new();
    let reply = reply.components(link_buttons(whose, caller, &who.guid)).allowed_mentions(mentions);
    ctx.send(reply).await?;
    Ok(())
}

/// End your link with a player; those who manage the server end that of others.
#[poise::command(slash_command)]
pub async fn unlink(
    ctx: Context<'_>,
    #[description = "The player; yours without"]
    #[max_length = 100]
    #[autocomplete = "players"]
    player: Option<String>,
    #[description = "The member; you without"] member: Option<User>,
) -> Result<(), Error> {
    let (guild_id, caller) = asked(ctx)?;
    ctx.defer_ephemeral().await?;
    let ports = &ctx.data().ports;
    if player.is_none() && member.is_none() && ports.store.find_stats_link_of(guild_id, caller).await?.is_none() {
        return Err(UserError::new(text::NO_LINK).into());
    }
    let who = find(ports, guild_id, &whom(ctx, player, member.as_ref())).await?;
    if !is_own(ctx, &who).await? && !is_manager(ctx) {
        return Err(UserError::new(text::LINK_OTHERS).into());
    }
    match people::unlink(ports, guild_id, &who.guid, caller).await? {
        Some(_) => tell(ctx, text::unlinked(&who)).await,
        None => Err(UserError::new(text::NO_LINK).into()),
    }
}

/// Whether the caller is this player.
async fn is_own(ctx: Context<'_>, who: &Named) -> Result<bool, Error> {
    let (guild_id, caller) = asked(ctx)?;
    let own = ctx.data().ports.store.find_stats_link_of(guild_id, caller).await?;
    Ok(own.is_some_and(|link| link.guid == who.guid))
}

/// Find players by a name that they have or had.
#[poise::command(slash_command, rename = "find")]
pub async fn find_player(
    ctx: Context<'_>,
    #[description = "A part of a name, or a GUID"]
    #[max_length = 100]
    name: String,
) -> Result<(), Error> {
    let guild_id = here(ctx)?;
    ctx.defer_ephemeral().await?;
    let found = people::search(&ctx.data().ports, guild_id, &name, text::FOUND as i64 + 1).await?;
    show(ctx, &text::found(&name, &found), None).await
}

/// The names that somebody has played under.
#[poise::command(slash_command)]
pub async fn alias(
    ctx: Context<'_>,
    #[description = "Who, by a name or GUID; you without"]
    #[max_length = 100]
    #[autocomplete = "players"]
    player: Option<String>,
    #[description = "Who, as a member"] member: Option<User>,
) -> Result<(), Error> {
    let guild_id = here(ctx)?;
    ctx.defer_ephemeral().await?;
    let ports = &ctx.data().ports;
    let who = find(ports, guild_id, &whom(ctx, player, member.as_ref())).await?;
    let aliases = ports.store.list_stats_aliases(guild_id, &who.guid).await?;
    let member = ports.store.find_stats_link(guild_id, &who.guid).await?.and_then(|link| link.user_id);
    show(ctx, &text::aliases(&who, member, &aliases), None).await
}

/// Choose what you are called in statistics; those who manage the server choose for others.
#[poise::command(slash_command)]
pub async fn name(
    ctx: Context<'_>,
    #[description = "The name, 2 to 32 characters; as in the game without"]
    #[min_length = 2]
    #[max_length = 32]
    name: Option<String>,
    #[description = "Whose; yours without"]
    #[max_length = 100]
    #[autocomplete = "players"]
    player: Option<String>,
) -> Result<(), Error> {
    let (guild_id, caller) = asked(ctx)?;
    ctx.defer_ephemeral().await?;
    let ports = &ctx.data().ports;
    let who = find(ports, guild_id, &whom(ctx, player, None)).await?;
    let is_own = is_own(ctx, &who).await?;
    if !is_own && !is_manager(ctx) {
        return Err(UserError::new(text::NAME_OTHERS).into());
    }
    people::set_name(ports, guild_id, &who.guid, name.as_deref(), (caller, is_own)).await?;
    tell(ctx, text::named(&who, name.as_deref())).await
}
