//! `/template add|edit|list|preview|remove`.

use anyhow::Result;
use poise::CreateReply;
use poise::serenity_prelude::{CreateEmbed, CreateInteractionResponse};

use super::super::component::route::{form, previewed};
use super::super::text::route as text;
use super::super::{Context, Error};
use super::route::{templates, types};
use super::{application, managed_guild};
use crate::id::UserId;
use crate::routes::template::preview as previewed_with;
use crate::routes::{Board, save};
use crate::routing::embed::{DESCRIPTION, escape, fit};

const BLUE: u32 = 0x34_98_DB;

/// How messages look: title, text, fields, colour, written with the words of an event.
#[poise::command(
    slash_command,
    guild_only,
    default_member_permissions = "MANAGE_GUILD",
    subcommands("add", "edit", "list", "preview", "remove"),
    subcommand_required
)]
pub async fn template(_: Context<'_>) -> Result<(), Error> {
    Ok(())
}

/// Write a template: opens a form, shows it with recent events, and saves it when you press Save.
#[poise::command(slash_command, guild_only)]
async fn add(
    ctx: Context<'_>,
    #[description = "What you call it"]
    #[max_length = 40]
    name: String,
) -> Result<(), Error> {
    managed_guild(ctx)?;
    open(ctx, "add", &name, None).await
}

/// Change a template: opens the form with what it says now.
#[poise::command(slash_command, guild_only)]
async fn edit(
    ctx: Context<'_>,
    #[description = "Which template"]
    #[autocomplete = "templates"]
    template: String,
) -> Result<(), Error> {
    let guild_id = managed_guild(ctx)?;
    let board = Board::read(&ctx.data().ports, guild_id).await?;
    let found = board.template(&template)?;
    open(ctx, "edit", &found.id.to_string(), Some((&found.name, &found.parts))).await
}

async fn open(
    ctx: Context<'_>,
    verb: &str,
    target: &str,
    present: Option<(&str, &crate::routing::template::Parts)>,
) -> Result<(), Error> {
    let form = CreateInteractionResponse::Modal(form(verb, target, present)?);
    application(ctx)?.interaction.create_response(ctx.serenity_context(), form).await?;
    Ok(())
}

/// All templates, and the routes that use them.
#[poise::command(slash_command, guild_only)]
async fn list(ctx: Context<'_>) -> Result<(), Error> {
    let guild_id = managed_guild(ctx)?;
    ctx.defer_ephemeral().await?;
    let board = Board::read(&ctx.data().ports, guild_id).await?;
    let lines: Vec<String> = board
        .templates
        .iter()
        .map(|template| {
            let users = board.users_of(template.id);
            let used = if users.is_empty() { "not used".to_owned() } else { format!("used by {}", users.join(", ")) };
            format!("▫️ **{}** {}", escape(&template.name), escape(&used))
        })
        .collect();
    let words = if lines.is_empty() { text::NO_TEMPLATES.to_owned() } else { lines.join("\n") };
    let embed = CreateEmbed::new().title(text::TEMPLATES).colour(BLUE).description(fit(&words, DESCRIPTION));
    ctx.send(CreateReply::default().embed(embed).ephemeral(true)).await?;
    Ok(())
}

/// Show what a template makes of recent events. Nothing is posted.
#[poise::command(slash_command, guild_only)]
async fn preview(
    ctx: Context<'_>,
    #[description = "Which template"]
    #[autocomplete = "templates"]
    template: String,
    #[rename = "type"]
    #[description = "Events of this type; those of the routes that use it when left out"]
    #[autocomplete = "types"]
    kind: Option<String>,
) -> Result<(), Error> {
    let guild_id = managed_guild(ctx)?;
    ctx.defer_ephemeral().await?;
    let preview = previewed_with(&ctx.data().ports, guild_id, &template, kind.as_deref()).await?;
    let (content, embeds, _) = previewed(&preview);
    let reply = embeds.into_iter().fold(CreateReply::default().content(content), CreateReply::embed);
    let reply = reply.ephemeral(true);
    ctx.send(reply).await?;
    Ok(())
}

/// Remove a template that no route uses. It can be undone in the admins' channel.
#[poise::command(slash_command, guild_only)]
async fn remove(
    ctx: Context<'_>,
    #[description = "Which template"]
    #[autocomplete = "templates"]
    template: String,
) -> Result<(), Error> {
    let guild_id = managed_guild(ctx)?;
    ctx.defer_ephemeral().await?;
    let by = UserId::from(ctx.author().id.get());
    let changed = save::remove_template(&ctx.data().ports, guild_id, by, &template).await?;
    ctx.send(CreateReply::default().content(text::changed(&changed.headline)).ephemeral(true)).await?;
    Ok(())
}
