//! `/silence add|list|extend|end`, and "Silence…" in the menu of a message. What a silence would have withheld is shown
//! before it begins.

use poise::CreateReply;
use poise::serenity_prelude::{
    AutocompleteChoice, ButtonStyle, CreateActionRow, CreateAutocompleteResponse, CreateButton, CreateEmbed,
    CreateEmbedFooter, Message,
};
use uuid::Uuid;

use super::super::component::menu;
use super::super::component::silence::spans;
use super::super::text::silence as text;
use super::super::{Context, Error};
use super::route::{Least, severity as least, sources, types};
use super::{managed_guild, offer};
use crate::delivery::silence::Asker;
use crate::delivery::silence::{self, OFFERED, Wish};
use crate::error::UserError;
use crate::id::{ChannelId, MessageId, UserId};
use crate::routing::duration::parse_span;
use crate::routing::embed::{DESCRIPTION, fit};
use crate::store::silence::StoredSilence;

const BLUE: u32 = 0x34_98_DB;
const CHOICES: usize = 25;

/// Keep messages back for a time. What was withheld is told when it is over.
#[poise::command(
    slash_command,
    guild_only,
    default_member_permissions = "MANAGE_GUILD",
    subcommands("add", "list", "extend", "end"),
    subcommand_required
)]
pub async fn silence(_: Context<'_>) -> Result<(), Error> {
    Ok(())
}

fn who(ctx: Context<'_>) -> Result<Asker, Error> {
    Ok(Asker { guild_id: managed_guild(ctx)?, user_id: UserId::from(ctx.author().id.get()) })
}

/// Silence something: shows what it would have withheld, and begins when you press Silence.
#[poise::command(slash_command, guild_only)]
#[expect(clippy::too_many_arguments, reason = "each is an option of the command")]
async fn add(
    ctx: Context<'_>,
    #[rename = "type"]
    #[description = "Which events: alert.triggered, alert.*, *.created or *"]
    #[max_length = 100]
    #[autocomplete = "types"]
    pattern: String,
    #[rename = "for"]
    #[description = "How long, such as 30m, 2h, 1d or 1w"]
    #[max_length = 20]
    #[autocomplete = "durations"]
    lasts: String,
    #[description = "Why; told when it is over"]
    #[max_length = 300]
    reason: Option<String>,
    #[description = "Only from this source"]
    #[autocomplete = "sources"]
    source: Option<String>,
    #[description = "Only about this, such as ticket:17"]
    #[max_length = 200]
    subject: Option<String>,
    #[description = "Only if this is true, such as data.source == 'db-01'"]
    #[max_length = 1000]
    filter: Option<String>,
    #[description = "Only this severity and above"] severity: Option<Least>,
) -> Result<(), Error> {
    let who = who(ctx)?;
    let wish = Wish {
        pattern,
        severity: severity.map(least),
        filter,
        source,
        subject,
        reason: reason.unwrap_or_default(),
        lasts: parse_span(&lasts).ok_or_else(|| UserError::new(text::BAD_SPAN))?,
        channel_id: Some(ChannelId::from(ctx.channel_id().get())),
    };
    ctx.defer_ephemeral().await?;
    let preview = silence::propose(&ctx.data().ports, who, &wish).await?;
    let mut embed = CreateEmbed::new()
        .title("🔕 New silence")
        .colour(BLUE)
        .description(text::proposal(&preview.silence))
        .field("Tried on what came", text::withheld(&preview.withheld), false)
        .footer(CreateEmbedFooter::new("It begins when you press Silence."));
    if !preview.warnings.is_empty() {
        embed = embed.field("Look at this", text::warnings(&preview.warnings), false);
    }
    let button = CreateButton::new(format!("v1:silence:start:{}", preview.silence.id)).label(text::START);
    let row = CreateActionRow::Buttons(vec![button.style(ButtonStyle::Success)]);
    ctx.send(CreateReply::default().embed(embed).components(vec![row]).ephemeral(true)).await?;
    Ok(())
}

/// What is silent now, until when, and what was of late.
#[poise::command(slash_command, guild_only)]
async fn list(ctx: Context<'_>) -> Result<(), Error> {
    let guild_id = managed_guild(ctx)?;
    ctx.defer_ephemeral().await?;
    let ports = &ctx.data().ports;
    let now = ports.clock.now();
    let all = ports.store.list_silences(guild_id, now - OFFERED).await?;
    let lines: Vec<String> = all.iter().map(|silence| text::list_line(silence, now)).collect();
    let words = if lines.is_empty() { text::NONE.to_owned() } else { lines.join("\n") };
    let embed = CreateEmbed::new().title(text::TITLE).colour(BLUE).description(fit(&words, DESCRIPTION));
    ctx.send(CreateReply::default().embed(embed).ephemeral(true)).await?;
    Ok(())
}

/// Let a silence last longer, or begin again one that is over.
#[poise::command(slash_command, guild_only)]
async fn extend(
    ctx: Context<'_>,
    #[description = "Which one"]
    #[autocomplete = "recent"]
    silence: String,
    #[description = "How much longer, such as 2h"]
    #[rename = "by"]
    #[max_length = 20]
    #[autocomplete = "durations"]
    span: String,
) -> Result<(), Error> {
    let who = who(ctx)?;
    let span = parse_span(&span).ok_or_else(|| UserError::new(text::BAD_SPAN))?;
    ctx.defer_ephemeral().await?;
    let extended = silence::extend(&ctx.data().ports, who, read_id(&silence)?, span).await?;
    ctx.send(CreateReply::default().content(text::started(&extended)).ephemeral(true)).await?;
    Ok(())
}

/// End a silence before its time. What it withheld is told at once.
#[poise::command(slash_command, guild_only)]
async fn end(
    ctx: Context<'_>,
    #[description = "Which one"]
    #[autocomplete = "running"]
    silence: String,
) -> Result<(), Error> {
    let who = who(ctx)?;
    ctx.defer_ephemeral().await?;
    let ended = silence::end(&ctx.data().ports, who, read_id(&silence)?).await?;
    ctx.send(CreateReply::default().content(text::ended(&ended)).ephemeral(true)).await?;
    Ok(())
}

/// Silence what this message is about.
#[poise::command(context_menu_command = "Silence…", guild_only, default_member_permissions = "MANAGE_GUILD")]
pub async fn silence_menu(ctx: Context<'_>, message: Message) -> Result<(), Error> {
    let who = who(ctx)?;
    ctx.defer_ephemeral().await?;
    let message = MessageId(message.id.get() as i64);
    let about = silence::about_message(&ctx.data().ports, who.guild_id, message).await?;
    let (event_id, about) = about.ok_or_else(|| UserError::new(text::NOT_OURS))?;
    let select = menu(&spans(format!("v1:silence:card:{event_id}")));
    let reply = CreateReply::default().content(text::about(&about)).ephemeral(true);
    ctx.send(reply.components(vec![CreateActionRow::SelectMenu(select)])).await?;
    Ok(())
}

fn read_id(words: &str) -> Result<Uuid, Error> {
    words.trim().parse().map_err(|_| UserError::new(text::UNKNOWN).into())
}

async fn durations(_: Context<'_>, partial: &str) -> CreateAutocompleteResponse {
    let typed = partial.trim().to_lowercase();
    let common = ["30m", "1h", "2h", "4h", "8h", "1d", "3d", "1w"];
    offer(common.into_iter().filter(|span| span.starts_with(&typed)).map(|span| AutocompleteChoice::new(span, span)))
}

async fn running(ctx: Context<'_>, partial: &str) -> CreateAutocompleteResponse {
    let now = ctx.data().ports.clock.now();
    choices(ctx, partial, |silence| silence.ends_at.is_some_and(|at| at > now)).await
}

async fn recent(ctx: Context<'_>, partial: &str) -> CreateAutocompleteResponse {
    choices(ctx, partial, |_| true).await
}

async fn choices(ctx: Context<'_>, partial: &str, fits: impl Fn(&StoredSilence) -> bool) -> CreateAutocompleteResponse {
    let Ok(guild_id) = managed_guild(ctx) else { return offer([]) };
    let ports = &ctx.data().ports;
    let now = ports.clock.now();
    let all = ports.store.list_silences(guild_id, now - OFFERED).await.unwrap_or_default();
    let wanted = partial.trim().to_lowercase();
    let named = all.iter().filter(|silence| fits(silence)).map(|silence| (text::choice(silence, now), silence.id));
    let fitting = named.filter(|(words, _)| words.to_lowercase().contains(&wanted)).take(CHOICES);
    offer(fitting.map(|(words, id)| AutocompleteChoice::new(words, id.to_string())))
}
