//! `/raffle start|end|info|tickets|board|give|take|verify`: the ticketed raffle of a period. `verify` is for giveaways, too.

use poise::CreateReply;
use poise::serenity_prelude::{
    AutocompleteChoice, CreateAllowedMentions, CreateAutocompleteResponse, CreateEmbed, PartialChannel, User,
};
use uuid::Uuid;

use super::super::component::draw::verified;
use super::super::text::play as text;
use super::super::{Context, Error, guild_of};
use super::{managed_guild, offer};
use crate::community::draw::tickets::{self, Gift, NONE_OPEN};
use crate::community::draw::{self, Host, Wish};
use crate::error::UserError;
use crate::id::{ChannelId, GuildId, UserId};
use crate::routing::board::draw::{DrawKind, DrawState};
use crate::routing::duration::parse_span;
use crate::routing::embed::{DESCRIPTION, fit};
use crate::store::draw::Draws;

const GOLD: u32 = 0xF1_C40F;
const CHOICES: usize = 25;
const LISTED: i64 = 50;

/// The raffle: tickets for watching and gifting, a draw that anyone can recompute.
#[poise::command(
    slash_command,
    guild_only,
    subcommands("start", "end", "info", "my_tickets", "board", "give", "take", "verify"),
    subcommand_required
)]
pub async fn raffle(_: Context<'_>) -> Result<(), Error> {
    Ok(())
}

/// This server, for members who may manage it, and the caller.
pub(super) fn host(ctx: Context<'_>) -> Result<Host, Error> {
    Ok(Host::of(managed_guild(ctx)?, UserId::from(ctx.author().id.get())))
}

pub(super) async fn say(ctx: Context<'_>, words: String) -> Result<(), Error> {
    let reply = CreateReply::default().content(words).ephemeral(true).allowed_mentions(CreateAllowedMentions::new());
    ctx.send(reply).await?;
    Ok(())
}

/// Where it is posted: the channel given, else this one.
pub(super) fn place(ctx: Context<'_>, channel: Option<&PartialChannel>) -> ChannelId {
    ChannelId::from(channel.map_or(ctx.channel_id().get(), |channel| channel.id.get()))
}

fn here(ctx: Context<'_>) -> Result<GuildId, Error> {
    guild_of(ctx.guild_id()).ok_or_else(|| UserError::new(super::super::text::ONLY_IN_SERVERS).into())
}

/// Start a raffle: tickets count from now on.
#[poise::command(slash_command, guild_only)]
async fn start(
    ctx: Context<'_>,
    #[description = "What can be won"]
    #[max_length = 500]
    prize: String,
    #[rename = "for"]
    #[description = "How long it runs, such as 1d, 1w or 30d"]
    #[max_length = 20]
    lasts: String,
    #[description = "How many win (1)"]
    #[min = 1]
    #[max = 100]
    winners: Option<i32>,
    #[description = "Points for each winner"]
    #[min = 0]
    points: Option<i64>,
    #[description = "Start the next one when it is over; of a month the next month"] repeat: Option<bool>,
    #[description = "Where its card is; this channel otherwise"] channel: Option<PartialChannel>,
) -> Result<(), Error> {
    let host = host(ctx)?;
    let lasts = parse_span(&lasts).ok_or_else(|| UserError::new(text::BAD_SPAN))?;
    ctx.defer_ephemeral().await?;
    let wish = Wish {
        winners: winners.unwrap_or(1),
        points: points.unwrap_or(0),
        repeats: repeat.unwrap_or(false),
        ..Wish::raffle(&prize, place(ctx, channel.as_ref()), lasts)
    };
    let opened = draw::open(&ctx.data().ports, host, &wish).await?;
    say(ctx, text::opened(DrawKind::Raffle, opened.number)).await
}

/// The raffle that runs.
async fn running(ctx: Context<'_>, guild_id: GuildId) -> Result<Draws, Error> {
    let open = ctx.data().ports.store.list_draws(guild_id, true, 100).await?;
    let raffle = open.into_iter().find(|draw| draw.kind == DrawKind::Raffle);
    raffle.ok_or_else(|| UserError::new(NONE_OPEN).into())
}

/// End the raffle now: it is closed, and drawn a minute later.
#[poise::command(slash_command, guild_only)]
async fn end(
    ctx: Context<'_>,
    #[description = "Call it off: nothing is drawn"] cancel: Option<bool>,
) -> Result<(), Error> {
    let host = host(ctx)?;
    ctx.defer_ephemeral().await?;
    let running = running(ctx, host.guild_id).await?;
    let ports = &ctx.data().ports;
    if cancel == Some(true) {
        let draw = draw::cancel(ports, host, running.id).await?;
        return say(ctx, text::cancelled(draw.kind, draw.number)).await;
    }
    let draw = draw::close(ports, host, running.id).await?;
    say(ctx, text::closed(draw.kind, draw.number)).await
}

/// The raffles and giveaways of this server.
#[poise::command(slash_command, guild_only)]
async fn info(ctx: Context<'_>) -> Result<(), Error> {
    let guild_id = here(ctx)?;
    ctx.defer_ephemeral().await?;
    let draws = ctx.data().ports.store.list_draws(guild_id, false, 20).await?;
    let lines: Vec<String> = draws.iter().map(text::draw_line).collect();
    let words = if lines.is_empty() { text::NO_DRAWS.to_owned() } else { lines.join("\n") };
    let embed = CreateEmbed::new().title("🎟️ Raffles and giveaways").colour(GOLD).description(fit(&words, DESCRIPTION));
    ctx.send(CreateReply::default().embed(embed).ephemeral(true)).await?;
    Ok(())
}

/// How many tickets of the raffle you have.
#[poise::command(slash_command, guild_only, rename = "tickets")]
async fn my_tickets(ctx: Context<'_>) -> Result<(), Error> {
    let guild_id = here(ctx)?;
    ctx.defer_ephemeral().await?;
    let running = running(ctx, guild_id).await?;
    let user = UserId::from(ctx.author().id.get());
    let mine = ctx.data().ports.store.find_mine(guild_id, running.id, user.0).await?;
    say(ctx, text::mine(&mine.ok_or_else(|| UserError::new(draw::GONE))?)).await
}

/// Who has most tickets.
#[poise::command(slash_command, guild_only)]
async fn board(
    ctx: Context<'_>,
    #[description = "How many (10)"]
    #[min = 1]
    #[max = 50]
    top: Option<i64>,
) -> Result<(), Error> {
    let guild_id = here(ctx)?;
    ctx.defer_ephemeral().await?;
    let running = running(ctx, guild_id).await?;
    let top = ctx.data().ports.store.list_top_tickets(guild_id, running.id, top.unwrap_or(10).clamp(1, LISTED)).await?;
    let line = |(at, (who, tickets)): (usize, &(String, i64))| text::board_line(at + 1, who, *tickets);
    let lines: Vec<String> = top.iter().enumerate().map(line).collect();
    let words = if lines.is_empty() { "Nobody has a ticket yet.".to_owned() } else { lines.join("\n") };
    let title = format!("🎟️ Raffle #{}", running.number);
    let embed = CreateEmbed::new().title(title).colour(GOLD).description(fit(&words, DESCRIPTION));
    ctx.send(CreateReply::default().embed(embed).ephemeral(true)).await?;
    Ok(())
}

/// Give somebody tickets.
#[poise::command(slash_command, guild_only)]
async fn give(
    ctx: Context<'_>,
    #[description = "To whom"] member: User,
    #[description = "How many"]
    #[min = 1]
    #[max = 1_000_000]
    tickets: i64,
    #[description = "Why; kept in the log"]
    #[max_length = 300]
    reason: Option<String>,
) -> Result<(), Error> {
    adjust(ctx, &member, tickets, reason.as_deref().unwrap_or_default()).await
}

/// Take tickets away. Nobody has fewer than none.
#[poise::command(slash_command, guild_only)]
async fn take(
    ctx: Context<'_>,
    #[description = "From whom"] member: User,
    #[description = "How many"]
    #[min = 1]
    #[max = 1_000_000]
    tickets: i64,
    #[description = "Why; kept in the log"]
    #[max_length = 300]
    reason: Option<String>,
) -> Result<(), Error> {
    adjust(ctx, &member, -tickets, reason.as_deref().unwrap_or_default()).await
}

async fn adjust(ctx: Context<'_>, member: &User, change: i64, reason: &str) -> Result<(), Error> {
    let host = host(ctx)?;
    ctx.defer_ephemeral().await?;
    let to = UserId::from(member.id.get());
    let gift = Gift { to, tickets: change, reason, cause: ctx.id().to_string() };
    let change = tickets::give(&ctx.data().ports, host, &gift).await?;
    say(ctx, text::tickets_changed(change)).await
}

/// Recompute a draw from what is published, and see what that proves.
#[poise::command(slash_command, guild_only)]
async fn verify(
    ctx: Context<'_>,
    #[description = "Which one"]
    #[autocomplete = "drawn"]
    draw: String,
) -> Result<(), Error> {
    let guild_id = here(ctx)?;
    let id: Uuid = draw.trim().parse().map_err(|_| UserError::new(draw::GONE))?;
    ctx.defer_ephemeral().await?;
    let embed = verified(&ctx.data().ports, guild_id, id).await?;
    ctx.send(CreateReply::default().embed(embed).ephemeral(true)).await?;
    Ok(())
}

async fn drawn(ctx: Context<'_>, partial: &str) -> CreateAutocompleteResponse {
    choices(ctx, partial, |draw| draw.state == DrawState::Drawn).await
}

pub(super) async fn choices(
    ctx: Context<'_>,
    partial: &str,
    fits: impl Fn(&Draws) -> bool,
) -> CreateAutocompleteResponse {
    let Some(guild_id) = guild_of(ctx.guild_id()) else { return offer([]) };
    let draws = ctx.data().ports.store.list_draws(guild_id, false, 100).await.unwrap_or_default();
    let typed = partial.trim().to_lowercase();
    let fitting = draws.iter().filter(|draw| fits(draw)).map(|draw| (text::draw_choice(draw), draw.id));
    let fitting = fitting.filter(|(label, _)| label.to_lowercase().contains(&typed)).take(CHOICES);
    offer(fitting.map(|(label, id)| AutocompleteChoice::new(label, id.to_string())))
}
