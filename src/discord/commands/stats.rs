//! `/stats`: careers, lists, sessions, who is who, and the import.

mod board;
mod import;
mod person;
mod player;
mod session;

use poise::CreateReply;
use poise::serenity_prelude::{AutocompleteChoice, CreateAutocompleteResponse, User};

use super::super::component::stats::{Picture, made};
use super::super::{Context, Error};
use super::points::{caller, here};
use super::{held, managed_guild, offer};
use crate::id::{GuildId, UserId};
use crate::routing::embed::{Embed, fit};
use crate::stats::people::{self, Whom};

/// Choices that Discord shows.
const CHOICES: i64 = 25;

/// Match statistics of ET:Legacy.
#[poise::command(
    slash_command,
    guild_only,
    subcommands(
        "player::player",
        "player::compare",
        "board::leaderboard",
        "session::session",
        "board::rounds",
        "board::matchup",
        "board::records",
        "board::awards",
        "person::link",
        "person::unlink",
        "person::find_player",
        "person::alias",
        "person::name",
        "import::import"
    ),
    subcommand_required
)]
pub async fn stats(_: Context<'_>) -> Result<(), Error> {
    Ok(())
}

/// Whom the options mean; whoever asks without any.
fn whom(ctx: Context<'_>, player: Option<String>, member: Option<&User>) -> Whom {
    match (player, member) {
        (Some(text), _) => Whom::Text(text),
        (None, Some(user)) => Whom::Member(UserId::from(user.id.get())),
        (None, None) => Whom::Caller(caller(ctx)),
    }
}

/// An answer for all to see; with a picture where there is one.
async fn show(ctx: Context<'_>, embed: &Embed, picture: Option<Picture>) -> Result<(), Error> {
    let reply = CreateReply::default();
    let reply = match picture {
        Some(picture) => {
            let (embed, file) = picture.beside(embed);
            reply.embed(embed).attachment(file)
        }
        None => reply.embed(made(embed)),
    };
    ctx.send(reply).await?;
    Ok(())
}

/// A chart, or none where it cannot be drawn: the text says the same.
fn picture(name: &'static str, chart: anyhow::Result<crate::stats::chart::Chart>) -> Option<Picture> {
    match chart {
        Ok(chart) => Some(Picture { name, chart }),
        Err(error) => {
            tracing::warn!(error = format!("{error:#}"), "a chart could not be drawn");
            None
        }
    }
}

/// People by the names that they have or had; the value is the GUID.
async fn players(ctx: Context<'_>, partial: &str) -> CreateAutocompleteResponse {
    let Ok(guild_id) = here(ctx) else { return offer([]) };
    let found = people::search(&ctx.data().ports, guild_id, partial, CHOICES).await.unwrap_or_default();
    let choice = |one: people::Found| {
        let as_whom = if one.matched == one.name { String::new() } else { format!(" (as {})", one.matched) };
        AutocompleteChoice::new(fit(&format!("{}{as_whom} · {} rounds", one.name, one.rounds), 100), one.guid)
    };
    offer(found.into_iter().map(choice))
}

async fn maps(ctx: Context<'_>, partial: &str) -> CreateAutocompleteResponse {
    let Ok(guild_id) = here(ctx) else { return offer([]) };
    let found = ctx.data().ports.store.list_stats_maps(guild_id, partial, CHOICES).await.unwrap_or_default();
    offer(found.into_iter().map(|one| AutocompleteChoice::new(format!("{} · {} rounds", one.map, one.rounds), one.map)))
}

/// Whether the caller manages this server.
fn is_manager(ctx: Context<'_>) -> bool {
    held(ctx).is_ok_and(|(_, permissions)| crate::upstream::permission::manages(permissions))
}

/// This server, and who asks.
fn asked(ctx: Context<'_>) -> Result<(GuildId, UserId), Error> {
    Ok((here(ctx)?, caller(ctx)))
}
