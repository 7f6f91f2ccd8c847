//! `/stats player` and `/stats compare`.

use poise::serenity_prelude::User;

use super::super::super::text::stats as texts;
use super::super::super::text::stats::player as text;
use super::super::super::{Context, Error};
use super::super::points::here;
use super::{maps, picture, players, show, whom};
use crate::error::UserError;
use crate::stats::career::career;
use crate::stats::chart::{curve, radar};
use crate::stats::people::{Whom, find};

/// Sessions of a curve.
const SESSIONS: usize = 40;

/// Somebody's career: numbers, rating, weapons, how it has gone from session to session.
#[poise::command(slash_command)]
pub async fn player(
    ctx: Context<'_>,
    #[description = "Who, by a name or GUID; you without"]
    #[max_length = 100]
    #[autocomplete = "players"]
    player: Option<String>,
    #[description = "Who, as a member"] member: Option<User>,
    #[description = "On this map alone"]
    #[max_length = 50]
    #[autocomplete = "maps"]
    map: Option<String>,
) -> Result<(), Error> {
    let guild_id = here(ctx)?;
    ctx.defer().await?;
    let ports = &ctx.data().ports;
    let who = find(ports, guild_id, &whom(ctx, player, member.as_ref())).await?;
    let career = career(ports, guild_id, who, map.clone()).await?;
    let embed = text::career(&career, map.as_deref());
    let points = text::points(&career, SESSIONS);
    let drawn = if points.is_empty() { None } else { picture("career.png", curve(&career.who.name, points).await) };
    show(ctx, &embed, drawn).await
}

/// Two players side by side.
#[poise::command(slash_command)]
pub async fn compare(
    ctx: Context<'_>,
    #[description = "The one"]
    #[max_length = 100]
    #[autocomplete = "players"]
    player: String,
    #[description = "The other"]
    #[max_length = 100]
    #[autocomplete = "players"]
    with: String,
    #[description = "On this map alone"]
    #[max_length = 50]
    #[autocomplete = "maps"]
    map: Option<String>,
) -> Result<(), Error> {
    let guild_id = here(ctx)?;
    ctx.defer().await?;
    let ports = &ctx.data().ports;
    let one = find(ports, guild_id, &Whom::Text(player)).await?;
    let other = find(ports, guild_id, &Whom::Text(with)).await?;
    if one.guid == other.guid {
        return Err(UserError::new(texts::TWO).into());
    }
    let (one, other) = (career(ports, guild_id, one, map.clone()).await?, career(ports, guild_id, other, map).await?);
    let embed = text::compared(&one, &other);
    if one.sum.rounds == 0 || other.sum.rounds == 0 {
        return show(ctx, &embed, None).await;
    }
    let names = (one.who.name.clone(), other.who.name.clone());
    show(ctx, &embed, picture("compare.png", radar(names, text::axes(&one, &other)).await)).await
}
