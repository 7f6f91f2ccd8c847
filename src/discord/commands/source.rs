//! `/source add|list|show|edit|rotate|remove`: systems that are described instead of programmed.

use chrono::TimeDelta;
use poise::CreateReply;
use poise::serenity_prelude::{
    AutocompleteChoice, CreateAllowedMentions, CreateAutocompleteResponse, CreateEmbed, CreateInteractionResponse,
    CreateModal,
};

use super::super::component::source::{Ask, Part, ask_for};
use super::super::text::source as text;
use super::super::{Context, Error};
use super::{application, managed_guild, offer};
use crate::error::UserError;
use crate::id::UserId;
use crate::routing::embed::{DESCRIPTION, FIELD_VALUE, escape, fit, relative};
use crate::source::generic::manage::{self, By};
use crate::source::generic::preset::{self, PRESETS, SecretFrom};
use crate::store::pulse::ANY;

const BLUE: u32 = 0x3498DB;
const REFUSALS: i64 = 3;

/// Other systems that send messages here, such as GitHub, Grafana, Alertmanager and Sentry.
#[poise::command(
    slash_command,
    guild_only,
    default_member_permissions = "MANAGE_GUILD",
    subcommands("add", "list", "show", "edit", "rotate", "remove"),
    subcommand_required
)]
pub async fn source(_: Context<'_>) -> Result<(), Error> {
    Ok(())
}

/// Add a source; the answer says what to enter at the sender.
#[poise::command(slash_command, guild_only)]
async fn add(
    ctx: Context<'_>,
    #[description = "The system that sends"]
    #[autocomplete = "presets"]
    preset: String,
    #[description = "A short name for it, such as ci"]
    #[max_length = 32]
    name: String,
    #[description = "Whether you give the secret; otherwise one is made"] own_secret: Option<bool>,
) -> Result<(), Error> {
    let guild_id = managed_guild(ctx)?;
    let is_theirs = preset::find(&preset).is_some_and(|preset| preset.secret == SecretFrom::Sender);
    if is_theirs || own_secret == Some(true) {
        return open(ctx, ask_for(&Ask::Add { preset, name })).await;
    }
    ctx.defer_ephemeral().await?;
    let bot = ctx.data();
    let made = manage::add(&bot.ports, &bot.generic, guild_id, caller(ctx), &name, &preset, None).await?;
    answer(ctx, text::added(&made)).await
}

/// The sources of this server.
#[poise::command(slash_command, guild_only)]
async fn list(ctx: Context<'_>) -> Result<(), Error> {
    let guild_id = managed_guild(ctx)?;
    ctx.defer_ephemeral().await?;
    let ports = &ctx.data().ports;
    let sources = ports.store.list_generic_sources(Some(guild_id)).await?;
    let lines: Vec<String> = sources.iter().map(|source| text::line(source, ports.clock.now())).collect();
    let words = if lines.is_empty() { text::NO_SOURCES.to_owned() } else { lines.join("\n") };
    let embed = CreateEmbed::new().title("📥 Sources").description(fit(&words, DESCRIPTION)).colour(BLUE);
    ctx.send(CreateReply::default().embed(embed).ephemeral(true)).await?;
    Ok(())
}

/// A source: its address, how it is verified, what came and what was refused.
#[poise::command(slash_command, guild_only)]
async fn show(
    ctx: Context<'_>,
    #[description = "Its name"]
    #[autocomplete = "names"]
    name: String,
) -> Result<(), Error> {
    let guild_id = managed_guild(ctx)?;
    ctx.defer_ephemeral().await?;
    let ports = &ctx.data().ports;
    let source = manage::get(ports, guild_id, &name).await?;
    let config = manage::config_of(&source)?;
    let now = ports.clock.now();
    let pulses = ports.store.list_last_events(source.id).await?;
    let came = pulses.iter().filter(|pulse| pulse.kind != ANY);
    let came: Vec<String> =
        came.map(|pulse| format!("`{}` {} ({} so far)", pulse.kind, relative(pulse.last_at), pulse.events)).collect();
    let refused = ports.store.list_refusals(source.id, REFUSALS).await?;
    let refused: Vec<String> = refused
        .into_iter()
        .map(|r| {
            format!("{} {}{}", relative(r.received_at), r.rule, r.variant.map(|v| format!(" {v}")).unwrap_or_default())
        })
        .collect();
    let url = manage::url(ports, source.id).unwrap_or_else(|| "not known: set PUBLIC_URL".into());
    let guide = preset::find(&config.preset).map_or("", |preset| preset.guide);
    let actions = Some(text::actions(&config.actions)).filter(|actions| !actions.is_empty());
    let or = |lines: Vec<String>, none: &str| if lines.is_empty() { none.to_owned() } else { lines.join("\n") };
    let embed = CreateEmbed::new()
        .title(format!("📥 {}", escape(&source.name)))
        .description(fit(&format!("{}\n{guide}", text::line(&source, now)), DESCRIPTION))
        .colour(BLUE)
        .field("Address", format!("`{url}`"), false)
        .field("Verified by", fit(&text::verification(&config.verification), FIELD_VALUE), false)
        .fields(actions.into_iter().map(|actions| ("Actions", fit(&actions, FIELD_VALUE), false)))
        .field("Last events", fit(&or(came, "none yet"), FIELD_VALUE), false)
        .field("Refused requests", fit(&or(refused, "none"), FIELD_VALUE), false);
    ctx.send(CreateReply::default().embed(embed).ephemeral(true)).await?;
    Ok(())
}

/// Change how a source is read, believed, or what may be done about its cards.
#[poise::command(slash_command, guild_only)]
async fn edit(
    ctx: Context<'_>,
    #[description = "Its name"]
    #[autocomplete = "names"]
    name: String,
    #[description = "What in a message means what, what may be done about its cards, or how it is believed"] part: Part,
) -> Result<(), Error> {
    let guild_id = managed_guild(ctx)?;
    let source = manage::get(&ctx.data().ports, guild_id, &name).await?;
    let value = source.config.get(part.key()).cloned().unwrap_or_else(|| serde_json::json!([]));
    let fits = |text: &String| text.chars().count() <= text::LONGEST_FORM;
    let text = [format!("{value:#}"), value.to_string()].into_iter().find(fits);
    let text = text.ok_or_else(|| UserError::new(text::too_long(part.key(), &source.name)))?;
    open(ctx, ask_for(&Ask::Edit { part, version: source.config_version, name: source.name, text })).await
}

/// Make a new secret; the one before it stays valid for a while.
#[poise::command(slash_command, guild_only)]
async fn rotate(
    ctx: Context<'_>,
    #[description = "The source's name"]
    #[autocomplete = "names"]
    name: String,
    #[description = "For how many hours the old secret is still accepted; 24 when left out"]
    #[min = 0]
    #[max = 720]
    keep_hours: Option<i64>,
    #[description = "Whether you give the secret; otherwise one is made"] own_secret: Option<bool>,
    #[description = "The secret that its actions are signed with, instead of the sender's"] of_actions: Option<bool>,
) -> Result<(), Error> {
    let guild_id = managed_guild(ctx)?;
    if of_actions == Some(true) {
        ctx.defer_ephemeral().await?;
        let made = manage::rotate_actions(&ctx.data().ports, guild_id, caller(ctx), &name).await?;
        return answer(ctx, text::rotated_actions(&made)).await;
    }
    let keep = keep_hours.map_or(manage::KEPT, TimeDelta::hours);
    if own_secret == Some(true) {
        return open(ctx, ask_for(&Ask::Rotate { name, keep_hours: keep.num_hours() })).await;
    }
    ctx.defer_ephemeral().await?;
    let bot = ctx.data();
    let made = manage::rotate(&bot.ports, &bot.generic, guild_id, caller(ctx), &name, None, keep).await?;
    answer(ctx, text::rotated(&made, bot.ports.clock.now())).await
}

/// Remove a source; asks you to type its name.
#[poise::command(slash_command, guild_only)]
async fn remove(
    ctx: Context<'_>,
    #[description = "Its name"]
    #[autocomplete = "names"]
    name: String,
) -> Result<(), Error> {
    let guild_id = managed_guild(ctx)?;
    let source = manage::get(&ctx.data().ports, guild_id, &name).await?;
    open(ctx, ask_for(&Ask::Remove { name: source.name })).await
}

fn caller(ctx: Context<'_>) -> By {
    By::Member(UserId::from(ctx.author().id.get()))
}

async fn open(ctx: Context<'_>, form: CreateModal) -> Result<(), Error> {
    let interaction = application(ctx)?.interaction;
    interaction.create_response(ctx.serenity_context(), CreateInteractionResponse::Modal(form)).await?;
    Ok(())
}

async fn answer(ctx: Context<'_>, words: String) -> Result<(), Error> {
    let reply = CreateReply::default().content(words).ephemeral(true);
    ctx.send(reply.allowed_mentions(CreateAllowedMentions::new())).await?;
    Ok(())
}

async fn presets(_: Context<'_>, partial: &str) -> CreateAutocompleteResponse {
    let partial = partial.to_lowercase();
    let fitting = PRESETS.iter().filter(|p| p.name.contains(&partial) || p.title.to_lowercase().contains(&partial));
    offer(fitting.map(|preset| AutocompleteChoice::new(preset.title, preset.name)))
}

/// Never fails loudly: what cannot be had is not offered.
async fn names(ctx: Context<'_>, partial: &str) -> CreateAutocompleteResponse {
    let Ok(guild_id) = managed_guild(ctx) else { return offer([]) };
    let found = ctx.data().ports.store.list_generic_sources(Some(guild_id)).await.unwrap_or_default();
    let fitting = found.into_iter().filter(|source| source.name.contains(&partial.to_lowercase())).take(25);
    offer(fitting.map(|source| AutocompleteChoice::new(source.name.clone(), source.name)))
}
