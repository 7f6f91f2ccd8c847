//! The LAN party at work: its notifications on their way into the intake, its settings, and what became of a test.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{BadNotification, WebhookUrl, parse};
use crate::bus::Topic;
use crate::event::{Event, NewEvent, Severity, Via};
use crate::id::{GuildId, base62, derived};
use crate::ports::Ports;
use crate::store::Store;
use crate::store::audit::{NewAudit, insert_audit};
use crate::store::destination::ensure_webhook;
use crate::store::party::save_party_route;
use crate::store::source::SourceKind;

/// The voice invite that "party created" shows.
const INVITE: &str = "party.invite";
/// How often the fate of a test is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

const HELD: &str = "a silence or the route holds it back";

/// What is set.
pub struct Status {
    pub has_webhook: bool,
    pub invite: Option<String>,
}

/// How a test went.
#[derive(Debug, PartialEq)]
pub enum Tested {
    /// Discord has the message; the link where its channel is known.
    Delivered {
        link: Option<String>,
    },
    Refused {
        why: String,
    },
    /// Nothing was said within the time.
    Pending,
    NowhereToGo,
}

/// A notification as an event that is not stored yet.
pub async fn event(
    ports: &Ports,
    guild_id: GuildId,
    name: &str,
    body: Value,
) -> Result<Result<NewEvent, BadNotification>> {
    let now = ports.clock.now();
    let source_id = ensure_source(ports, guild_id).await?;
    let invite = ports.store.find_setting(guild_id, INVITE).await?;
    let read = match parse(name, body, invite.as_deref()) {
        Ok(read) => read,
        Err(bad) => return Ok(Err(bad)),
    };
    // The program itself says the party's name alone, and of a game not even that.
    let party = match read.party_id {
        Some(id) => Some(id),
        None => ports.store.find_party_id(source_id, read.party_name.as_deref()).await?,
    };
    let id = ports.clock.uuid();
    let event = Event {
        id,
        source_id,
        guild_id,
        kind: read.kind.to_owned(),
        subject: party.map(|party| format!("party:{party}")),
        occurred_at: now,
        received_at: now,
        severity: Severity::Info,
        dedup_key: id.to_string(),
        data: read.data,
    };
    let raw = event.data.to_string().into_bytes();
    Ok(Ok(NewEvent { event, raw, data_in_raw: false, via: Via::Http }))
}

/// A member opens a party; its id.
pub async fn create(
    ports: &Ports,
    guild_id: GuildId,
    name: &str,
    host: &str,
) -> Result<Result<String, BadNotification>> {
    let party_id = format!("party-{}", &base62(ports.clock.uuid())[14..]);
    let body = json!({ "party_id": party_id, "party_name": name, "host": host });
    match event(ports, guild_id, "party_created", body).await? {
        Ok(new) => {
            ports.store.insert_events(&[&NewEvent { via: Via::Internal, ..new }]).await?;
            ports.wake.wake(Topic::Planner);
            Ok(Ok(party_id))
        }
        Err(bad) => Ok(Err(bad)),
    }
}

/// Whether this is the webhook that notifications go through already.
pub async fn is_webhook(ports: &Ports, guild_id: GuildId, url: &WebhookUrl) -> Result<bool> {
    let stored = ports.store.find_party_webhook(guild_id, route_id(guild_id)).await?;
    Ok(stored.is_some_and(|(id, token)| id == url.id && token == url.token))
}

/// From now on notifications go through this webhook.
pub async fn set_webhook(ports: &Ports, guild_id: GuildId, url: &WebhookUrl) -> Result<()> {
    let now = ports.clock.now();
    let source_id = ensure_source(ports, guild_id).await?;
    let mut tx = ports.store.begin().await?;
    let destination_id = ensure_webhook(&mut tx, guild_id, url.id, &url.token, ports.clock.uuid(), now).await?;
    save_party_route(&mut tx, route_id(guild_id), guild_id, source_id, destination_id, now).await?;
    let detail = json!({ "destination": destination_id });
    let line = NewAudit { guild_id, approval_id: None, person_id: None, action: "party_webhook_set", detail };
    insert_audit(&mut tx, &line, now).await?;
    Ok(Store::commit(tx).await?)
}

/// `url` was taken apart before (see [`super::invite`]).
pub async fn set_invite(ports: &Ports, guild_id: GuildId, url: &str) -> Result<()> {
    Ok(ports.store.save_setting(guild_id, INVITE, url, ports.clock.now()).await?)
}

pub async fn status(ports: &Ports, guild_id: GuildId) -> Result<Status> {
    Ok(Status {
        has_webhook: ports.store.has_party_route(route_id(guild_id)).await?,
        invite: ports.store.find_setting(guild_id, INVITE).await?,
    })
}

/// What became of a test, waiting for Discord's word.
pub async fn tested(ports: &Ports, guild_id: GuildId, event_id: Uuid, at_most: Duration) -> Result<Tested> {
    let looked = async {
        loop {
            match look(ports, guild_id, event_id).await? {
                Tested::Pending => tokio::time::sleep(LOOK_EVERY).await,
                said => return Ok::<_, anyhow::Error>(said),
            }
        }
    };
    tokio::time::timeout(at_most, looked).await.unwrap_or(Ok(Tested::Pending))
}

async fn look(ports: &Ports, guild_id: GuildId, event_id: Uuid) -> Result<Tested> {
    if ports.store.is_planned(guild_id, event_id).await? != Some(true) {
        return Ok(Tested::Pending);
    }
    let told = ports.store.find_told(guild_id, event_id).await?;
    if told.is_empty() {
        let is_held = !ports.store.list_told_held(guild_id, event_id).await?.is_empty();
        return Ok(if is_held { Tested::Refused { why: HELD.to_owned() } } else { Tested::NowhereToGo });
    }
    if let Some(one) = told.iter().find(|one| one.state == "delivered") {
        let link = one
            .channel()
            .zip(one.message_id)
            .map(|(channel, message)| format!("https://discord.com/channels/{}/{}/{message}", guild_id.0, channel.0));
        return Ok(Tested::Delivered { link });
    }
    let why = told.iter().find_map(|one| match one.state.as_str() {
        "dead" => Some(one.note.clone().unwrap_or_else(|| "Discord refused it".to_owned())),
        _ => one.disabled_because.clone(),
    });
    Ok(why.map_or(Tested::Pending, |why| Tested::Refused { why }))
}

async fn ensure_source(ports: &Ports, guild_id: GuildId) -> Result<Uuid> {
    let name = SourceKind::Party.as_str();
    let new_id = derived(&[name, &guild_id.0.to_string()]);
    Ok(ports.store.ensure_source(guild_id, SourceKind::Party, name, new_id, ports.clock.now()).await?)
}

fn route_id(guild_id: GuildId) -> Uuid {
    derived(&["party route", &guild_id.0.to_string()])
}
