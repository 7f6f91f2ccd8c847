//! `/party show|create|join-link`: LAN parties, for everyone.

use poise::CreateReply;
use poise::serenity_prelude::{CreateAllowedMentions, CreateEmbed};

use super::super::text::party as text;
use super::super::{Context, Error, guild_of};
use crate::error::UserError;
use crate::id::GuildId;
use crate::routing::embed::{FIELD_VALUE, escape, fit, relative};
use crate::routing::party::members;
use crate::source::party::live;
use crate::store::party::KnownParty;

const GREEN: u32 = 0x4C_AF50;
/// Parties that are shown.
const SHOWN: i64 = 5;

/// LAN parties: who is there, and how to join.
#[poise::command(slash_command, guild_only, subcommands("show", "create", "join_link"), subcommand_required)]
pub async fn party(_: Context<'_>) -> Result<(), Error> {
    Ok(())
}

/// The newest parties: members, game, since when.
#[poise::command(slash_command, guild_only)]
async fn show(ctx: Context<'_>) -> Result<(), Error> {
    let guild_id = here(ctx)?;
    ctx.defer_ephemeral().await?;
    let parties = ctx.data().ports.store.list_parties(guild_id, SHOWN).await?;
    if parties.is_empty() {
        return Err(UserError::new(text::NO_PARTY).into());
    }
    let embed = parties.iter().fold(CreateEmbed::new().title(text::PARTIES).colour(GREEN), |embed, party| {
        let name = party.state.text("party_name").unwrap_or_else(|| party.key.clone());
        embed.field(fit(&escape(&name), 200), fit(&lines(party), FIELD_VALUE), false)
    });
    ctx.send(CreateReply::default().embed(embed).ephemeral(true)).await?;
    Ok(())
}

fn lines(party: &KnownParty) -> String {
    let state = &party.state;
    let members = members(state);
    let since = state.timeline.first().map_or(party.updated_at, |first| first.key.time);
    let game = state.text("playing").map(|game| escape(&game));
    text::party(
        &state.text("host").map(|host| escape(&host)).unwrap_or_default(),
        &members,
        game.as_deref(),
        &relative(since),
    )
}

/// Open a party; its card is posted where parties are told.
#[poise::command(slash_command, guild_only)]
async fn create(
    ctx: Context<'_>,
    #[description = "What it is called"]
    #[min_length = 1]
    #[max_length = 50]
    name: String,
) -> Result<(), Error> {
    let guild_id = here(ctx)?;
    ctx.defer_ephemeral().await?;
    let member = ctx.author_member().await;
    let host = member.map_or(ctx.author().name.clone(), |member| member.display_name().to_owned());
    let host: String = host.chars().take(50).collect();
    let created = live::create(&ctx.data().ports, guild_id, &name, &host).await?;
    let id = created.map_err(|bad| UserError::new(bad.to_string()))?;
    let reply = CreateReply::default().content(text::created(&escape(&name), &id)).ephemeral(true);
    ctx.send(reply.allowed_mentions(CreateAllowedMentions::new())).await?;
    Ok(())
}

/// The link to the voice chat of the parties.
#[poise::command(slash_command, guild_only, rename = "join-link")]
async fn join_link(ctx: Context<'_>) -> Result<(), Error> {
    let guild_id = here(ctx)?;
    ctx.defer_ephemeral().await?;
    let status = live::status(&ctx.data().ports, guild_id).await?;
    let words = status.invite.ok_or_else(|| UserError::new(text::NO_INVITE))?;
    ctx.send(CreateReply::default().content(words).ephemeral(true)).await?;
    Ok(())
}

fn here(ctx: Context<'_>) -> Result<GuildId, Error> {
    guild_of(ctx.guild_id()).ok_or_else(|| UserError::new(super::super::text::ONLY_IN_SERVERS).into())
}
