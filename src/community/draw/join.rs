//! Who takes part in a giveaway: by the button, or by a keyword in chat. One person has one entry, and a linked viewer is
//! the member, whichever way they come.

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;

use super::super::board::Voice;
use super::super::words;
use super::{ANSWER, Host, due};
use crate::error::UserError;
use crate::event::activity::ChatMessage;
use crate::id::{GuildId, RoleId, UserId, snowflake_time};
use crate::ports::Ports;
use crate::routing::board::BoardKey;
use crate::routing::board::draw::{DrawKind, DrawState};
use crate::store::draw::winner::{list_winners, mark_claimed};
use crate::store::draw::{Inserted, NewEntry, StoredDraw, find_entry_of, insert_entry, lock_draw, read_draw};
use crate::store::source::ensure_person;
use crate::store::{Store, Tx};

/// A member who presses Join.
#[derive(Clone, Debug)]
pub struct Entrant {
    pub guild_id: GuildId,
    pub user_id: UserId,
    pub name: String,
    pub roles: Vec<RoleId>,
    pub answer: Option<String>,
}

/// How an attempt to take part ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Joined {
    Yes {
        tickets: i64,
        code: Uuid,
    },
    Already,
    Over,
    /// Something is missing.
    No(Missing),
    /// There is a question to be answered first.
    Asked(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    Role(i64),
    /// Days.
    Age(i32),
    /// Of somebody in chat, whose roles and age nobody knows.
    Link,
}

/// What stands against somebody with these roles and this account.
fn missing(draw: &StoredDraw, roles: &[RoleId], user_id: UserId, now: DateTime<Utc>) -> Option<Missing> {
    if let Some(role) = draw.role_id
        && !roles.contains(&RoleId(role))
    {
        return Some(Missing::Role(role));
    }
    let is_old_enough = now - snowflake_time(user_id.0) >= TimeDelta::days(draw.min_age_days.into());
    (!is_old_enough).then_some(Missing::Age(draw.min_age_days))
}

fn tickets(draw: &StoredDraw, roles: &[RoleId]) -> i64 {
    let has_bonus = draw.bonus_role_id.is_some_and(|role| roles.contains(&RoleId(role)));
    1 + if has_bonus { draw.bonus_tickets } else { 0 }
}

pub async fn join(ports: &Ports, id: Uuid, entrant: &Entrant) -> Result<Joined> {
    let now = ports.clock.now();
    let voice = Voice::of(ports, entrant.guild_id).await?;
    let mut tx = ports.store.begin().await?;
    let draw = read_draw(&mut tx, entrant.guild_id, id).await?.ok_or_else(|| UserError::new(super::GONE))?;
    if draw.kind != DrawKind::Giveaway || draw.state != DrawState::Open {
        return Ok(Joined::Over);
    }
    if let Some(missing) = missing(&draw, &entrant.roles, entrant.user_id, now) {
        return Ok(Joined::No(missing));
    }
    let person = ensure_person(&mut tx, entrant.user_id.0, ports.clock.uuid(), now).await?;
    let there = find_entry_of(&mut tx, entrant.guild_id, id, person).await?;
    if there.is_some() {
        return Ok(Joined::Already);
    }
    if let (Some(question), None) = (&draw.question, &entrant.answer) {
        return Ok(Joined::Asked(question.clone()));
    }
    let answer = entrant.answer.as_deref().map(|answer| words::cut(answer, ANSWER));
    let entry = Entry { person, name: &entrant.name, tickets: tickets(&draw, &entrant.roles), answer };
    let joined = enter(ports, &voice, &mut tx, &draw, entry).await?;
    crate::crash::point("draw.join.before_commit");
    Store::commit(tx).await?;
    crate::crash::point("draw.join.after_commit");
    voice.hurry();
    Ok(joined)
}

struct Entry<'a> {
    person: Uuid,
    name: &'a str,
    tickets: i64,
    answer: Option<String>,
}

async fn enter(ports: &Ports, voice: &Voice, tx: &mut Tx, draw: &StoredDraw, entry: Entry<'_>) -> Result<Joined> {
    // Random throughout: the code tells nobody when it was made, nor in which order.
    let code = uuid::Builder::from_random_bytes(crate::clock::random_bytes::<16>()).into_uuid();
    let new = NewEntry {
        id: code,
        draw_id: draw.id,
        guild_id: draw.guild_id,
        person_id: entry.person,
        name: words::cut(entry.name, 100),
        tickets: entry.tickets,
        answer: entry.answer,
    };
    Ok(match insert_entry(tx, &new, ports.clock.now()).await? {
        Inserted::Joined => {
            voice.touch(tx, BoardKey::Draw(draw.id)).await?;
            Joined::Yes { tickets: new.tickets, code }
        }
        Inserted::Already => Joined::Already,
        Inserted::Closed => Joined::Over,
    })
}

/// What is known of a chatter's Discord account.
#[derive(Clone, Debug, Default)]
pub struct Known {
    pub user_id: Option<UserId>,
    pub roles: Vec<RoleId>,
}

/// The member that a chatter is, with their roles where the draw asks for any. Asks Discord, and so runs outside of any
/// transaction.
pub async fn know(ports: &Ports, message: &ChatMessage, draw_id: Uuid) -> Result<Known> {
    let link = ports.store.find_kick_link_of_viewer(message.guild_id, message.viewer).await?;
    let Some(user_id) = link.and_then(|link| link.user_id) else { return Ok(Known::default()) };
    let mut tx = ports.store.begin().await?;
    let draw = read_draw(&mut tx, message.guild_id, draw_id).await?;
    drop(tx);
    let needs_roles = draw.is_some_and(|draw| draw.role_id.is_some() || draw.bonus_role_id.is_some());
    let roles = if needs_roles {
        // Whose roles cannot be asked for has none.
        let member = ports.discord.get_member(message.guild_id, user_id).await.found;
        let roles = member.map(|member| member.roles).unwrap_or_default();
        roles.iter().filter_map(|role| role.parse().ok()).collect()
    } else {
        Vec::new()
    };
    Ok(Known { user_id: Some(user_id), roles })
}

/// In the transaction that carries the message out.
pub async fn join_from_chat(
    ports: &Ports,
    voice: &Voice,
    tx: &mut Tx,
    draw_id: Uuid,
    chatter: (&ChatMessage, Uuid),
    known: &Known,
) -> Result<Joined> {
    let ((message, viewer), now) = (chatter, ports.clock.now());
    let Some(draw) = read_draw(tx, message.guild_id, draw_id).await? else { return Ok(Joined::Over) };
    if draw.kind != DrawKind::Giveaway || draw.state != DrawState::Open || draw.question.is_some() {
        return Ok(Joined::Over);
    }
    let person = match known.user_id {
        Some(user_id) => match missing(&draw, &known.roles, user_id, now) {
            Some(missing) => return Ok(Joined::No(missing)),
            None => ensure_person(tx, user_id.0, ports.clock.uuid(), now).await?,
        },
        None if draw.role_id.is_some() || draw.min_age_days > 0 => return Ok(Joined::No(Missing::Link)),
        None => viewer,
    };
    let entry = Entry { person, name: &message.username, tickets: tickets(&draw, &known.roles), answer: None };
    enter(ports, voice, tx, &draw, entry).await
}

/// A winner claims the prize. True when it was theirs to claim now.
pub async fn claim(ports: &Ports, guild_id: GuildId, user_id: UserId, id: Uuid) -> Result<bool> {
    let voice = Voice::of(ports, guild_id).await?;
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    let draw = lock_draw(&mut tx, guild_id, id).await?.ok_or_else(|| UserError::new(super::GONE))?;
    let winners = list_winners(&mut tx, guild_id, id).await?;
    let mine = winners.iter().find(|winner| {
        let in_time = winner.claim_until.is_some_and(|until| now < until);
        winner.user_id == Some(user_id.0) && winner.claimed_at.is_none() && winner.passed_at.is_none() && in_time
    });
    let Some(mine) = mine else { return Ok(false) };
    mark_claimed(&mut tx, guild_id, id, mine.place, now).await?;
    due::pay(ports, &mut tx, &draw, mine).await?;
    voice.touch(&mut tx, BoardKey::Draw(id)).await?;
    let host = Host::of(guild_id, user_id);
    host.note(ports, &mut tx, "draw_claimed", json!({ "draw": id, "number": draw.number, "place": mine.place }))
        .await?;
    crate::crash::point("draw.claim.before_commit");
    Store::commit(tx).await?;
    crate::crash::point("draw.claim.after_commit");
    voice.hurry();
    Ok(true)
}
