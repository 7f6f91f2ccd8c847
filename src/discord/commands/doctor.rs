//! `/doctor`: everything that has to be right, looked at from the running bot.

use poise::CreateReply;
use poise::serenity_prelude::CreateEmbed;

use super::super::{Context, Error};
use super::{manages, own_guild};
use crate::doctor::Doctor;
use crate::routing::embed::{DESCRIPTION, fit};

const GREEN: u32 = 0x2ECC71;
const RED: u32 = 0xE74C3C;

/// Look at everything that has to be right, and say how to mend what is not.
#[poise::command(slash_command, guild_only, default_member_permissions = "MANAGE_GUILD")]
pub async fn doctor(ctx: Context<'_>) -> Result<(), Error> {
    manages(ctx)?;
    let guild_id = own_guild(ctx)?;
    ctx.defer_ephemeral().await?;
    let ports = &ctx.data().ports;
    let edge = super::super::edge(&ports.config);
    let report = Doctor::new(ports, edge, Some(guild_id), None).examine().await;
    let embed = CreateEmbed::new()
        .title(format!("🩺 {}", report.summary()))
        .description(fit(&report.worst_first(), DESCRIPTION))
        .colour(if report.is_healthy() { GREEN } else { RED });
    ctx.send(CreateReply::default().embed(embed).ephemeral(true)).await?;
    Ok(())
}
