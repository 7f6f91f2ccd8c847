//! `/route add|edit|list|test|pause|remove`. What would happen is shown before anything is saved.

use anyhow::Result;
use chrono::TimeDelta;
use poise::CreateReply;
use poise::serenity_prelude::{
    AutocompleteChoice, ButtonStyle, CreateActionRow, CreateAutocompleteResponse, CreateButton, CreateEmbed,
    CreateEmbedFooter, PartialChannel, Role,
};

use super::super::text::route as text;
use super::super::{Context, Error};
use super::{managed_guild, offer};
use crate::event::{Severity, kind};
use crate::id::{ChannelId, UserId};
use crate::routes::Board;
use crate::routes::propose::{NONE, Preview, Wish, propose, try_out};
use crate::routes::save;
use crate::routing::embed::{DESCRIPTION, fit};
use crate::routing::noise::NoiseWish;

const BLUE: u32 = 0x34_98_DB;
const CHOICES: usize = 25;

/// Which events go where, and how they look there.
#[poise::command(
    slash_command,
    guild_only,
    default_member_permissions = "MANAGE_GUILD",
    subcommands("add", "edit", "list", "test", "pause", "remove"),
    subcommand_required
)]
pub async fn route(_: Context<'_>) -> Result<(), Error> {
    Ok(())
}

#[derive(Clone, Copy, poise::ChoiceParameter)]
pub(super) enum Least {
    #[name = "debug"]
    Debug,
    #[name = "info"]
    Info,
    #[name = "warning"]
    Warning,
    #[name = "error"]
    Error,
    #[name = "critical"]
    Critical,
}

#[derive(Clone, Copy, poise::ChoiceParameter)]
enum Shown {
    #[name = "as usual"]
    Usual,
    #[name = "a message for each event"]
    Post,
    #[name = "a living card"]
    Card,
}

#[derive(Clone, Copy, poise::ChoiceParameter)]
enum Span {
    #[name = "24 hours"]
    Day,
    #[name = "7 days"]
    Week,
}

pub(super) fn severity(least: Least) -> Severity {
    match least {
        Least::Debug => Severity::Debug,
        Least::Info => Severity::Info,
        Least::Warning => Severity::Warning,
        Least::Error => Severity::Error,
        Least::Critical => Severity::Critical,
    }
}

fn mode(shown: Shown) -> String {
    match shown {
        Shown::Usual => NONE,
        Shown::Post => "post",
        Shown::Card => "card",
    }
    .to_owned()
}

fn channel(given: Option<PartialChannel>) -> Option<ChannelId> {
    given.map(|channel| ChannelId::from(channel.id.get()))
}

fn mention(role: &Role) -> String {
    format!("<@&{}>", role.id)
}

/// Add a route: shows what it would have done, and saves it when you press Save.
#[poise::command(slash_command, guild_only)]
#[expect(clippy::too_many_arguments, reason = "each is an option of the command")]
async fn add(
    ctx: Context<'_>,
    #[description = "What you call it, such as urgent tickets"]
    #[max_length = 40]
    name: String,
    #[rename = "type"]
    #[description = "Which events: ticket.created, ticket.*, *.created, * or default"]
    #[max_length = 100]
    #[autocomplete = "types"]
    pattern: String,
    #[description = "Where they go"]
    #[channel_types("Text", "News", "PublicThread", "PrivateThread", "NewsThread", "Forum")]
    to: Option<PartialChannel>,
    #[description = "A second place"]
    #[channel_types("Text", "News", "PublicThread", "PrivateThread", "NewsThread", "Forum")]
    also: Option<PartialChannel>,
    #[description = "A destination by its name, such as a webhook"]
    #[autocomplete = "destinations"]
    destination: Option<String>,
    #[description = "Only this severity and above"] severity: Option<Least>,
    #[description = "Only if this is true, such as data.priority in ['high', 'critical']"]
    #[max_length = 1000]
    filter: Option<String>,
    #[description = "Only from this source"]
    #[autocomplete = "sources"]
    source: Option<String>,
    #[description = "How messages look; the built-in look when left out"]
    #[autocomplete = "templates"]
    template: Option<String>,
    #[description = "A role to ping"] mention: Option<Role>,
    #[description = "A living card, or a message for each event"] shown: Option<Shown>,
    #[description = "Whether the routes after it are tried, too"] goes_on: Option<bool>,
    #[description = "Lower is tried first; the last when left out"]
    #[min = 1]
    #[max = 999_999]
    position: Option<i32>,
    #[description = "Every webhook of this type, such as SYSTEM"]
    #[max_length = 20]
    webhook_type: Option<String>,
    #[description = "Every webhook of this scope, such as ADMIN"]
    #[max_length = 20]
    webhook_scope: Option<String>,
    #[description = "Quiet hours, such as 22:00-07:00 Europe/Berlin"]
    #[max_length = 60]
    quiet_hours: Option<String>,
    #[description = "One message that lists what came, each 30m, 1h or 1d"]
    #[max_length = 20]
    digest: Option<String>,
    #[description = "At most so many messages, such as 10 per 5m"]
    #[max_length = 30]
    throttle: Option<String>,
    #[description = "What makes events the same, such as data.source; give repeat, too"]
    #[max_length = 200]
    group_by: Option<String>,
    #[description = "For how long the same is not posted again, such as 1h"]
    #[max_length = 20]
    repeat: Option<String>,
    #[description = "What came late: summarise after 30m, or drop after 1h"]
    #[max_length = 40]
    when_late: Option<String>,
) -> Result<(), Error> {
    let wish = Wish {
        name: Some(name),
        pattern: Some(pattern),
        channel: channel(to),
        also: channel(also),
        destination,
        webhook_type,
        webhook_scope,
        source,
        severity: severity.map(self::severity),
        filter,
        template,
        mention: mention.as_ref().map(self::mention),
        mode: shown.map(mode),
        continues: goes_on,
        position,
        noise: NoiseWish { quiet_hours, digest, throttle, group_by, repeat, when_late },
    };
    show(ctx, None, wish).await
}

/// Change a route: shows what would differ, and saves it when you press Save.
#[poise::command(slash_command, guild_only)]
#[expect(clippy::too_many_arguments, reason = "each is an option of the command")]
async fn edit(
    ctx: Context<'_>,
    #[description = "Which route"]
    #[autocomplete = "own_routes"]
    route: String,
    #[description = "What it is called from now on"]
    #[max_length = 40]
    name: Option<String>,
    #[rename = "type"]
    #[description = "Which events: ticket.created, ticket.*, *.created, * or default"]
    #[max_length = 100]
    #[autocomplete = "types"]
    pattern: Option<String>,
    #[description = "Where they go, instead of where they go now"]
    #[channel_types("Text", "News", "PublicThread", "PrivateThread", "NewsThread", "Forum")]
    to: Option<PartialChannel>,
    #[description = "A second place"]
    #[channel_types("Text", "News", "PublicThread", "PrivateThread", "NewsThread", "Forum")]
    also: Option<PartialChannel>,
    #[description = "A destination by its name, such as a webhook"]
    #[autocomplete = "destinations"]
    destination: Option<String>,
    #[description = "Only this severity and above"] severity: Option<Least>,
    #[description = "Only if this is true; none takes it away"]
    #[max_length = 1000]
    filter: Option<String>,
    #[description = "Only from this source; none for every source"]
    #[autocomplete = "sources"]
    source: Option<String>,
    #[description = "How messages look; none for the built-in look"]
    #[autocomplete = "templates"]
    template: Option<String>,
    #[description = "A further role to ping"] mention: Option<Role>,
    #[description = "Ping nobody any more"] mention_nobody: Option<bool>,
    #[description = "A living card, or a message for each event"] shown: Option<Shown>,
    #[description = "Whether the routes after it are tried, too"] goes_on: Option<bool>,
    #[description = "Lower is tried first"]
    #[min = 1]
    #[max = 999_999]
    position: Option<i32>,
    #[description = "Every webhook of this type; none takes it away"]
    #[max_length = 20]
    webhook_type: Option<String>,
    #[description = "Every webhook of this scope; none takes it away"]
    #[max_length = 20]
    webhook_scope: Option<String>,
    #[description = "Quiet hours, such as 22:00-07:00 Europe/Berlin; none takes it away"]
    #[max_length = 60]
    quiet_hours: Option<String>,
    #[description = "One message that lists what came, each 30m, 1h or 1d; none takes it away"]
    #[max_length = 20]
    digest: Option<String>,
    #[description = "At most so many messages, such as 10 per 5m; none takes it away"]
    #[max_length = 30]
    throttle: Option<String>,
    #[description = "What makes events the same, such as data.source; give repeat, too; none takes it away"]
    #[max_length = 200]
    group_by: Option<String>,
    #[description = "For how long the same is not posted again, such as 1h; none takes it away"]
    #[max_length = 20]
    repeat: Option<String>,
    #[description = "What came late: summarise after 30m, or drop after 1h; none takes it away"]
    #[max_length = 40]
    when_late: Option<String>,
) -> Result<(), Error> {
    let wish = Wish {
        name,
        pattern,
        channel: channel(to),
        also: channel(also),
        destination,
        webhook_type,
        webhook_scope,
        source,
        severity: severity.map(self::severity),
        filter,
        template,
        mention: match mention_nobody {
            Some(true) => Some(NONE.to_owned()),
            _ => mention.as_ref().map(self::mention),
        },
        mode: shown.map(mode),
        continues: goes_on,
        position,
        noise: NoiseWish { quiet_hours, digest, throttle, group_by, repeat, when_late },
    };
    show(ctx, Some(&route), wish).await
}

async fn show(ctx: Context<'_>, target: Option<&str>, wish: Wish) -> Result<(), Error> {
    let guild_id = managed_guild(ctx)?;
    ctx.defer_ephemeral().await?;
    let by = UserId::from(ctx.author().id.get());
    let preview = propose(&ctx.data().ports, guild_id, by, target, wish).await?;
    let button = CreateButton::new(format!("v1:route:save:{}", preview.draft_id)).label(text::SAVE);
    let row = CreateActionRow::Buttons(vec![button.style(ButtonStyle::Success)]);
    ctx.send(CreateReply::default().embed(proposal(&preview)).components(vec![row]).ephemeral(true)).await?;
    Ok(())
}

fn proposal(preview: &Preview) -> CreateEmbed {
    let verb = if preview.is_new { "New route" } else { "Change of the route" };
    let mut embed = CreateEmbed::new()
        .title(format!("🧭 {verb} {}", preview.name))
        .colour(BLUE)
        .description(text::diff(&preview.lines))
        .field("Tried on what came", text::backtest(&preview.looked, &preview.board, "24 hours"), false)
        .footer(CreateEmbedFooter::new("Nothing is saved until you press Save."));
    if !preview.warnings.is_empty() {
        embed = embed.field("Look at this", text::warnings(&preview.warnings), false);
    }
    embed
}

/// All routes in the order in which they are tried.
#[poise::command(slash_command, guild_only)]
async fn list(ctx: Context<'_>) -> Result<(), Error> {
    let guild_id = managed_guild(ctx)?;
    ctx.defer_ephemeral().await?;
    let board = Board::read(&ctx.data().ports, guild_id).await?;
    let (last, first): (Vec<_>, Vec<_>) =
        board.routes.iter().partition(|route| route.pattern == crate::routing::DEFAULT_PATTERN);
    let lines: Vec<String> = first.into_iter().chain(last).map(|route| text::route_line(route, &board)).collect();
    let words =
        if lines.is_empty() { "There is no route: nothing is shown anywhere.".to_owned() } else { lines.join("\n") };
    let mut footer = text::ORDER.to_owned();
    if board.routes.iter().any(|route| route.from_env) {
        footer.push_str(" 🔒 is set by the operator.");
    }
    let embed = CreateEmbed::new()
        .title(text::ROUTES)
        .colour(BLUE)
        .description(fit(&words, DESCRIPTION))
        .footer(CreateEmbedFooter::new(footer));
    ctx.send(CreateReply::default().embed(embed).ephemeral(true)).await?;
    Ok(())
}

/// Run a route over the events of the last day or week. Nothing is posted.
#[poise::command(slash_command, guild_only)]
async fn test(
    ctx: Context<'_>,
    #[description = "Which route"]
    #[autocomplete = "routes"]
    route: String,
    #[description = "How far back; 24 hours when left out"] since: Option<Span>,
) -> Result<(), Error> {
    let guild_id = managed_guild(ctx)?;
    ctx.defer_ephemeral().await?;
    let ports = &ctx.data().ports;
    let board = Board::read(ports, guild_id).await?;
    let found = board.route(&route)?;
    let (span, words) = match since {
        Some(Span::Week) => (TimeDelta::days(7), "7 days"),
        _ => (TimeDelta::hours(24), "24 hours"),
    };
    let body = found.body();
    let looked = try_out(ports, guild_id, &board, Some(found.id), &body, span).await?;
    let embed = CreateEmbed::new()
        .title(format!("🧪 Route {}", found.name))
        .colour(BLUE)
        .description(text::backtest(&looked, &board, words))
        .footer(CreateEmbedFooter::new("As the routes are now. Nothing was posted."));
    ctx.send(CreateReply::default().embed(embed).ephemeral(true)).await?;
    Ok(())
}

/// Pause a route, or let it go on. Meanwhile its events go on to the routes after it.
#[poise::command(slash_command, guild_only)]
async fn pause(
    ctx: Context<'_>,
    #[description = "Which route"]
    #[autocomplete = "own_routes"]
    route: String,
    #[description = "False lets it go on again"] paused: Option<bool>,
) -> Result<(), Error> {
    let guild_id = managed_guild(ctx)?;
    ctx.defer_ephemeral().await?;
    let by = UserId::from(ctx.author().id.get());
    let changed = save::pause(&ctx.data().ports, guild_id, by, &route, paused.unwrap_or(true)).await?;
    ctx.send(CreateReply::default().content(text::changed(&changed.headline)).ephemeral(true)).await?;
    Ok(())
}

/// Remove a route. It can be undone in the admins' channel.
#[poise::command(slash_command, guild_only)]
async fn remove(
    ctx: Context<'_>,
    #[description = "Which route"]
    #[autocomplete = "own_routes"]
    route: String,
) -> Result<(), Error> {
    let guild_id = managed_guild(ctx)?;
    ctx.defer_ephemeral().await?;
    let by = UserId::from(ctx.author().id.get());
    let changed = save::remove(&ctx.data().ports, guild_id, by, &route).await?;
    ctx.send(CreateReply::default().content(text::changed(&changed.headline)).ephemeral(true)).await?;
    Ok(())
}

/// Those that begin with what was typed come first.
fn fitting(names: impl IntoIterator<Item = String>, partial: &str) -> CreateAutocompleteResponse {
    let wanted = partial.trim().to_lowercase();
    let mut found: Vec<(bool, String)> = names
        .into_iter()
        .filter(|name| name.to_lowercase().contains(&wanted))
        .map(|name| (!name.to_lowercase().starts_with(&wanted), name))
        .collect();
    found.sort_by_key(|(later, _)| *later);
    let found = found.into_iter().take(CHOICES);
    offer(found.map(|(_, name)| AutocompleteChoice::new(fit(&name, 100), fit(&name, 100))))
}

async fn board(ctx: Context<'_>) -> Option<Board> {
    let guild_id = managed_guild(ctx).ok()?;
    Board::read(&ctx.data().ports, guild_id).await.ok()
}

async fn routes(ctx: Context<'_>, partial: &str) -> CreateAutocompleteResponse {
    let names = board(ctx).await.map(|board| board.routes).unwrap_or_default();
    fitting(names.into_iter().map(|route| route.name), partial)
}

async fn own_routes(ctx: Context<'_>, partial: &str) -> CreateAutocompleteResponse {
    let names = board(ctx).await.map(|board| board.routes).unwrap_or_default();
    fitting(names.into_iter().filter(|route| !route.from_env).map(|route| route.name), partial)
}

async fn destinations(ctx: Context<'_>, partial: &str) -> CreateAutocompleteResponse {
    let names = board(ctx).await.map(|board| board.destinations).unwrap_or_default();
    fitting(names.into_iter().filter_map(|destination| destination.name), partial)
}

pub(super) async fn sources(ctx: Context<'_>, partial: &str) -> CreateAutocompleteResponse {
    let names = board(ctx).await.map(|board| board.sources).unwrap_or_default();
    fitting(names.into_iter().map(|(_, name)| name), partial)
}

pub(super) async fn templates(ctx: Context<'_>, partial: &str) -> CreateAutocompleteResponse {
    let names = board(ctx).await.map(|board| board.templates).unwrap_or_default();
    fitting(names.into_iter().map(|template| template.name), partial)
}

/// Types that came, then those that are known, then families of them.
pub(super) async fn types(ctx: Context<'_>, partial: &str) -> CreateAutocompleteResponse {
    let Ok(guild_id) = managed_guild(ctx) else { return offer([]) };
    let mut all = ctx.data().ports.store.list_seen_kinds(guild_id).await.unwrap_or_default();
    all.extend(kind::names().map(str::to_owned));
    let families: Vec<String> = all.iter().filter_map(|name| Some(format!("{}.*", name.split_once('.')?.0))).collect();
    all.extend(families);
    all.push(crate::routing::DEFAULT_PATTERN.to_owned());
    let mut seen = std::collections::HashSet::new();
    all.retain(|name| seen.insert(name.clone()));
    fitting(all, partial)
}
