//! `/deliveries list|replay`: what became of messages, and what was not delivered once more.

use poise::serenity_prelude::{
    AutocompleteChoice, ButtonStyle, CreateActionRow, CreateAutocompleteResponse, CreateButton,
};
use poise::{ChoiceParameter, CreateReply};

use super::super::component::deliveries::{self as component, KIND, Listing, Wish};
use super::super::text::delivery as text;
use super::super::{Context, Error};
use super::audit::parse_since;
use super::destination::{known, pick};
use super::{managed_guild, offer};
use crate::bus::Topic;
use crate::delivery::replay;
use crate::error::UserError;
use crate::id::{UserId, mark};
use crate::routing::embed::fit;
use crate::store::audit::Author;
use crate::store::explain::{DeliveryPage, DeliveryState};
use crate::store::message::DeadFilter;

const CHOICES: usize = 25;
const CHOICE: usize = 100;

#[derive(Clone, Copy, ChoiceParameter)]
enum State {
    #[name = "waiting"]
    Waiting,
    #[name = "in doubt"]
    InDoubt,
    #[name = "delivered"]
    Delivered,
    #[name = "not delivered"]
    NotDelivered,
}

impl From<State> for DeliveryState {
    fn from(state: State) -> Self {
        match state {
            State::Waiting => DeliveryState::Waiting,
            State::InDoubt => DeliveryState::InDoubt,
            State::Delivered => DeliveryState::Delivered,
            State::NotDelivered => DeliveryState::NotDelivered,
        }
    }
}

/// What became of messages, and what was not delivered once more.
#[poise::command(
    slash_command,
    guild_only,
    default_member_permissions = "MANAGE_GUILD",
    subcommands("list", "replay"),
    subcommand_required
)]
pub async fn deliveries(_: Context<'_>) -> Result<(), Error> {
    Ok(())
}

/// Messages, newest first, with what Discord said about those that are not there.
#[poise::command(slash_command)]
async fn list(
    ctx: Context<'_>,
    #[description = "Only these"] state: Option<State>,
    #[description = "Only to this destination"]
    #[autocomplete = "known"]
    destination: Option<String>,
    #[description = "Only this type of event"]
    #[rename = "type"]
    #[autocomplete = "kinds"]
    kind: Option<String>,
    #[description = "Only from this time on, such as 7d, 12h or 2026-11-21"] since: Option<String>,
) -> Result<(), Error> {
    let guild_id = managed_guild(ctx)?;
    ctx.defer_ephemeral().await?;
    let asked = asked(ctx, destination, kind, since).await?;
    let listing = Listing {
        caller: asked.caller,
        state: state.map(DeliveryState::from),
        destination: asked.destination,
        since: asked.since,
        page: DeliveryPage::Newest,
        kind: asked.kind,
    };
    let (embed, buttons) = component::page(&ctx.data().ports, guild_id, &listing).await?;
    ctx.send(CreateReply::default().embed(embed).components(buttons).ephemeral(true)).await?;
    Ok(())
}

/// Queue again what was not delivered: one message at once, or many after a look at how many.
#[poise::command(slash_command)]
async fn replay(
    ctx: Context<'_>,
    #[description = "The number of one message, as the list shows it"] message: Option<i64>,
    #[description = "Only to this destination"]
    #[autocomplete = "known"]
    destination: Option<String>,
    #[description = "Only this type of event"]
    #[rename = "type"]
    #[autocomplete = "kinds"]
    kind: Option<String>,
    #[description = "Only what failed from this time on, such as 7d, 12h or 2026-11-21"] since: Option<String>,
) -> Result<(), Error> {
    let guild_id = managed_guild(ctx)?;
    ctx.defer_ephemeral().await?;
    let ports = &ctx.data().ports;
    let now = ports.clock.now();
    if message.is_some() {
        let filter = DeadFilter { guild_id: Some(guild_id), message_id: message, ..DeadFilter::default() };
        let by = Author::Member(UserId::from(ctx.author().id.get()));
        let queued = replay::replay(&ports.store, &filter, Some(&by), ports.clock.uuid(), now).await?;
        ports.wake.wake(Topic::Deliverer);
        ctx.send(CreateReply::default().content(text::replayed(queued)).ephemeral(true)).await?;
        return Ok(());
    }
    let wish = asked(ctx, destination, kind, since).await?;
    let prospect = replay::look(&ports.store, &component::filter(ports, guild_id, &wish).await?).await?;
    let count = prospect.messages.len();
    if count == 0 {
        let reply = CreateReply::default().content(text::NOTHING_TO_REPLAY).ephemeral(true);
        ctx.send(reply).await?;
        return Ok(());
    }
    let words = text::prospect(count, prospect.waiting(), prospect.settled, wish.since);
    let button =
        CreateButton::new(component::encode_wish(&wish)).label(text::replay_label(count)).style(ButtonStyle::Primary);
    let buttons = vec![CreateActionRow::Buttons(vec![button])];
    ctx.send(CreateReply::default().content(words).components(buttons).ephemeral(true)).await?;
    Ok(())
}

/// The options that both have, read.
async fn asked(
    ctx: Context<'_>,
    destination: Option<String>,
    kind: Option<String>,
    since: Option<String>,
) -> Result<Wish, Error> {
    let guild_id = managed_guild(ctx)?;
    let ports = &ctx.data().ports;
    let until = ports.clock.now();
    let since = match since.as_deref().map(|words| parse_since(words, until)) {
        Some(None) => return Err(UserError::new(text::BAD_SINCE).into()),
        since => since.flatten(),
    };
    let kind = kind.as_deref().map(read_kind).transpose()?;
    let destination = match destination {
        None => None,
        Some(words) => {
            let all = ports.store.list_destination_views(guild_id, None).await?;
            let view = pick(all, &words).ok_or_else(|| UserError::new(text::UNKNOWN))?;
            Some(mark(view.destination.id))
        }
    };
    Ok(Wish { caller: UserId::from(ctx.author().id.get()), destination, since, until, kind })
}

/// A type as its name may be.
pub(super) fn read_kind(words: &str) -> Result<String, Error> {
    let words = words.trim().trim_matches('`');
    let plain = words.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
    let fits = plain && !words.is_empty() && words.len() <= KIND;
    if fits { Ok(words.to_owned()) } else { Err(UserError::new(text::BAD_KIND).into()) }
}

/// The types that ever came. Never fails loudly: what cannot be had is not offered.
pub(super) async fn kinds(ctx: Context<'_>, partial: &str) -> CreateAutocompleteResponse {
    let Ok(guild_id) = managed_guild(ctx) else { return offer([]) };
    let Ok(heard) = ctx.data().ports.store.list_heard_kinds(guild_id).await else { return offer([]) };
    let wanted = partial.trim().to_lowercase();
    let found = heard.into_iter().map(|(kind, _)| kind).filter(|kind| kind.contains(&wanted));
    offer(found.take(CHOICES).map(|kind| AutocompleteChoice::new(fit(&kind, CHOICE), kind)))
}
