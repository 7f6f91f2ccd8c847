//! Who in Discord is who in XTSystems: whoever manages the server says so, or confirms what a member asked for.

use anyhow::Result;
use serde_json::json;
use uuid::Uuid;

use super::{audit, lists};
use crate::id::{GuildId, UserId};
use crate::ports::Ports;
use crate::routing::ticket::ListItem;
use crate::store::Store;
use crate::store::approval::bar_requester;
use crate::store::link::{
    LinkRequest, UpstreamLink, answer_link_request, delete_upstream_link, insert_link_request, lock_link_request,
    save_upstream_link,
};
use crate::store::source::ensure_person;
use crate::store::upstream_list::ListKind;
use crate::upstream::permission::manages;
use crate::upstream::xtsystems::UpstreamError;

/// What linking came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Linked {
    Done,
    /// Somebody else is that user already; `None`: someone who was forgotten.
    Taken(Option<UserId>),
}

/// What the answer to a request came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Answered {
    Linked {
        user: Option<UserId>,
        name: String,
    },
    Declined {
        user: Option<UserId>,
        name: String,
    },
    Taken(Option<UserId>),
    NotAllowed,
    Unknown,
    /// It has an answer already.
    Before,
}

/// A user of XTSystems by id, address or name, as a person writes it. Of several with that name: none.
pub async fn find_user(ports: &Ports, source_id: Uuid, text: &str) -> Result<Result<Option<ListItem>, UpstreamError>> {
    let wanted = text.trim().to_lowercase();
    Ok(lists::current(ports, source_id, ListKind::User).await?.map(|users| {
        let email = |u: &&ListItem| u.email.as_deref().is_some_and(|e| e.to_lowercase() == wanted);
        let exact = users.iter().find(|u| u.id == text.trim()).or_else(|| users.iter().find(email));
        let mut named = users.iter().filter(|u| u.name.to_lowercase() == wanted);
        exact.or_else(|| named.next().filter(|_| named.next().is_none())).cloned()
    }))
}

/// Users whose name has these words, those that begin with them first; for who manages the server also those whose
/// address has them. Nobody else is told addresses.
pub async fn suggest(ports: &Ports, source_id: Uuid, text: &str, manages: bool, limit: usize) -> Result<Vec<ListItem>> {
    let wanted = text.trim().to_lowercase();
    let users = lists::offered(ports, source_id, ListKind::User).await?;
    let users = users.into_iter().filter_map(|user| if manages { Some(user) } else { without_address(user) });
    let begins = |u: &ListItem| u.name.to_lowercase().starts_with(&wanted);
    let has = |u: &ListItem| {
        begins(u) || format!("{} {}", u.name, u.email.as_deref().unwrap_or("")).to_lowercase().contains(&wanted)
    };
    let mut found: Vec<ListItem> = users.filter(has).collect();
    found.sort_by_key(|u| !begins(u));
    found.truncate(limit);
    Ok(found)
}

/// `None` for a user who is called by an address.
fn without_address(user: ListItem) -> Option<ListItem> {
    (!user.name.contains('@')).then_some(ListItem { email: None, ..user })
}

/// Links a member; `by` manages the server.
pub async fn link(
    ports: &Ports,
    guild_id: GuildId,
    source_id: Uuid,
    by: UserId,
    member: UserId,
    user: &ListItem,
) -> Result<Linked> {
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    let by = ensure_person(&mut tx, by.0, ports.clock.uuid(), now).await?;
    let person = ensure_person(&mut tx, member.0, ports.clock.uuid(), now).await?;
    bar_requester(&mut tx, member, person, Some(source_id)).await?;
    let link = UpstreamLink {
        guild_id,
        source_id,
        person_id: person,
        upstream_user_id: user.id.clone(),
        upstream_name: user.name.clone(),
        linked_at: now,
        linked_by_person_id: by,
    };
    if let Err(other) = save_upstream_link(&mut tx, &link).await? {
        return Ok(Linked::Taken(other));
    }
    // Not who that is in XTSystems: the log outlives a deletion.
    let detail = json!({ "person": person });
    audit(&mut tx, ports, guild_id, Some(by), "user_linked", detail).await?;
    Store::commit(tx).await?;
    Ok(Linked::Done)
}

/// Keeps what a member asks for; its id is what the buttons of the answer carry.
pub async fn ask(ports: &Ports, guild_id: GuildId, source_id: Uuid, member: UserId, user: &ListItem) -> Result<Uuid> {
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    let person = ensure_person(&mut tx, member.0, ports.clock.uuid(), now).await?;
    let request = LinkRequest {
        id: ports.clock.uuid(),
        guild_id,
        source_id,
        person_id: person,
        upstream_user_id: user.id.clone(),
        upstream_name: user.name.clone(),
        asked_at: now,
        answer: None,
    };
    insert_link_request(&mut tx, &request).await?;
    let detail = json!({ "request": request.id });
    audit(&mut tx, ports, guild_id, Some(person), "link_asked", detail).await?;
    Store::commit(tx).await?;
    Ok(request.id)
}

/// Confirms or declines a request.
pub async fn answer(
    ports: &Ports,
    guild_id: GuildId,
    (by, permissions): (UserId, u64),
    request: Uuid,
    confirms: bool,
) -> Result<Answered> {
    if !manages(permissions) {
        return Ok(Answered::NotAllowed);
    }
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    let Some((request, user)) = lock_link_request(&mut tx, guild_id, request).await? else {
        return Ok(Answered::Unknown);
    };
    if request.answer.is_some() {
        return Ok(Answered::Before);
    }
    let by = ensure_person(&mut tx, by.0, ports.clock.uuid(), now).await?;
    if confirms {
        if let Some(member) = user {
            bar_requester(&mut tx, member, request.person_id, Some(request.source_id)).await?;
        }
        let link = UpstreamLink {
            guild_id,
            source_id: request.source_id,
            person_id: request.person_id,
            upstream_user_id: request.upstream_user_id.clone(),
            upstream_name: request.upstream_name.clone(),
            linked_at: now,
            linked_by_person_id: by,
        };
        if let Err(other) = save_upstream_link(&mut tx, &link).await? {
            return Ok(Answered::Taken(other));
        }
    }
    answer_link_request(&mut tx, &request, if confirms { "confirmed" } else { "declined" }, by, now).await?;
    let detail = json!({ "request": request.id, "person": request.person_id });
    let what = if confirms { "user_linked" } else { "link_declined" };
    audit(&mut tx, ports, guild_id, Some(by), what, detail).await?;
    Store::commit(tx).await?;
    let name = request.upstream_name;
    Ok(if confirms { Answered::Linked { user, name } } else { Answered::Declined { user, name } })
}

/// Ends a link. True when there was one.
pub async fn unlink(ports: &Ports, guild_id: GuildId, source_id: Uuid, by: UserId, member: UserId) -> Result<bool> {
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    let by = ensure_person(&mut tx, by.0, ports.clock.uuid(), now).await?;
    let person = ensure_person(&mut tx, member.0, ports.clock.uuid(), now).await?;
    bar_requester(&mut tx, member, person, Some(source_id)).await?;
    let was = delete_upstream_link(&mut tx, source_id, person).await?;
    if was {
        audit(&mut tx, ports, guild_id, Some(by), "user_unlinked", json!({ "person": person })).await?;
    }
    Store::commit(tx).await?;
    Ok(was)
}
