//! `/destination list|add|edit|test|pause|remove|enable`: where signals may go.

use poise::serenity_prelude::{
    AutocompleteChoice, ButtonStyle, CreateActionRow, CreateAutocompleteResponse, CreateButton, PartialChannel,
};
use poise::{ChoiceParameter, CreateReply};
use uuid::Uuid;

use super::super::component::destination::{self as component, Listing};
use super::super::text::delivery as text;
use super::super::{Context, Error};
use super::{managed_guild, offer};
use crate::delivery::manage::{Added, Change, Enabled, NewPlace, Who};
use crate::error::UserError;
use crate::id::{ChannelId, UserId, derived};
use crate::routing::embed::fit;
use crate::store::audit::Author;
use crate::store::destination::manage::{DestinationChange, DestinationView};
use crate::upstream::guard::WebhookAddress;

/// Choices that Discord shows, and the length of one.
const CHOICES: usize = 25;
const CHOICE: usize = 100;
/// Milliseconds in a second.
const MS: f64 = 1000.0;

/// What a panel sorts its webhooks by.
#[derive(Clone, Copy, ChoiceParameter)]
enum Kind {
    #[name = "game server"]
    GameServer,
    #[name = "VPS"]
    Vps,
    #[name = "system"]
    System,
    #[name = "billing"]
    Billing,
    #[name = "security"]
    Security,
    #[name = "support"]
    Support,
    #[name = "custom"]
    Custom,
    #[name = "none"]
    Nothing,
}

#[derive(Clone, Copy, ChoiceParameter)]
enum Scope {
    #[name = "admins"]
    Admin,
    #[name = "users"]
    User,
    #[name = "everybody"]
    Public,
    #[name = "none"]
    Nothing,
}

impl Kind {
    fn stored(self) -> String {
        match self {
            Kind::GameServer => "GAME_SERVER",
            Kind::Vps => "VPS",
            Kind::System => "SYSTEM",
            Kind::Billing => "BILLING",
            Kind::Security => "SECURITY",
            Kind::Support => "SUPPORT",
            Kind::Custom => "CUSTOM",
            Kind::Nothing => "",
        }
        .to_owned()
    }
}

impl Scope {
    fn stored(self) -> String {
        match self {
            Scope::Admin => "ADMIN",
            Scope::User => "USER",
            Scope::Public => "PUBLIC",
            Scope::Nothing => "",
        }
        .to_owned()
    }
}

/// Where signals may go: channels, threads, forums and webhooks.
#[poise::command(
    slash_command,
    guild_only,
    default_member_permissions = "MANAGE_GUILD",
    subcommands("list", "add", "edit", "test", "pause", "enable", "remove"),
    subcommand_required
)]
pub async fn destination(_: Context<'_>) -> Result<(), Error> {
    Ok(())
}

/// All destinations, whether they can be used, and how to mend those that cannot.
#[poise::command(slash_command)]
async fn list(ctx: Context<'_>) -> Result<(), Error> {
    let guild_id = managed_guild(ctx)?;
    ctx.defer_ephemeral().await?;
    let listing = Listing { caller: UserId::from(ctx.author().id.get()), page: 0 };
    let (embed, buttons) = component::page(&ctx.data().ports, guild_id, listing).await?;
    ctx.send(CreateReply::default().embed(embed).components(buttons).ephemeral(true)).await?;
    Ok(())
}

/// Add a channel, a thread, a forum or a Discord webhook.
#[poise::command(slash_command)]
#[allow(clippy::too_many_arguments)]
async fn add(
    ctx: Context<'_>,
    #[description = "What it is called here"] name: String,
    #[description = "A channel, thread or forum of this server"]
    #[channel_types("Text", "News", "PublicThread", "PrivateThread", "NewsThread", "Forum")]
    channel: Option<PartialChannel>,
    #[description = "Or the address of a webhook of this server; it is kept encrypted"] webhook: Option<String>,
    #[description = "Type, for routes to every destination of a type"]
    #[rename = "type"]
    kind: Option<Kind>,
    #[description = "Whom it is for, with a type: admins unless said otherwise"] scope: Option<Scope>,
    #[description = "What it is for"] description: Option<String>,
    #[description = "In a forum: archive a post when its ticket or approval is resolved"] archive_resolved: Option<
        bool,
    >,
) -> Result<(), Error> {
    let who = who(ctx)?;
    let place = match (&channel, &webhook) {
        (Some(channel), None) => NewPlace::Channel(ChannelId::from(channel.id.get())),
        (None, Some(address)) => {
            NewPlace::Webhook(WebhookAddress::parse(address).map_err(|error| UserError::new(text::refused(&error)))?)
        }
        _ => return Err(UserError::new(text::ONE_PLACE).into()),
    };
    let scope = scope.or(kind.filter(|kind| !matches!(kind, Kind::Nothing)).map(|_| Scope::Admin));
    let change = DestinationChange {
        name: Some(named(&name)?),
        description: description.map(|words| words.trim().to_owned()),
        webhook_type: kind.map(Kind::stored),
        webhook_scope: scope.map(Scope::stored),
        archives_resolved: archive_resolved,
        ..DestinationChange::default()
    };
    ctx.defer_ephemeral().await?;
    let id = ctx.data().ports.clock.uuid();
    let words = match ctx.data().delivery.add_destination(&who, &place, &change, id).await? {
        Added::Done(view, problem) => text::added(&view, problem.as_deref()),
        Added::NameTaken => text::name_taken(change.name.as_deref().unwrap_or_default()),
        Added::Already(name) => text::already(&name),
        Added::Elsewhere => text::ELSEWHERE.to_owned(),
        Added::Refused(why) | Added::Silent(why) => text::not_added(&why),
        Added::Unfit(unfit) => text::unfit(&unfit),
    };
    say(ctx, words).await
}

/// Change its name, what it is for, its type, how it is written to.
#[poise::command(slash_command)]
#[allow(clippy::too_many_arguments)]
async fn edit(
    ctx: Context<'_>,
    #[description = "Which one"]
    #[autocomplete = "known"]
    destination: String,
    #[description = "A new name"] name: Option<String>,
    #[description = "Type, for routes to every destination of a type"]
    #[rename = "type"]
    kind: Option<Kind>,
    #[description = "Whom it is for"] scope: Option<Scope>,
    #[description = "What it is for; - to take it away"] description: Option<String>,
    #[description = "In a forum: archive a post when its ticket or approval is resolved"] archive_resolved: Option<
        bool,
    >,
    #[description = "Seconds in which notices are gathered into one message; - for what the operator set"]
    gather: Option<String>,
    #[description = "As whom a webhook posts; - for its own name"] sender: Option<String>,
    #[description = "The https address of the picture that a webhook posts with; - for its own"] picture: Option<
        String,
    >,
) -> Result<(), Error> {
    let who = who(ctx)?;
    let change = DestinationChange {
        name: name.as_deref().map(named).transpose()?,
        description: description.map(|words| words.trim().trim_matches('-').to_owned()),
        webhook_type: kind.map(Kind::stored),
        webhook_scope: scope.map(Scope::stored),
        archives_resolved: archive_resolved,
        enabled: None,
        batch_window_ms: gather.as_deref().map(gathered).transpose()?,
        sender_name: sender.as_deref().map(given),
        sender_avatar_url: picture.as_deref().map(given),
    };
    ctx.defer_ephemeral().await?;
    let view = found(ctx, &destination).await?;
    let words = match ctx.data().delivery.change_destination(&who, view.destination.id, &change, |_| true).await? {
        Change::Done => {
            let view = ctx.data().ports.store.find_destination_view(who.guild_id, view.destination.id).await?;
            view.map_or_else(|| text::UNKNOWN.to_owned(), |view| text::changed(&view))
        }
        Change::NameTaken => text::name_taken(change.name.as_deref().unwrap_or_default()),
        Change::Unfit(unfit) => text::unfit(&unfit),
        Change::Unknown | Change::Stale => text::UNKNOWN.to_owned(),
    };
    say(ctx, words).await
}

/// Post a test message; one that Discord had refused is used again when it arrives.
#[poise::command(slash_command)]
async fn test(
    ctx: Context<'_>,
    #[description = "Which one"]
    #[autocomplete = "known"]
    destination: String,
) -> Result<(), Error> {
    let who = who(ctx)?;
    ctx.defer_ephemeral().await?;
    let view = found(ctx, &destination).await?;
    let nonce = derived(&["test", &ctx.id().to_string()]);
    let id = view.destination.id;
    let tested = ctx.data().delivery.test_destination(who.guild_id, id, nonce, &who.author).await?;
    let words = tested.map_or_else(|| text::UNKNOWN.to_owned(), |tested| text::tested(&view, &tested));
    say(ctx, words).await
}

/// Keep its messages back until it is enabled.
#[poise::command(slash_command)]
async fn pause(
    ctx: Context<'_>,
    #[description = "Which one"]
    #[autocomplete = "known"]
    destination: String,
) -> Result<(), Error> {
    let who = who(ctx)?;
    ctx.defer_ephemeral().await?;
    let view = found(ctx, &destination).await?;
    let done = ctx.data().delivery.pause_destination(&who, view.destination.id).await?;
    say(ctx, if done { text::paused(&view) } else { text::UNKNOWN.to_owned() }).await
}

/// End a pause; one that Discord had refused is tested first.
#[poise::command(slash_command)]
async fn enable(
    ctx: Context<'_>,
    #[description = "Which one"]
    #[autocomplete = "known"]
    destination: String,
) -> Result<(), Error> {
    let who = who(ctx)?;
    ctx.defer_ephemeral().await?;
    let mut view = found(ctx, &destination).await?;
    let nonce = derived(&["test", &ctx.id().to_string()]);
    let words = match ctx.data().delivery.enable_destination(&who, view.destination.id, nonce).await? {
        Enabled::Done(waiting) => text::enabled(&view, waiting),
        Enabled::Tested(tested) => {
            view.enabled = true;
            text::tested(&view, &tested)
        }
        Enabled::Unknown => text::UNKNOWN.to_owned(),
    };
    say(ctx, words).await
}

/// Remove it for good; a webhook's address is forgotten.
#[poise::command(slash_command)]
async fn remove(
    ctx: Context<'_>,
    #[description = "Which one"]
    #[autocomplete = "known"]
    destination: String,
) -> Result<(), Error> {
    managed_guild(ctx)?;
    ctx.defer_ephemeral().await?;
    let view = found(ctx, &destination).await?;
    if !view.routes.is_empty() {
        return say(ctx, text::routed(&view.routes)).await;
    }
    let caller = UserId::from(ctx.author().id.get());
    let button = CreateButton::new(component::removal(caller, view.destination.id))
        .label(text::REMOVE)
        .style(ButtonStyle::Danger);
    let reply =
        CreateReply::default().content(text::removal(&view)).components(vec![CreateActionRow::Buttons(vec![button])]);
    ctx.send(reply.ephemeral(true)).await?;
    Ok(())
}

fn who(ctx: Context<'_>) -> Result<Who, Error> {
    Ok(Who { guild_id: managed_guild(ctx)?, author: Author::Member(UserId::from(ctx.author().id.get())) })
}

async fn say(ctx: Context<'_>, words: String) -> Result<(), Error> {
    ctx.send(CreateReply::default().content(words).ephemeral(true)).await?;
    Ok(())
}

fn named(words: &str) -> Result<String, Error> {
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.is_empty() { Err(UserError::new(text::BAD_NAME).into()) } else { Ok(words) }
}

/// A dash takes it away.
fn given(words: &str) -> String {
    let words = words.trim();
    if words == "-" { String::new() } else { words.to_owned() }
}

/// Seconds as somebody writes them, in milliseconds.
fn gathered(words: &str) -> Result<Option<i32>, Error> {
    let words = given(words).replace(',', ".");
    if words.is_empty() {
        return Ok(None);
    }
    let seconds: f64 = words.trim_end_matches('s').trim().parse().map_err(|_| UserError::new(text::BAD_GATHER))?;
    // What is out of bounds is refused with all else.
    Ok(Some((seconds * MS).round() as i32))
}

/// By what an option's choice carries, or by its name.
async fn found(ctx: Context<'_>, words: &str) -> Result<DestinationView, Error> {
    let guild_id = managed_guild(ctx)?;
    let all = ctx.data().ports.store.list_destination_views(guild_id, None).await?;
    pick(all, words).ok_or_else(|| UserError::new(text::UNKNOWN).into())
}

pub(super) fn pick(all: Vec<DestinationView>, words: &str) -> Option<DestinationView> {
    let words = words.trim().trim_start_matches('#');
    let by_id = Uuid::parse_str(words).ok();
    let is_it = |view: &DestinationView| {
        Some(view.destination.id) == by_id
            || view.name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(words))
            || view.name.is_none() && view.discord_name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(words))
    };
    all.into_iter().find(is_it)
}

/// Never fails loudly: what cannot be had is not offered.
pub(super) async fn known(ctx: Context<'_>, partial: &str) -> CreateAutocompleteResponse {
    let Ok(guild_id) = managed_guild(ctx) else { return offer([]) };
    let Ok(all) = ctx.data().ports.store.list_destination_views(guild_id, None).await else { return offer([]) };
    let wanted = partial.trim().to_lowercase();
    let mut found: Vec<(bool, AutocompleteChoice)> = all
        .iter()
        .filter_map(|view| {
            let label = text::label(view);
            let name = label.to_lowercase();
            let id = view.destination.id.to_string();
            name.contains(&wanted)
                .then(|| (!name.starts_with(&wanted), AutocompleteChoice::new(fit(&label, CHOICE), id)))
        })
        .collect();
    found.sort_by_key(|(later, _)| *later);
    offer(found.into_iter().take(CHOICES).map(|(_, choice)| choice))
}
