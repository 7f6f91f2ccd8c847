//! `/watchtime show|why`, and `/leaderboard`.

use poise::CreateReply;
use poise::serenity_prelude::{CreateAttachment, CreateEmbed, User};

use super::super::text::points as text;
use super::super::{Context, Error};
use super::manages;
use super::points::{GOLD, caller, here, tell, viewers, whose};
use crate::community::Known;
use crate::community::bits::{day_of, hour_of};
use crate::community::leaderboard::{self, Board, Span};
use crate::community::points::{Whose, account};
use crate::error::UserError;
use crate::id::GuildId;
use crate::routing::embed::{DESCRIPTION, fit};
use crate::store::viewer::Viewer;

const HOURS: i64 = 8;
const DAYS: i64 = 31;
const PLACES: i64 = 10;

/// How long viewers have watched, and how that was counted.
#[poise::command(slash_command, guild_only, subcommands("show", "why"), subcommand_required)]
pub async fn watchtime(_: Context<'_>) -> Result<(), Error> {
    Ok(())
}

async fn viewer(ctx: Context<'_>, guild_id: GuildId, whose: Option<Whose>) -> Result<Viewer, Error> {
    let ports = &ctx.data().ports;
    let account = account(ports, guild_id, &whose.unwrap_or(Whose::Member(caller(ctx)))).await?;
    account.viewer.ok_or_else(|| UserError::new(text::NOT_SEEN).into())
}

/// How long you or others have watched.
#[poise::command(slash_command)]
async fn show(
    ctx: Context<'_>,
    #[description = "Who; you without"] member: Option<User>,
    #[description = "Who, by the name on Kick"]
    #[max_length = 100]
    #[autocomplete = "viewers"]
    viewer: Option<String>,
) -> Result<(), Error> {
    let guild_id = here(ctx)?;
    let whose = whose(member.as_ref(), viewer)?;
    ctx.defer_ephemeral().await?;
    let found = self::viewer(ctx, guild_id, whose).await?;
    let ports = &ctx.data().ports;
    let days = ports.store.list_watched_days(guild_id, found.person_id, DAYS).await?;
    let rank = ports.store.watch_rank(guild_id, found.minutes).await?;
    tell(ctx, text::watched(&found, rank, &days, day_of(ports.clock.now()))).await
}

/// Which of your minutes were counted, hour by hour, and why others were not.
#[poise::command(slash_command)]
async fn why(
    ctx: Context<'_>,
    #[description = "Whose; yours without. For those who manage the server"] member: Option<User>,
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
    let found = self::viewer(ctx, guild_id, whose).await?;
    let ports = &ctx.data().ports;
    let hours = ports.store.list_watched_hours(guild_id, found.person_id, HOURS).await?;
    let opening = ports.store.find_opening_minutes(guild_id, found.person_id).await?;
    let mut known = Known::default();
    known.refresh(ports).await?;
    let rules = known.rules.at(guild_id, hour_of(ports.clock.now()));
    tell(ctx, text::why_watched(&hours, opening, &rules)).await
}

/// What a list is by.
#[derive(Clone, Copy, Debug, poise::ChoiceParameter)]
pub enum By {
    #[name = "watch time"]
    Watch,
    #[name = "points"]
    Points,
}

#[derive(Clone, Copy, Debug, poise::ChoiceParameter)]
pub enum Since {
    #[name = "today"]
    Day,
    #[name = "7 days"]
    Week,
    #[name = "30 days"]
    Month,
    #[name = "all"]
    All,
}

/// Who has watched most, or has most points; as a picture, with the same as text.
#[poise::command(slash_command, guild_only)]
pub async fn leaderboard(
    ctx: Context<'_>,
    #[description = "Watch time or points; watch time without"] by: Option<By>,
    #[description = "Since when; all without"] since: Option<Since>,
) -> Result<(), Error> {
    let by = match by {
        Some(By::Points) => Board::Points,
        Some(By::Watch) | None => Board::Watch,
    };
    show_board(ctx, by, since).await
}

/// A picture of who is first, with the same as text.
pub(super) async fn show_board(ctx: Context<'_>, by: Board, since: Option<Since>) -> Result<(), Error> {
    let guild_id = here(ctx)?;
    ctx.defer().await?;
    let ports = &ctx.data().ports;
    let span = match since {
        Some(Since::Day) => Span::Day,
        Some(Since::Week) => Span::Week,
        Some(Since::Month) => Span::Month,
        Some(Since::All) | None => Span::All,
    };
    let standings = leaderboard::standings(ports, guild_id, by, span, PLACES).await?;
    let shown = |amount| match by {
        Board::Watch => text::minutes(amount),
        Board::Points => text::points(amount),
    };
    let title = leaderboard::title(by, span);
    let words = text::board(&standings, shown);
    let embed = CreateEmbed::new().title(title).colour(GOLD).description(fit(&words, DESCRIPTION));
    let mut reply = CreateReply::default();
    if !standings.is_empty() {
        let lines: Vec<(String, String)> =
            standings.iter().map(|standing| (text::plain_name(standing), shown(standing.amount))).collect();
        let picture = text::in_words(title, &lines);
        match leaderboard::card(title.to_owned(), lines).await {
            Ok(png) => {
                let file = CreateAttachment::bytes(png, "leaderboard.png").description(picture);
                reply = reply.attachment(file);
                ctx.send(reply.embed(embed.attachment("leaderboard.png"))).await?;
                return Ok(());
            }
            // The text says the same.
            Err(error) => tracing::warn!(error = format!("{error:#}"), "a card could not be drawn"),
        }
    }
    ctx.send(reply.embed(embed)).await?;
    Ok(())
}
