//! `/watchroles list|set|remove`: roles that linked members get for watching.

use std::fmt::Write as _;

use poise::serenity_prelude::Role;

use super::super::text::points::minutes as spoken;
use super::super::{Context, Error};
use super::managed_guild;
use super::points::{actor, here, tell};
use crate::community::roles;
use crate::error::UserError;
use crate::id::RoleId;

/// Roles for watching: linked members get them by themselves.
#[poise::command(slash_command, guild_only, subcommands("list", "set", "remove"), subcommand_required)]
pub async fn watchroles(_: Context<'_>) -> Result<(), Error> {
    Ok(())
}

/// Which roles there are for how much watch time.
#[poise::command(slash_command)]
async fn list(ctx: Context<'_>) -> Result<(), Error> {
    let guild_id = here(ctx)?;
    ctx.defer_ephemeral().await?;
    let all = ctx.data().ports.store.list_watch_roles(guild_id).await?;
    if all.is_empty() {
        return tell(ctx, "No role is given for watching. /watchroles set makes one.".into()).await;
    }
    let mut out = String::new();
    for role in all {
        let _ = write!(out, "<@&{}> from {} · given to {}", role.role_id, spoken(role.minutes), role.granted);
        out.push_str(if role.enabled { "\n" } else { " · off\n" });
        if let Some(fault) = role.fault {
            let _ = writeln!(out, "⚠️ Not given at present: {fault} Then set it again.");
        }
    }
    tell(ctx, out).await
}

/// Give a role from so many minutes on.
#[poise::command(slash_command, default_member_permissions = "MANAGE_GUILD")]
async fn set(
    ctx: Context<'_>,
    #[description = "Which role; the bot's own has to be above it"] role: Role,
    #[description = "From how many minutes of watch time on"]
    #[min = 1]
    #[max = 10_000_000]
    minutes: i64,
    #[description = "Whether it is given at present"] enabled: Option<bool>,
) -> Result<(), Error> {
    let guild_id = managed_guild(ctx)?;
    let actor = actor(ctx)?;
    if role.id.get() as i64 == guild_id.0 || role.managed {
        return Err(UserError::new("That role cannot be given: Discord or another bot manages it.").into());
    }
    ctx.defer_ephemeral().await?;
    let ports = &ctx.data().ports;
    let role_id = RoleId::from(role.id.get());
    roles::save(ports, actor, role_id, &role.name, minutes, enabled.unwrap_or(true)).await?;
    roles::give_now(ports, guild_id).await?;
    tell(ctx, format!("Linked members get <@&{role_id}> from {} on.", spoken(minutes))).await
}

/// Give a role no longer. Who has it keeps it.
#[poise::command(slash_command, default_member_permissions = "MANAGE_GUILD")]
async fn remove(ctx: Context<'_>, #[description = "Which role"] role: Role) -> Result<(), Error> {
    managed_guild(ctx)?;
    let actor = actor(ctx)?;
    ctx.defer_ephemeral().await?;
    let removed = roles::remove(&ctx.data().ports, actor, RoleId::from(role.id.get())).await?;
    let words = if removed { "It is given no longer. Who has it keeps it." } else { "It was not given for watching." };
    tell(ctx, words.into()).await
}
