//! `/privacy show|export|delete`: a member's own data.

use poise::CreateReply;
use poise::serenity_prelude::{CreateAttachment, CreateEmbed, CreateInteractionResponse};

use super::super::component::privacy::confirmation;
use super::super::{Context, Error, text};
use crate::error::UserError;
use crate::id::UserId;
use crate::privacy;
use crate::routing::embed::{DESCRIPTION, fit};

const COLOUR: u32 = 0x5865F2;

/// What is stored about you, as a file, or deleted.
#[poise::command(slash_command, guild_only, subcommands("show", "export", "delete"))]
pub async fn privacy(_: Context<'_>) -> Result<(), Error> {
    Ok(())
}

/// What is stored about you, in words and counts.
#[poise::command(slash_command)]
async fn show(ctx: Context<'_>) -> Result<(), Error> {
    ctx.defer_ephemeral().await?;
    let found = privacy::show(&ctx.data().ports, caller(ctx)).await?;
    let words = match found.as_slice() {
        [] => text::privacy::NOTHING_STORED.to_owned(),
        found => text::privacy::shown(found),
    };
    let embed =
        CreateEmbed::new().title(text::privacy::SHOW_TITLE).description(fit(&words, DESCRIPTION)).colour(COLOUR);
    ctx.send(CreateReply::default().embed(embed).ephemeral(true)).await?;
    Ok(())
}

/// Everything that is stored about you, as a file that only you see.
#[poise::command(slash_command)]
async fn export(ctx: Context<'_>) -> Result<(), Error> {
    ctx.defer_ephemeral().await?;
    let data = privacy::export(&ctx.data().ports, caller(ctx)).await?;
    let file = CreateAttachment::bytes(format!("{data:#}"), "signalbox-data.json");
    ctx.send(CreateReply::default().content(text::privacy::EXPORTED).attachment(file).ephemeral(true)).await?;
    Ok(())
}

/// Delete what is stored about you; asks you to type DELETE.
#[poise::command(slash_command)]
async fn delete(ctx: Context<'_>) -> Result<(), Error> {
    let poise::Context::Application(application) = ctx else {
        return Err(UserError::new(text::ONLY_IN_SERVERS).into());
    };
    let form = CreateInteractionResponse::Modal(confirmation(caller(ctx)));
    application.interaction.create_response(ctx.serenity_context(), form).await?;
    Ok(())
}

fn caller(ctx: Context<'_>) -> UserId {
    UserId::from(ctx.author().id.get())
}
