//! `/gtb guess|open|close|result`: Guess the Balance.

use super::super::text::play as text;
use super::super::{Context, Error, guild_of};
use super::raffle::{host, say};
use crate::community::draw::Host;
use crate::community::gtb as flow;
use crate::error::UserError;
use crate::id::UserId;

/// Guess the balance: the nearest guesses win.
#[poise::command(slash_command, guild_only, subcommands("guess", "open", "close", "result"), subcommand_required)]
pub async fn gtb(_: Context<'_>) -> Result<(), Error> {
    Ok(())
}

/// Your guess; a later one replaces it.
#[poise::command(slash_command, guild_only)]
async fn guess(
    ctx: Context<'_>,
    #[description = "An amount such as 1500.25"]
    #[max_length = 30]
    amount: String,
) -> Result<(), Error> {
    let guild_id = guild_of(ctx.guild_id()).ok_or_else(|| UserError::new(super::super::text::ONLY_IN_SERVERS))?;
    let host = Host::of(guild_id, UserId::from(ctx.author().id.get()));
    ctx.defer_ephemeral().await?;
    let guessed = flow::guess_in_discord(&ctx.data().ports, host, ctx.author().display_name(), &amount).await?;
    say(ctx, text::guessed(&guessed)).await
}

/// Open a session.
#[poise::command(slash_command, guild_only)]
async fn open(
    ctx: Context<'_>,
    #[description = "How many win (3)"]
    #[min = 1]
    #[max = 25]
    winners: Option<i32>,
) -> Result<(), Error> {
    let host = host(ctx)?;
    ctx.defer_ephemeral().await?;
    let number = flow::open(&ctx.data().ports, host, winners.unwrap_or(3)).await?;
    say(ctx, text::gtb_opened(number)).await
}

/// Close the session: no more guesses.
#[poise::command(slash_command, guild_only)]
async fn close(ctx: Context<'_>) -> Result<(), Error> {
    let host = host(ctx)?;
    ctx.defer_ephemeral().await?;
    let number = flow::close(&ctx.data().ports, host).await?;
    say(ctx, text::gtb_closed(number)).await
}

/// Set the result of the session that was closed last.
#[poise::command(slash_command, guild_only)]
async fn result(
    ctx: Context<'_>,
    #[description = "The balance, such as 1500.25"]
    #[max_length = 30]
    amount: String,
) -> Result<(), Error> {
    let host = host(ctx)?;
    ctx.defer_ephemeral().await?;
    let completed = flow::set_result(&ctx.data().ports, host, &amount).await?;
    say(ctx, text::gtb_completed(completed.number, completed.winners)).await
}
