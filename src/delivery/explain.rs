//! Why a message is there, and why one is not: what the rows know of it, put together. The words are the edge's.

use std::collections::HashMap;

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use url::Url;
use uuid::Uuid;

use crate::id::{GuildId, MessageId};
use crate::routing::trace::Plan;
use crate::store::Store;
use crate::store::card::CardView;
use crate::store::destination::manage::DestinationView;
use crate::store::diagnosis::RefusalGroup;
use crate::store::explain::{Fate, ToldAttempt, ToldEvent, ToldMessage, ToldSend};
use crate::store::held::ToldHeld;

/// Hosts whose links lead to messages.
const HOSTS: [&str; 4] = ["discord.com", "ptb.discord.com", "canary.discord.com", "discordapp.com"];
/// Snowflakes are longer than the numbers of our own messages will ever be.
const SNOWFLAKE_DIGITS: usize = 16;
/// Events of a type that are looked at.
const FATES: i64 = 500;
/// Refusals of a source that are told.
const REFUSALS: i64 = 3;

/// What somebody asks about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pointer {
    /// A message in Discord.
    Discord(MessageId),
    /// A message of the outbox, by the number that `/deliveries list` shows.
    Number(i64),
    Event(Uuid),
}

impl Pointer {
    /// A link to a message, its id, the number of a delivery, or the id of an event.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().trim_matches(['<', '>', '#']);
        if let Ok(url) = Url::parse(text) {
            let host = url.host_str().filter(|host| HOSTS.contains(host));
            let parts: Vec<&str> = host.and_then(|_| url.path_segments()).map(Iterator::collect)?;
            return match parts.as_slice() {
                ["channels", _, _, message] => message.parse().ok().map(|id| Pointer::Discord(MessageId(id))),
                _ => None,
            };
        }
        if let Ok(id) = Uuid::parse_str(text) {
            return Some(Pointer::Event(id));
        }
        let number: i64 = text.parse().ok().filter(|number| *number > 0)?;
        Some(if text.len() > SNOWFLAKE_DIGITS { Pointer::Discord(MessageId(number)) } else { Pointer::Number(number) })
    }
}

/// `None` for events that were planned before plans were kept.
pub fn plan_of(event: &ToldEvent) -> Option<Plan> {
    serde_json::from_value(event.plan.clone().filter(|plan| plan.is_object())?).ok()
}

/// What became of an event that was routed, or why it was not.
pub fn is_routed(event: &ToldEvent) -> bool {
    match plan_of(event) {
        Some(plan) => !plan.matched.is_empty(),
        None => event.plan_note.as_deref().is_some_and(|note| note.starts_with("routed by")),
    }
}

/// Everything that is known of one message, or of one event.
#[derive(Debug)]
pub struct Story {
    /// Those behind it, oldest first; of a card all that made it what it is.
    pub events: Vec<ToldEvent>,
    pub messages: Vec<ToldMessage>,
    /// What was held back of them, and where that is told.
    pub held: Vec<ToldHeld>,
    pub send: Option<ToldSend>,
    pub attempts: Vec<ToldAttempt>,
    pub card: Option<CardView>,
    /// How often what was decided on the card was refused.
    pub refusals: i64,
    pub destinations: HashMap<Uuid, DestinationView>,
    /// Patterns of routes, for plans that name them by id.
    pub routes: HashMap<Uuid, String>,
}

/// `None` when nothing of this guild is meant.
pub async fn why(store: &Store, guild_id: GuildId, pointer: Pointer) -> Result<Option<Story>> {
    let (send, messages) = match pointer {
        Pointer::Discord(message) => {
            let Some(send) = store.find_told_send(guild_id, Some(message), None).await? else { return Ok(None) };
            (Some(send), Vec::new())
        }
        Pointer::Number(number) => {
            let messages = store.list_told_messages(guild_id, &[], Some(number)).await?;
            let Some(message) = messages.first() else { return Ok(None) };
            let send = match message.send_id {
                Some(id) => store.find_told_send(guild_id, None, Some(id)).await?,
                None => None,
            };
            (send, messages)
        }
        Pointer::Event(id) => (None, store.list_told_messages(guild_id, &[id], None).await?),
    };
    let card = match send.as_ref().and_then(|send| send.card_id) {
        Some(id) => Some(store.get_card(id).await?),
        None => None,
    };
    let refusals = match &card {
        Some(card) => store.count_refused(guild_id, card.subject_id).await?,
        None => 0,
    };
    let mut ids: Vec<Uuid> = messages.iter().map(|message| message.event_id).collect();
    if let Pointer::Event(id) = pointer {
        ids.push(id);
    }
    ids.extend(card.iter().flat_map(|card| &card.state.timeline).map(|entry| entry.event_id));
    let of_send = send.as_ref().map(|send| send.message_ids.as_slice()).unwrap_or_default();
    let events = store.list_told_events(guild_id, &ids, of_send).await?;
    if events.is_empty() && send.is_none() && messages.is_empty() {
        return Ok(None);
    }
    let attempts = match &send {
        Some(send) => store.list_told_attempts(send.id, send.card_id).await?,
        None => Vec::new(),
    };
    let held = match pointer {
        Pointer::Event(id) => store.list_told_held(guild_id, id).await?,
        _ => Vec::new(),
    };
    let destinations = store.list_destination_views(guild_id, None).await?;
    let destinations = destinations.into_iter().map(|view| (view.destination.id, view)).collect();
    let routes = store.list_route_names(guild_id).await?.into_iter().collect();
    Ok(Some(Story { events, messages, held, send, attempts, card, refusals, destinations, routes }))
}

/// What is not there, and why.
#[derive(Debug)]
pub struct Absence {
    /// The newest events of the type since then.
    pub fates: Vec<Fate>,
    /// There were more than were looked at.
    pub is_cut: bool,
    /// Of other systems, requests that were refused since then.
    pub refusals: Vec<(String, RefusalGroup)>,
    /// When the last one of the type came, ever.
    pub last_at: Option<DateTime<Utc>>,
    pub routes: HashMap<Uuid, String>,
}

pub async fn why_not(store: &Store, guild_id: GuildId, kind: &str, since: DateTime<Utc>) -> Result<Absence> {
    let fates = store.list_fates(guild_id, kind, since, FATES).await?;
    let mut refusals = Vec::new();
    for (source_id, system) in store.list_foreign_sources(guild_id).await? {
        let groups = store.list_refusal_groups(source_id, since, REFUSALS).await?;
        refusals.extend(groups.into_iter().map(|group| (system.clone(), group)));
    }
    let heard = store.list_heard_kinds(guild_id).await?;
    let last_at = heard.into_iter().find(|(heard, _)| heard == kind).map(|(_, at)| at);
    let routes = store.list_route_names(guild_id).await?.into_iter().collect();
    Ok(Absence { is_cut: fates.len() as i64 == FATES, fates, refusals, last_at, routes })
}

/// Why an event is not to be seen; `None` when it is.
#[derive(Clone, Debug, PartialEq)]
pub enum Missing {
    NotPlanned,
    /// No route leads anywhere; the planner's note.
    NotRouted,
    /// By what; the words of the plan.
    HeldBack(String),
    Waiting,
    Paused,
    Disabled(String),
    InDoubt(String),
    NotDelivered(String),
    /// Its card is not up to date, and Discord's words where there are any.
    CardBehind(Option<String>),
    CardGone,
}

pub fn missing(fate: &Fate) -> Option<Missing> {
    let note = || fate.note.clone().unwrap_or_default();
    if fate.event.planned_at.is_none() {
        return Some(Missing::NotPlanned);
    }
    match (fate.state.as_deref(), fate.send_state.as_deref()) {
        (Some("dead"), _) => return Some(Missing::NotDelivered(note())),
        (Some(_), Some("in_doubt" | "unresolved")) => return Some(Missing::InDoubt(note())),
        (Some(_), _) => {
            return Some(match &fate.disabled_because {
                Some(because) => Missing::Disabled(because.clone()),
                None if fate.paused => Missing::Paused,
                None => Missing::Waiting,
            });
        }
        (None, _) => {}
    }
    if fate.messages > 0 {
        return None;
    }
    if fate.cards == 0 {
        let held = plan_of(&fate.event).map(|plan| plan.held).unwrap_or_default();
        if let Some(first) = held.into_iter().next() {
            return Some(Missing::HeldBack(first.words));
        }
        return (!is_routed(&fate.event)).then_some(Missing::NotRouted);
    }
    match (fate.cards_gone, fate.cards_behind) {
        (true, _) => Some(Missing::CardGone),
        (false, true) => Some(Missing::CardBehind(fate.edit_error.clone())),
        (false, false) => None,
    }
}

/// How far the sender's clock, or the way, was off: positive when it happened before it came.
pub fn lag(event: &ToldEvent) -> TimeDelta {
    event.received_at - event.occurred_at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_is_a_link_an_id_a_number_or_an_event() {
        let id = 1_180_000_000_000_000_555;
        let discord = Some(Pointer::Discord(MessageId(id)));
        for host in HOSTS {
            assert_eq!(Pointer::parse(&format!("https://{host}/channels/1/2/{id}")), discord);
        }
        assert_eq!(Pointer::parse(&format!(" {id} ")), discord);
        assert_eq!(Pointer::parse("#17"), Some(Pointer::Number(17)));
        let event = Uuid::from_u128(7);
        assert_eq!(Pointer::parse(&event.to_string()), Some(Pointer::Event(event)));
        for odd in ["", "x", "-1", "0", "https://evil.example/channels/1/2/3", "https://discord.com/api/1/2/3"] {
            assert_eq!(Pointer::parse(odd), None, "{odd}");
        }
    }
}
