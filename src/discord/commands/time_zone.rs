//! `/time-zone`: by which clocks times of the day go in this server.

use poise::CreateReply;
use poise::serenity_prelude::{AutocompleteChoice, CreateAutocompleteResponse};

use super::super::text::route as text;
use super::super::{Context, Error};
use super::{managed_guild, offer};
use crate::error::UserError;
use crate::id::UserId;
use crate::routes::propose::NONE;
use crate::routes::time_zone;
use crate::routing::noise;
use crate::store::audit::Author;

const CHOICES: usize = 25;

/// The time zone of this server: quiet hours that name no place go by it.
#[poise::command(slash_command, rename = "time-zone", guild_only, default_member_permissions = "MANAGE_GUILD")]
pub async fn time_zone(
    ctx: Context<'_>,
    #[description = "Such as Europe/Berlin; none for UTC. Shows what it is when left out"]
    #[max_length = 60]
    #[autocomplete = "zones"]
    set: Option<String>,
) -> Result<(), Error> {
    let guild_id = managed_guild(ctx)?;
    ctx.defer_ephemeral().await?;
    let ports = &ctx.data().ports;
    if let Some(wanted) = set.as_deref().map(str::trim) {
        let zone = match wanted.eq_ignore_ascii_case(NONE) {
            true => None,
            false => Some(noise::time_zone(wanted).map_err(UserError::new)?),
        };
        let by = Author::Member(UserId::from(ctx.author().id.get()));
        time_zone::set(ports, guild_id, &by, zone).await?;
    }
    let clocks = time_zone::read(ports, guild_id).await?;
    let words = text::clocks(&clocks, ports.clock.now());
    ctx.send(CreateReply::default().content(words).ephemeral(true)).await?;
    Ok(())
}

/// Those that begin with what was typed come first, by the whole name or by the place.
async fn zones(_: Context<'_>, partial: &str) -> CreateAutocompleteResponse {
    let wanted = partial.trim().to_lowercase().replace(' ', "_");
    let begins = |name: &str| {
        let name = name.to_lowercase();
        name.starts_with(&wanted) || name.rsplit('/').next().is_some_and(|place| place.starts_with(&wanted))
    };
    let first = noise::time_zones().filter(|name| begins(name));
    let rest = noise::time_zones().filter(|name| !begins(name) && name.to_lowercase().contains(&wanted));
    offer(first.chain(rest).take(CHOICES).map(|name| AutocompleteChoice::new(name, name)))
}
