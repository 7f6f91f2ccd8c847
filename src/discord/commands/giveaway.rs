//! `/giveaway start|end|reroll|list`: giveaways that people join by a button or a keyword in chat.

use poise::serenity_prelude::{CreateAutocompleteResponse, PartialChannel, Role};
use uuid::Uuid;

use super::super::text::play as text;
use super::super::{Context, Error};
use super::raffle::{choices, host, place, say};
use crate::community::draw::{self, Wish, due};
use crate::error::UserError;
use crate::id::RoleId;
use crate::routing::board::draw::{DrawKind, DrawState};
use crate::routing::duration::parse_span;

/// Giveaways: joined by a button or in chat, drawn so that anyone can recompute it.
#[poise::command(
    slash_command,
    guild_only,
    default_member_permissions = "MANAGE_GUILD",
    subcommands("start", "end", "reroll", "list"),
    subcommand_required
)]
pub async fn giveaway(_: Context<'_>) -> Result<(), Error> {
    Ok(())
}

/// Start a giveaway. Several may run at once.
#[poise::command(slash_command, guild_only)]
#[expect(clippy::too_many_arguments, reason = "each is an option of the command")]
async fn start(
    ctx: Context<'_>,
    #[description = "What can be won"]
    #[max_length = 500]
    prize: String,
    #[rename = "for"]
    #[description = "How long, such as 10m, 2h or 1d; otherwise until you end it"]
    #[max_length = 20]
    lasts: Option<String>,
    #[description = "How many win (1)"]
    #[min = 1]
    #[max = 100]
    winners: Option<i32>,
    #[description = "What is written in chat to join, such as !win"]
    #[max_length = 31]
    keyword: Option<String>,
    #[description = "Only members with this role"] role: Option<Role>,
    #[description = "Members with this role have more tickets"] bonus_role: Option<Role>,
    #[description = "How many more (1)"]
    #[min = 1]
    #[max = 1000]
    bonus_tickets: Option<i64>,
    #[description = "Only Discord accounts of so many days"]
    #[min = 0]
    #[max = 3650]
    account_days: Option<i32>,
    #[description = "What has to be answered to join"]
    #[max_length = 45]
    question: Option<String>,
    #[description = "How long winners have to claim it, such as 1h; then somebody else is drawn"]
    #[max_length = 20]
    claim_within: Option<String>,
    #[description = "Points for each winner"]
    #[min = 0]
    points: Option<i64>,
    #[description = "Where its card is; this channel otherwise"] channel: Option<PartialChannel>,
) -> Result<(), Error> {
    let host = host(ctx)?;
    let span = |words: Option<String>| match words {
        Some(words) => parse_span(&words).map(Some).ok_or_else(|| UserError::new(text::BAD_SPAN)),
        None => Ok(None),
    };
    let (lasts, claim) = (span(lasts)?, span(claim_within)?);
    ctx.defer_ephemeral().await?;
    let id = |role: Option<Role>| role.map(|role| RoleId::from(role.id.get()));
    let wish = Wish {
        kind: DrawKind::Giveaway,
        prize,
        channel: place(ctx, channel.as_ref()),
        winners: winners.unwrap_or(1),
        lasts,
        keyword,
        role: id(role),
        bonus_tickets: if bonus_role.is_some() { bonus_tickets.unwrap_or(1) } else { 0 },
        bonus_role: id(bonus_role),
        min_age_days: account_days.unwrap_or(0),
        question,
        claim,
        points: points.unwrap_or(0),
        repeats: false,
        said_in_chat: None,
    };
    let opened = draw::open(&ctx.data().ports, host, &wish).await?;
    say(ctx, text::opened(DrawKind::Giveaway, opened.number)).await
}

/// End a giveaway now: it is closed, and drawn a minute later.
#[poise::command(slash_command, guild_only)]
async fn end(
    ctx: Context<'_>,
    #[description = "Which one"]
    #[autocomplete = "open"]
    giveaway: String,
    #[description = "Call it off: nothing is drawn"] cancel: Option<bool>,
) -> Result<(), Error> {
    let host = host(ctx)?;
    let id = read_id(&giveaway)?;
    ctx.defer_ephemeral().await?;
    let ports = &ctx.data().ports;
    if cancel == Some(true) {
        let draw = draw::cancel(ports, host, id).await?;
        return say(ctx, text::cancelled(draw.kind, draw.number)).await;
    }
    let draw = draw::close(ports, host, id).await?;
    say(ctx, text::closed(draw.kind, draw.number)).await
}

/// Draw a place again, among those who were not drawn.
#[poise::command(slash_command, guild_only)]
async fn reroll(
    ctx: Context<'_>,
    #[description = "Which one"]
    #[autocomplete = "drawn"]
    giveaway: String,
    #[description = "The number before the winner's name"]
    #[min = 1]
    place: i32,
) -> Result<(), Error> {
    let host = host(ctx)?;
    let id = read_id(&giveaway)?;
    ctx.defer_ephemeral().await?;
    let number = due::reroll(&ctx.data().ports, host, id, place).await?;
    say(ctx, text::rerolled(number)).await
}

/// The giveaways that run.
#[poise::command(slash_command, guild_only)]
async fn list(ctx: Context<'_>) -> Result<(), Error> {
    let host = host(ctx)?;
    ctx.defer_ephemeral().await?;
    let open = ctx.data().ports.store.list_draws(host.guild_id, true, 20).await?;
    let lines: Vec<String> = open.iter().map(text::draw_line).collect();
    let words = if lines.is_empty() { text::NO_DRAWS.to_owned() } else { lines.join("\n") };
    say(ctx, words).await
}

fn read_id(words: &str) -> Result<Uuid, Error> {
    words.trim().parse().map_err(|_| UserError::new(draw::GONE).into())
}

async fn open(ctx: Context<'_>, partial: &str) -> CreateAutocompleteResponse {
    choices(ctx, partial, |draw| draw.state == DrawState::Open).await
}

async fn drawn(ctx: Context<'_>, partial: &str) -> CreateAutocompleteResponse {
    choices(ctx, partial, |draw| draw.state == DrawState::Drawn).await
}
