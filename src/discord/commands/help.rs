//! `/help`: made from the command list, only what the caller may use.

use poise::CreateReply;
use poise::serenity_prelude::{CreateEmbed, Permissions};

use super::super::{Context, Error, text};
use super::leaves;
use crate::routing::embed::{DESCRIPTION, fit};

/// What Signalbox does here, and the commands open to you.
#[poise::command(slash_command)]
pub async fn help(ctx: Context<'_>) -> Result<(), Error> {
    let held = match ctx {
        poise::Context::Application(application) => {
            application.interaction.member.as_ref().and_then(|m| m.permissions).unwrap_or_default()
        }
        poise::Context::Prefix(_) => Permissions::empty(),
    };
    let lines: Vec<String> = ctx
        .framework()
        .options()
        .commands
        .iter()
        // What stands in a menu is found there.
        .filter(|c| c.context_menu_name.is_none())
        .filter(|c| held.administrator() || held.contains(c.default_member_permissions))
        .flat_map(leaves)
        .map(|(path, c)| format!("**/{path}** — {}", c.description.as_deref().unwrap_or_default()))
        .collect();
    let embed = CreateEmbed::new()
        .title("📡 Signalbox")
        .description(fit(&format!("{}\n\n{}", text::HELP_INTRO, lines.join("\n")), DESCRIPTION))
        .colour(0x5865F2);
    ctx.send(CreateReply::default().embed(embed).ephemeral(true)).await?;
    Ok(())
}
