//! `/stats import status|quarantine|reparse`, for those who manage the server.

use poise::CreateReply;

use super::super::super::component::stats::{made, quarantine, reparse_buttons};
use super::super::super::text::stats::import as text;
use super::super::super::{Context, Error};
use super::super::points::caller;
use super::managed_guild;
use crate::stats::reparse as flow;

/// How match statistics come in, and what could not be read.
#[poise::command(
    slash_command,
    default_member_permissions = "MANAGE_GUILD",
    subcommands("status", "quarantine_of", "reparse"),
    subcommand_required
)]
pub async fn import(_: Context<'_>) -> Result<(), Error> {
    Ok(())
}

/// How many files and rounds there are, what waits, and how each way in stands.
#[poise::command(slash_command)]
pub async fn status(ctx: Context<'_>) -> Result<(), Error> {
    let guild_id = managed_guild(ctx)?;
    ctx.defer_ephemeral().await?;
    let ports = &ctx.data().ports;
    let status = ports.store.get_stats_status(guild_id).await?;
    let mut cursors = Vec::new();
    for place in text::PLACES {
        cursors.extend(ports.store.find_stats_cursor(guild_id, place).await?);
    }
    let embed = text::status(&status, &cursors);
    ctx.send(CreateReply::default().embed(made(&embed)).ephemeral(true)).await?;
    Ok(())
}

/// The files that could not be read, where they are bad, and a button to read each again.
#[poise::command(slash_command, rename = "quarantine")]
pub async fn quarantine_of(ctx: Context<'_>) -> Result<(), Error> {
    let guild_id = managed_guild(ctx)?;
    ctx.defer_ephemeral().await?;
    let (embed, rows) = quarantine(&ctx.data().ports, guild_id, caller(ctx), 0).await?;
    ctx.send(CreateReply::default().embed(embed).components(rows).ephemeral(true)).await?;
    Ok(())
}

/// Read all stored files anew: shows what would change, and does it when you say so.
#[poise::command(slash_command)]
pub async fn reparse(ctx: Context<'_>) -> Result<(), Error> {
    let guild_id = managed_guild(ctx)?;
    ctx.defer_ephemeral().await?;
    let difference = flow::look(&ctx.data().ports, guild_id).await?;
    let embed = made(&text::difference(&difference));
    let rows = if difference.is_empty() { Vec::new() } else { reparse_buttons(caller(ctx)) };
    ctx.send(CreateReply::default().embed(embed).components(rows).ephemeral(true)).await?;
    Ok(())
}
