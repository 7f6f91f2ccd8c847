//! Who is meant by a name, who in the game is who in Discord, and what people are called.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::json;
use uuid::Uuid;

use crate::error::UserError;
use crate::id::{GuildId, UserId};
use crate::ports::Ports;
use crate::routing::embed::{escape_at, fit};
use crate::store::audit::{NewAudit, insert_audit};
use crate::store::source::ensure_person;
use crate::store::stats::person::{
    Linking, NewStatsName, StatsLink, link_stats_player, reset_stats_name, set_stats_name, unlink_stats_player,
};
use crate::store::stats::player::KnownPlayer;
use crate::store::{Store, Tx};

/// Characters of a name that somebody chooses.
pub const SHORTEST_NAME: usize = 2;
pub const LONGEST_NAME: usize = 32;
/// Names that are looked through for the one that was written.
const LOOKED_AT: i64 = 25;
/// Names that are suggested.
const SUGGESTED: usize = 3;

/// Somebody who has played, as they are called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub guid: String,
    pub name: String,
}

/// Who is meant: by name or GUID, as a member, or whoever asks.
#[derive(Clone, Debug)]
pub enum Whom {
    Text(String),
    Member(UserId),
    Caller(UserId),
}

/// Finds whom somebody means. Texts for people say what to do instead.
pub async fn find(ports: &Ports, guild_id: GuildId, whom: &Whom) -> Result<Named> {
    let guid = match whom {
        Whom::Text(text) => return find_by_text(ports, guild_id, text).await,
        Whom::Member(user) => match ports.store.find_stats_link_of(guild_id, *user).await? {
            Some(link) => link.guid,
            None => {
                return Err(
                    UserError::new(format!("<@{user}> is not linked with a player; /stats link does it.")).into()
                );
            }
        },
        Whom::Caller(user) => match ports.store.find_stats_link_of(guild_id, *user).await? {
            Some(link) => link.guid,
            None => {
                return Err(UserError::new("Say who, or link yourself with /stats link, so that it is you.").into());
            }
        },
    };
    let name = name_of(ports, guild_id, &guid).await?;
    Ok(Named { guid, name })
}

/// By GUID or name, whatever its case. Of several with that name who has played last.
async fn find_by_text(ports: &Ports, guild_id: GuildId, text: &str) -> Result<Named> {
    if text.trim().is_empty() {
        return Err(UserError::new("Write a name that somebody has played under.").into());
    }
    let found = search(ports, guild_id, text, LOOKED_AT).await?;
    let wanted = text.trim().to_lowercase();
    let is_guid = |one: &&Found| one.guid.to_lowercase() == wanted;
    let is_name = |one: &&Found| one.name.to_lowercase() == wanted || one.matched.to_lowercase() == wanted;
    let exact = found.iter().find(is_guid).or_else(|| found.iter().find(is_name));
    match (exact, found.as_slice()) {
        (Some(one), _) | (None, [one]) => Ok(Named { guid: one.guid.clone(), name: one.name.clone() }),
        (None, []) => {
            let words =
                format!("Nobody called {} has played here. /stats find looks for parts of names.", quoted(text));
            Err(UserError::new(words).into())
        }
        (None, several) => {
            let names: Vec<String> = several.iter().take(SUGGESTED).map(|one| quoted(&one.name)).collect();
            let (text, names) = (quoted(text), names.join(", "));
            Err(UserError::new(format!("Several players have {text} in their names. Did you mean {names}?")).into())
        }
    }
}

/// A name or what was written for one, as it may stand in an answer.
fn quoted(name: &str) -> String {
    format!("**{}**", escape_at(&fit(name.trim(), LONGEST_NAME), false))
}

/// Somebody who was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub guid: String,
    pub name: String,
    /// The name that has what was looked for.
    pub matched: String,
    pub rounds: i64,
}

/// People who are called so, or were; chosen names come first.
pub async fn search(ports: &Ports, guild_id: GuildId, text: &str, limit: i64) -> Result<Vec<Found>> {
    let chosen = match text.trim() {
        "" => Vec::new(),
        text => ports.store.find_stats_display_names(guild_id, text, limit).await?,
    };
    let played = ports.store.list_stats_players(guild_id, text, limit).await?;
    let guids: Vec<String> = played.iter().map(|one| one.guid.clone()).collect();
    let called: BTreeMap<String, String> =
        ports.store.list_stats_display_names(guild_id, &guids).await?.into_iter().collect();
    let mut found: Vec<Found> = Vec::new();
    for (guid, name) in chosen {
        let rounds = match played.iter().find(|one| one.guid == guid) {
            Some(one) => one.rounds,
            None => ports.store.list_stats_aliases(guild_id, &guid).await?.iter().map(|alias| alias.rounds).sum(),
        };
        found.push(Found { guid, matched: name.clone(), name, rounds });
    }
    let by_play = played.iter().map(|KnownPlayer { guid, name, matched, rounds, .. }| Found {
        guid: guid.clone(),
        name: called.get(guid).unwrap_or(name).clone(),
        matched: matched.clone(),
        rounds: *rounds,
    });
    for one in by_play {
        if found.iter().all(|known| known.guid != one.guid) {
            found.push(one);
        }
    }
    found.truncate(limit.max(0) as usize);
    Ok(found)
}

/// What people are called: the name that was chosen, else the newest of the game.
pub async fn names(ports: &Ports, guild_id: GuildId, guids: &[String]) -> Result<BTreeMap<String, String>> {
    let mut names: BTreeMap<String, String> =
        ports.store.list_stats_names(guild_id, guids).await?.into_iter().collect();
    names.extend(ports.store.list_stats_display_names(guild_id, guids).await?);
    Ok(names)
}

pub async fn name_of(ports: &Ports, guild_id: GuildId, guid: &str) -> Result<String> {
    let guid = guid.to_owned();
    let mut names = names(ports, guild_id, std::slice::from_ref(&guid)).await?;
    Ok(names.remove(&guid).unwrap_or(guid))
}

/// The member has confirmed who they are; `by` is who asked for it.
pub async fn link(ports: &Ports, guild_id: GuildId, member: UserId, guid: &str, by: UserId) -> Result<Linking> {
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    let member_id = ensure_person(&mut tx, member.0, ports.clock.uuid(), now).await?;
    let by_id = ensure_person(&mut tx, by.0, ports.clock.uuid(), now).await?;
    let linking = link_stats_player(&mut tx, guild_id, guid, member_id, by_id, now).await?;
    if linking == Linking::Linked {
        // Not which player: the log outlives a deletion.
        line(&mut tx, ports, guild_id, by_id, "stats_linked", json!({ "person": member_id })).await?;
    }
    Store::commit(tx).await?;
    Ok(linking)
}

/// Ends the link of a player. `None`: there was none.
pub async fn unlink(ports: &Ports, guild_id: GuildId, guid: &str, by: UserId) -> Result<Option<StatsLink>> {
    let mut tx = ports.store.begin().await?;
    let by_id = ensure_person(&mut tx, by.0, ports.clock.uuid(), ports.clock.now()).await?;
    let was = unlink_stats_player(&mut tx, guild_id, guid).await?;
    if let Some(link) = &was {
        line(&mut tx, ports, guild_id, by_id, "stats_unlinked", json!({ "person": link.member_id })).await?;
    }
    Store::commit(tx).await?;
    Ok(was)
}

/// Calls a player so from now on; `None`: as the game has it. `is_own`: the player is who asks.
pub async fn set_name(
    ports: &Ports,
    guild_id: GuildId,
    guid: &str,
    name: Option<&str>,
    (by, is_own): (UserId, bool),
) -> Result<()> {
    let name = name.map(checked).transpose()?;
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    let by_id = ensure_person(&mut tx, by.0, ports.clock.uuid(), now).await?;
    let has_changed = match &name {
        Some(name) => {
            let new = NewStatsName { guid, name, owner_id: is_own.then_some(by_id), set_by_id: by_id };
            set_stats_name(&mut tx, guild_id, &new, now).await?;
            true
        }
        None => reset_stats_name(&mut tx, guild_id, guid).await?,
    };
    if has_changed && !is_own {
        line(&mut tx, ports, guild_id, by_id, "stats_named", json!({ "guid": guid })).await?;
    }
    Store::commit(tx).await?;
    Ok(())
}

/// A name as it may be chosen.
fn checked(name: &str) -> Result<String> {
    let name: String = name.chars().filter(|c| !c.is_control()).collect::<String>().trim().to_owned();
    if !(SHORTEST_NAME..=LONGEST_NAME).contains(&name.chars().count()) {
        let words = format!("A name has {SHORTEST_NAME} to {LONGEST_NAME} characters.");
        return Err(UserError::new(words).into());
    }
    Ok(name)
}

async fn line(
    tx: &mut Tx,
    ports: &Ports,
    guild_id: GuildId,
    by: Uuid,
    action: &'static str,
    detail: serde_json::Value,
) -> Result<()> {
    let line = NewAudit { guild_id, approval_id: None, person_id: Some(by), action, detail };
    insert_audit(tx, &line, ports.clock.now()).await?;
    Ok(())
}
