//! `/help`: made from the command list, only what the caller may use.

use poise::CreateReply;
use poise::serenity_prelude::{CreateEmbed, Permissions};

use super::super::{Context, Error, text};
use super::{Definition, leaves};
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
        .map(line)
        .collect();
    let embed = CreateEmbed::new()
        .title("📡 Signalbox")
        .description(fit(&format!("{}\n\n{}", text::HELP_INTRO, lines.join("\n")), DESCRIPTION))
        .colour(0x5865F2);
    ctx.send(CreateReply::default().embed(embed).ephemeral(true)).await?;
    Ok(())
}

/// A command and what stands under it: one line for each part would not fit into an embed.
fn line(command: &Definition) -> String {
    let about = command.description.as_deref().unwrap_or_default();
    let under = |(path, _): (String, &Definition)| path.strip_prefix(&*command.name).map(|rest| rest.trim().to_owned());
    let parts: Vec<String> = leaves(command).filter_map(under).filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        [] => format!("**/{}** — {about}", command.name),
        parts => format!("**/{}** `{}` — {about}", command.name, parts.join("` `")),
    }
}
