//! `/help`: made from the command list, only what the caller may use.

use poise::CreateReply;
use poise::serenity_prelude::{CreateEmbed, Permissions};

use super::super::{Context, Error, text};
use super::{Definition, leaves};
use crate::routing::embed::{DESCRIPTION, TITLE, TOTAL};

/// What Signalbox does here, and the commands open to you.
#[poise::command(slash_command)]
pub async fn help(ctx: Context<'_>) -> Result<(), Error> {
    let held = match ctx {
        poise::Context::Application(application) => {
            application.interaction.member.as_ref().and_then(|m| m.permissions).unwrap_or_default()
        }
        poise::Context::Prefix(_) => Permissions::empty(),
    };
    let open: Vec<&Definition> = ctx
        .framework()
        .options()
        .commands
        .iter()
        // What stands in a menu is found there.
        .filter(|c| c.context_menu_name.is_none())
        .filter(|c| held.administrator() || held.contains(c.default_member_permissions))
        .collect();
    let mut shown = pages(open.iter().map(|command| line(command)));
    if length(&shown.concat()) > TOTAL - TITLE {
        shown = pages(open.iter().map(|command| brief(command)));
    }
    let mut reply = CreateReply::default().ephemeral(true);
    for (at, page) in shown.into_iter().enumerate() {
        let embed = CreateEmbed::new().description(page).colour(0x5865F2);
        reply = reply.embed(if at == 0 { embed.title("📡 Signalbox") } else { embed });
    }
    ctx.send(reply).await?;
    Ok(())
}

fn length(text: &str) -> usize {
    text.chars().count()
}

/// The lines below the introduction, in as many embeds as it takes.
fn pages(lines: impl Iterator<Item = String>) -> Vec<String> {
    let (mut pages, mut page) = (Vec::new(), format!("{}\n", text::HELP_INTRO));
    for line in lines {
        if length(&page) + 1 + length(&line) > DESCRIPTION {
            pages.push(std::mem::replace(&mut page, line));
        } else {
            page = format!("{page}\n{line}");
        }
    }
    pages.push(page);
    pages
}

fn brief(command: &Definition) -> String {
    format!("**/{}** — {}", command.name, command.description.as_deref().unwrap_or_default())
}

/// A command and what stands under it.
fn line(command: &Definition) -> String {
    let under = |(path, _): (String, &Definition)| path.strip_prefix(&*command.name).map(|rest| rest.trim().to_owned());
    let parts: Vec<String> = leaves(command).filter_map(under).filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        [] => brief(command),
        parts => {
            let about = command.description.as_deref().unwrap_or_default();
            format!("**/{}** `{}` — {about}", command.name, parts.join("` `"))
        }
    }
}
