//! The pages of `/deliveries list`, and the button that replays. What is meant is in the buttons themselves.

use std::sync::Arc;

use anyhow::Result;
use chrono::{DateTime, Utc};
use poise::serenity_prelude::{ButtonStyle, CreateActionRow, CreateButton, CreateEmbed};
use uuid::Uuid;

use super::super::text::delivery as text;
use super::super::{Bot, text as texts};
use super::destination::may;
use super::{Answer, Input, base36};
use crate::bus::Topic;
use crate::delivery::{by_hand, replay};
use crate::error::UserError;
use crate::id::{GuildId, UserId, mark};
use crate::ports::Ports;
use crate::routing::embed::{DESCRIPTION, fit};
use crate::store::audit::Author;
use crate::store::explain::{DeliveryFilter, DeliveryPage, DeliveryState, ToldMessage};
use crate::store::message::DeadFilter;
use crate::store::send::ByHand;
use crate::upstream::permission::manages;

const LINES: usize = 8;
const BLUE: u32 = 0x3498DB;
/// Of a type's name, so that a button can carry it.
pub(in crate::discord) const KIND: usize = 36;

/// A list as somebody asked for it. The destination is known by its mark alone.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::discord) struct Listing {
    pub caller: UserId,
    pub state: Option<DeliveryState>,
    pub destination: Option<String>,
    pub since: Option<DateTime<Utc>>,
    pub page: DeliveryPage,
    pub kind: Option<String>,
}

/// What is to be replayed, as it was counted.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::discord) struct Wish {
    pub caller: UserId,
    pub destination: Option<String>,
    pub since: Option<DateTime<Utc>>,
    /// What was given up later is not meant: a second press does nothing.
    pub until: DateTime<Utc>,
    pub kind: Option<String>,
}

/// What a button asks.
pub(super) enum Asked {
    Page(Listing),
    Replay(Wish),
    /// What became of the delivery of this number, by somebody who looked.
    Settle(i64, ByHand),
}

/// `deliveries:<older|newer>:<listing>`, `deliveries:replay:<wish>` and `deliveries:<sent|again>:<number>`.
pub(super) fn decode(words: &[&str]) -> Option<Asked> {
    match words {
        [verb @ ("older" | "newer"), listing] => listing_of(verb, listing).map(Asked::Page),
        ["replay", wish] => wish_of(wish).map(Asked::Replay),
        ["sent", number] => number.parse().ok().map(|number| Asked::Settle(number, ByHand::Sent)),
        ["again", number] => number.parse().ok().map(|number| Asked::Settle(number, ByHand::SendAgain)),
        _ => None,
    }
}

pub(super) async fn answer(bot: &Arc<Bot>, asked: Asked, input: &Input) -> Result<Answer> {
    match asked {
        Asked::Page(listing) => {
            may(input, listing.caller)?;
            let (embed, buttons) = page(&bot.ports, input.guild_id, &listing).await?;
            Ok(Answer::Page(Box::new(embed), buttons))
        }
        Asked::Replay(wish) => {
            may(input, wish.caller)?;
            let ports = &bot.ports;
            let filter = filter(ports, input.guild_id, &wish).await?;
            let (person, now) = (ports.clock.uuid(), ports.clock.now());
            let by = Author::Member(input.user_id);
            let queued = replay::replay(&ports.store, &filter, Some(&by), person, now).await?;
            ports.wake.wake(Topic::Deliverer);
            Ok(Answer::Settled(text::replayed(queued)))
        }
        Asked::Settle(number, how) => {
            if !manages(input.permissions) {
                return Err(UserError::new(texts::MANAGE_SERVER).into());
            }
            let by = Author::Member(input.user_id);
            let done = by_hand::settle(&bot.ports, input.guild_id, &by, number, how).await?;
            Ok(Answer::Private(text::settled_by_hand(number, how, done)))
        }
    }
}

/// Which undelivered messages a wish means.
pub(in crate::discord) async fn filter(ports: &Ports, guild_id: GuildId, wish: &Wish) -> Result<DeadFilter> {
    Ok(DeadFilter {
        guild_id: Some(guild_id),
        destination_id: by_mark(ports, guild_id, wish.destination.as_deref()).await?,
        kind: wish.kind.clone(),
        since: wish.since,
        until: Some(wish.until),
        message_id: None,
    })
}

/// The destination whose id ends so; a strange mark leads nowhere.
async fn by_mark(ports: &Ports, guild_id: GuildId, wanted: Option<&str>) -> Result<Option<Uuid>> {
    let Some(wanted) = wanted else { return Ok(None) };
    let all = ports.store.list_destination_views(guild_id, None).await?;
    let found = all.iter().map(|view| view.destination.id).find(|id| mark(*id) == wanted);
    Ok(Some(found.unwrap_or_default()))
}

/// A page with its buttons.
pub(in crate::discord) async fn page(
    ports: &Ports,
    guild_id: GuildId,
    listing: &Listing,
) -> Result<(CreateEmbed, Vec<CreateActionRow>)> {
    let filter = DeliveryFilter {
        state: listing.state,
        destination_id: by_mark(ports, guild_id, listing.destination.as_deref()).await?,
        kind: listing.kind.clone(),
        since: listing.since,
    };
    let mut messages = ports.store.list_deliveries(guild_id, &filter, listing.page, LINES as i64 + 1).await?;
    let more = messages.len() > LINES;
    let (newer, older) = match listing.page {
        DeliveryPage::Newest => (false, more),
        DeliveryPage::OlderThan(_) => (true, more),
        DeliveryPage::NewerThan(_) => (more, true),
    };
    match listing.page {
        // The one too many is the farthest from where the page began.
        DeliveryPage::NewerThan(_) if more => drop(messages.remove(0)),
        _ => messages.truncate(LINES),
    }
    let views = ports.store.list_destination_views(guild_id, None).await?;
    let lines: Vec<String> = messages
        .iter()
        .map(|message| {
            let view = views.iter().find(|view| view.destination.id == message.destination_id);
            text::delivery_line(guild_id, message, view)
        })
        .collect();
    let mut rows = by_hand_rows(&messages);
    let words = if lines.is_empty() { text::NO_DELIVERIES.to_owned() } else { lines.join("\n") };
    let embed = CreateEmbed::new().title(text::DELIVERIES).description(fit(&words, DESCRIPTION)).colour(BLUE);
    let (Some(first), Some(last)) = (messages.first(), messages.last()) else { return Ok((embed, rows)) };
    if !newer && !older {
        return Ok((embed, rows));
    }
    let button = |label: &str, page: DeliveryPage, usable: bool| {
        CreateButton::new(encode(&Listing { page, ..listing.clone() }))
            .label(label)
            .style(ButtonStyle::Secondary)
            .disabled(!usable)
    };
    let buttons = vec![
        button("Newer", DeliveryPage::NewerThan(first.id), newer),
        button("Older", DeliveryPage::OlderThan(last.id), older),
    ];
    rows.push(CreateActionRow::Buttons(buttons));
    Ok((embed, rows))
}

/// For what nobody can find out: two of them to a row, which leaves one of the five rows for the pages.
fn by_hand_rows(messages: &[ToldMessage]) -> Vec<CreateActionRow> {
    let unresolved = messages.iter().filter(|message| text::is_unresolved(message));
    let pairs: Vec<[CreateButton; 2]> = unresolved
        .map(|message| {
            let button = |verb: &str, label: &str| {
                CreateButton::new(format!("v1:deliveries:{verb}:{}", message.id))
                    .label(format!("{label} #{}", message.id))
                    .style(ButtonStyle::Secondary)
            };
            [button("sent", text::SENT), button("again", text::SEND_AGAIN)]
        })
        .collect();
    pairs.chunks(2).map(|pairs| CreateActionRow::Buttons(pairs.concat())).collect()
}

const STATES: [(&str, DeliveryState); 4] = [
    ("w", DeliveryState::Waiting),
    ("i", DeliveryState::InDoubt),
    ("d", DeliveryState::Delivered),
    ("n", DeliveryState::NotDelivered),
];

/// Within the 100 characters of a custom id: numbers in base 36, the type last.
fn encode(listing: &Listing) -> String {
    let (verb, cursor) = match listing.page {
        DeliveryPage::NewerThan(id) => ("newer", id),
        DeliveryPage::OlderThan(id) => ("older", id),
        DeliveryPage::Newest => ("older", i64::MAX),
    };
    let state = STATES.iter().find(|(_, state)| Some(*state) == listing.state).map_or("", |(letter, _)| letter);
    format!(
        "v1:deliveries:{verb}:{}-{state}-{}-{}-{}-{}",
        base36(listing.caller.0),
        listing.destination.as_deref().unwrap_or_default(),
        base36(seconds(listing.since)),
        base36(cursor),
        listing.kind.as_deref().unwrap_or_default()
    )
}

fn listing_of(verb: &str, words: &str) -> Option<Listing> {
    let parts: Vec<&str> = words.splitn(6, '-').collect();
    let [caller, state, destination, since, cursor, kind] = parts.as_slice() else { return None };
    let cursor = number(cursor)?;
    Some(Listing {
        caller: UserId(number(caller)?),
        state: STATES.iter().find(|(letter, _)| letter == state).map(|(_, state)| *state),
        destination: filled(destination),
        since: at(number(since)?),
        page: if verb == "newer" { DeliveryPage::NewerThan(cursor) } else { DeliveryPage::OlderThan(cursor) },
        kind: filled(kind),
    })
}

/// The id of the button that replays.
pub(in crate::discord) fn encode_wish(wish: &Wish) -> String {
    format!(
        "v1:deliveries:replay:{}-{}-{}-{}-{}",
        base36(wish.caller.0),
        wish.destination.as_deref().unwrap_or_default(),
        base36(seconds(wish.since)),
        base36(wish.until.timestamp_millis()),
        wish.kind.as_deref().unwrap_or_default()
    )
}

fn wish_of(words: &str) -> Option<Wish> {
    let parts: Vec<&str> = words.splitn(5, '-').collect();
    let [caller, destination, since, until, kind] = parts.as_slice() else { return None };
    Some(Wish {
        caller: UserId(number(caller)?),
        destination: filled(destination),
        since: at(number(since)?),
        until: DateTime::from_timestamp_millis(number(until)?)?,
        kind: filled(kind),
    })
}

fn seconds(at: Option<DateTime<Utc>>) -> i64 {
    at.map_or(0, |at| at.timestamp().max(1))
}

fn at(seconds: i64) -> Option<DateTime<Utc>> {
    if seconds == 0 { None } else { DateTime::from_timestamp(seconds, 0) }
}

fn number(words: &str) -> Option<i64> {
    i64::from_str_radix(words, 36).ok()
}

fn filled(words: &str) -> Option<String> {
    (!words.is_empty()).then(|| words.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_and_a_wish_survive_their_buttons_and_fit_into_them() {
        let since = DateTime::from_timestamp(1_767_348_000, 0);
        let listing = Listing {
            caller: UserId(i64::MAX),
            state: Some(DeliveryState::NotDelivered),
            destination: Some("abcd1234".into()),
            since,
            page: DeliveryPage::NewerThan(1_000_000_000_000),
            kind: Some("k-".repeat(KIND / 2)),
        };
        let id = encode(&listing);
        assert!(id.len() <= 100, "{}", id.len());
        assert_eq!(listing_of("newer", id.rsplit(':').next().unwrap()), Some(listing));
        let wish = Wish {
            caller: UserId(i64::MAX),
            destination: Some("abcd1234".into()),
            since,
            until: since.unwrap(),
            kind: Some("k".repeat(KIND)),
        };
        let id = encode_wish(&wish);
        assert!(id.len() <= 100, "{}", id.len());
        assert_eq!(wish_of(id.rsplit(':').next().unwrap()), Some(wish));
        assert_eq!(listing_of("older", "1-2"), None);
    }
}
