//! `/points balance|statement|why|give|grant|leaderboard|undo`: every number can be explained.

use poise::CreateReply;
use poise::serenity_prelude::{AutocompleteChoice, CreateAutocompleteResponse, CreateEmbed, User};

use super::super::component::points::{Listing, page};
use super::super::text::points as text;
use super::super::{Context, Error, guild_of, text as texts};
use super::watchtime::{Since, show_board};
use super::{managed_guild, manages, offer};
use crate::community::leaderboard::Board;
use crate::community::points::{self, Actor, MOST, Whose};
use crate::error::UserError;
use crate::id::{GuildId, UserId};
use crate::routing::embed::{DESCRIPTION, fit};

pub(super) const GOLD: u32 = 0xF1_C4_0F;
const CHOICES: i64 = 25;

/// Points: what you have and why, and giving them.
#[poise::command(
    slash_command,
    guild_only,
    subcommands("balance", "statement", "why", "give", "grant", "ranking", "undo"),
    subcommand_required
)]
pub async fn points(_: Context<'_>) -> Result<(), Error> {
    Ok(())
}

/// This server.
pub(super) fn here(ctx: Context<'_>) -> Result<GuildId, Error> {
    guild_of(ctx.guild_id()).ok_or_else(|| UserError::new(texts::ONLY_IN_SERVERS).into())
}

pub(super) fn caller(ctx: Context<'_>) -> UserId {
    UserId::from(ctx.author().id.get())
}

pub(super) fn actor(ctx: Context<'_>) -> Result<Actor, Error> {
    Ok(Actor { guild_id: here(ctx)?, user_id: caller(ctx), interaction_id: ctx.id() as i64 })
}

/// A member or a viewer, as the options say; `None` when neither is given.
pub(super) fn whose(member: Option<&User>, viewer: Option<String>) -> Result<Option<Whose>, Error> {
    match (member, viewer) {
        (Some(_), Some(_)) => Err(UserError::new(text::WHOM).into()),
        (Some(user), None) if user.bot => Err(UserError::new(text::NO_BOTS).into()),
        (Some(user), None) => Ok(Some(Whose::Member(UserId::from(user.id.get())))),
        (None, viewer) => Ok(viewer.map(Whose::Viewer)),
    }
}

/// Who has most points, or has earned most of late; as a picture, with the same as text.
#[poise::command(slash_command, rename = "leaderboard")]
async fn ranking(
    ctx: Context<'_>,
    #[description = "Since when; all without"] since: Option<Since>,
) -> Result<(), Error> {
    show_board(ctx, Board::Points, since).await
}

/// How many points you or others have, and from what.
#[poise::command(slash_command)]
async fn balance(
    ctx: Context<'_>,
    #[description = "Whose; yours without"] member: Option<User>,
    #[description = "Whose, by the name on Kick"]
    #[max_length = 100]
    #[autocomplete = "viewers"]
    viewer: Option<String>,
) -> Result<(), Error> {
    let guild_id = here(ctx)?;
    let whose = whose(member.as_ref(), viewer)?;
    ctx.defer_ephemeral().await?;
    let whom = match &whose {
        None => "You have".to_owned(),
        Some(Whose::Member(user)) => format!("<@{user}> has"),
        Some(Whose::Viewer(name)) => format!("{} has", crate::routing::embed::escape(name)),
    };
    let account = points::account(&ctx.data().ports, guild_id, &whose.unwrap_or(Whose::Member(caller(ctx)))).await?;
    tell(ctx, text::balance(&whom, &account)).await
}

/// Your entries, newest first, each with what you had then. Admins may look at those of others.
#[poise::command(slash_command)]
async fn statement(
    ctx: Context<'_>,
    #[description = "Whose; yours without"] member: Option<User>,
    #[description = "Whose, by the name on Kick"]
    #[max_length = 100]
    #[autocomplete = "viewers"]
    viewer: Option<String>,
) -> Result<(), Error> {
    let guild_id = here(ctx)?;
    let whose = whose(member.as_ref(), viewer)?;
    if whose.as_ref().is_some_and(|whose| *whose != Whose::Member(caller(ctx))) {
        manages(ctx)?;
    }
    ctx.defer_ephemeral().await?;
    let ports = &ctx.data().ports;
    let account = points::account(ports, guild_id, &whose.unwrap_or(Whose::Member(caller(ctx)))).await?;
    let listing = Listing { caller: caller(ctx), person_id: account.person_id, before: None };
    let (embed, rows) = page(ports, guild_id, &listing).await?;
    ctx.send(CreateReply::default().embed(embed).components(rows).ephemeral(true)).await?;
    Ok(())
}

/// Why there is an entry: what caused it, and what has become of it.
#[poise::command(slash_command)]
async fn why(
    ctx: Context<'_>,
    #[description = "The number of the entry, from /points statement"]
    #[min = 1]
    entry: i64,
) -> Result<(), Error> {
    let guild_id = here(ctx)?;
    ctx.defer_ephemeral().await?;
    let ports = &ctx.data().ports;
    let found = ports.store.find_ledger_entry(guild_id, entry).await?.ok_or_else(|| UserError::new(text::NO_ENTRY))?;
    let own = points::account(ports, guild_id, &Whose::Member(caller(ctx))).await?;
    if own.person_id != found.person_id && manages(ctx).is_err() {
        return Err(UserError::new(text::NOT_YOURS).into());
    }
    tell(ctx, text::why(&found)).await
}

/// Give some of your points to another member.
#[poise::command(slash_command)]
async fn give(
    ctx: Context<'_>,
    #[description = "To whom"] member: User,
    #[description = "How many"]
    #[min = 1]
    #[max = 1_000_000_000i64]
    amount: i64,
) -> Result<(), Error> {
    let actor = actor(ctx)?;
    if member.bot {
        return Err(UserError::new(text::NO_BOTS).into());
    }
    ctx.defer_ephemeral().await?;
    let to = UserId::from(member.id.get());
    let left = points::give(&ctx.data().ports, actor, to, amount.clamp(1, MOST)).await?;
    tell(ctx, text::given(left)).await?;
    let words = format!("<@{}> gives <@{to}> **{}**.", actor.user_id, text::points(amount));
    ctx.send(CreateReply::default().content(words)).await?;
    Ok(())
}

/// Grant points, or take some with a number below 0. For those who manage the server.
#[poise::command(slash_command, default_member_permissions = "MANAGE_GUILD")]
async fn grant(
    ctx: Context<'_>,
    #[description = "How many; below 0 takes them"]
    #[max = 1_000_000_000i64]
    amount: i64,
    #[description = "Why; told by /points why"]
    #[max_length = 200]
    reason: String,
    #[description = "To which member"] member: Option<User>,
    #[description = "To which viewer, by the name on Kick"]
    #[max_length = 100]
    #[autocomplete = "viewers"]
    viewer: Option<String>,
) -> Result<(), Error> {
    managed_guild(ctx)?;
    let actor = actor(ctx)?;
    let whose = whose(member.as_ref(), viewer)?.ok_or_else(|| UserError::new(text::WHOM))?;
    if amount == 0 || amount < -MOST {
        return Err(UserError::new(text::HOW_MANY).into());
    }
    ctx.defer_ephemeral().await?;
    let (id, now) = points::grant(&ctx.data().ports, actor, &whose, amount, reason.trim()).await?;
    tell(ctx, format!("Entry `#{id}`: {}. The balance is **{}** now.", text::points(amount), text::number(now))).await
}

/// Take an entry back by another one. For those who manage the server.
#[poise::command(slash_command, default_member_permissions = "MANAGE_GUILD")]
async fn undo(
    ctx: Context<'_>,
    #[description = "The number of the entry"]
    #[min = 1]
    entry: i64,
) -> Result<(), Error> {
    managed_guild(ctx)?;
    let actor = actor(ctx)?;
    ctx.defer_ephemeral().await?;
    let outcome = points::undo(&ctx.data().ports, actor, entry).await?;
    tell(ctx, text::undone(&outcome, entry)).await
}

pub(super) async fn tell(ctx: Context<'_>, words: String) -> Result<(), Error> {
    let embed = CreateEmbed::new().colour(GOLD).description(fit(&words, DESCRIPTION));
    ctx.send(CreateReply::default().embed(embed).ephemeral(true)).await?;
    Ok(())
}

/// Viewers whose names begin so.
pub(super) async fn viewers(ctx: Context<'_>, partial: &str) -> CreateAutocompleteResponse {
    let Ok(guild_id) = here(ctx) else { return offer([]) };
    let found = ctx.data().ports.store.list_viewer_names(guild_id, partial.trim(), CHOICES).await;
    offer(found.unwrap_or_default().into_iter().map(|name| AutocompleteChoice::new(name.clone(), name)))
}
