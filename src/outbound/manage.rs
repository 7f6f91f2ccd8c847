//! Subscriptions of other systems: made, changed, tried, given another secret, deleted. Each with its line in the audit
//! log, in one transaction.

use std::collections::BTreeMap;

use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::ExposeSecret;
use serde_json::json;
use url::Url;
use uuid::Uuid;

use super::EVENTS;
use crate::bus::Topic;
use crate::clock::random_bytes;
use crate::id::GuildId;
use crate::ports::Ports;
use crate::store::audit::{NewAudit, insert_audit};
use crate::store::outbound::{
    OutboundWebhook, delete_outbound_webhook, insert_outbound_test, insert_outbound_webhook, rotate_outbound_secret,
    save_outbound_headers, update_outbound_webhook,
};
use crate::store::{Store, Tx};
use crate::upstream::outbound::SECRET_PREFIX;

/// Subscriptions of one server.
const MOST: usize = 50;
const LONGEST_NAME: usize = 80;
const LONGEST_URL: usize = 2000;
const MOST_HEADERS: usize = 20;
const LONGEST_HEADER: usize = 1000;
/// Headers that nobody else sets.
const OUR_HEADERS: [&str; 10] = [
    "host",
    "connection",
    "content-type",
    "content-length",
    "content-encoding",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "expect",
];
/// For how long the secret before the last one still signs.
pub const KEPT: TimeDelta = TimeDelta::hours(24);

/// What somebody wants a subscription to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    pub name: String,
    pub url: String,
    /// Names of [`EVENTS`], or `*`.
    pub events: Vec<String>,
    pub active: bool,
    /// Sent along with each message; `None` leaves them as they are.
    pub headers: Option<BTreeMap<String, String>>,
}

/// Why it is not as wanted; the field, and words for the person who asked.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Trouble {
    #[error("{field} {why}")]
    Field { field: &'static str, why: String },
    #[error("there is no webhook of this id")]
    Unknown,
    #[error("somebody else has changed it meanwhile")]
    Changed,
    #[error("this server has {MOST} webhooks already")]
    TooMany,
}

fn field(field: &'static str, why: impl Into<String>) -> Trouble {
    Trouble::Field { field, why: why.into() }
}

/// Makes a subscription and its secret, which is shown once. `given` is a secret of the asker's own; `by` is how the
/// audit log names whoever asks. Asked again under the same id, it is the one that was made.
pub async fn create(
    ports: &Ports,
    guild_id: GuildId,
    by: &str,
    id: Uuid,
    wanted: &Wanted,
    given: Option<&str>,
) -> Result<Result<(OutboundWebhook, String), Trouble>> {
    if let Err(trouble) = check(ports, wanted) {
        return Ok(Err(trouble));
    }
    let secret = match given.map(checked_secret).transpose() {
        Ok(secret) => secret.unwrap_or_else(new_secret),
        Err(trouble) => return Ok(Err(trouble)),
    };
    if let Some(made) = ports.store.find_outbound_webhook(guild_id, id).await? {
        let secret = ports.store.outbound_secrets(guild_id, id, None, ports.clock.now()).await?;
        let secret = secret.first().map(|secret| secret.expose_secret().to_owned()).unwrap_or_default();
        return Ok(Ok((made, secret)));
    }
    if ports.store.list_outbound_webhooks(guild_id).await?.len() >= MOST {
        return Ok(Err(Trouble::TooMany));
    }
    let now = ports.clock.now();
    let webhook = OutboundWebhook {
        id,
        guild_id,
        name: wanted.name.trim().to_owned(),
        url: wanted.url.clone(),
        events: wanted.events.clone(),
        active: wanted.active,
        version: 1,
        failures: 0,
        disabled_because: None,
        created_at: now,
        updated_at: now,
    };
    let mut tx = ports.store.begin().await?;
    if !insert_outbound_webhook(&mut tx, &webhook, &secret).await? {
        return Ok(Err(field("name", "is the name of another webhook")));
    }
    if let Some(headers) = wanted.headers.as_ref().filter(|headers| !headers.is_empty()) {
        save_outbound_headers(&mut tx, guild_id, id, headers, now).await?;
    }
    audit(&mut tx, guild_id, by, "outbound_added", &webhook, now).await?;
    Store::commit(tx).await?;
    Ok(Ok((webhook, secret)))
}

/// Changes a subscription that was seen in this version. Another secret replaces the one before as by [`rotate`].
pub async fn update(
    ports: &Ports,
    guild_id: GuildId,
    by: &str,
    id: Uuid,
    version: i32,
    wanted: &Wanted,
    given: Option<&str>,
) -> Result<Result<OutboundWebhook, Trouble>> {
    if let Err(trouble) =
        check(ports, wanted).and_then(|()| given.map_or(Ok(()), |text| checked_secret(text).map(drop)))
    {
        return Ok(Err(trouble));
    }
    let Some(found) = ports.store.find_outbound_webhook(guild_id, id).await? else { return Ok(Err(Trouble::Unknown)) };
    let others = ports.store.list_outbound_webhooks(guild_id).await?;
    if others.iter().any(|other| other.id != id && other.name == wanted.name.trim()) {
        return Ok(Err(field("name", "is the name of another webhook")));
    }
    let changed = OutboundWebhook {
        name: wanted.name.trim().to_owned(),
        url: wanted.url.clone(),
        events: wanted.events.clone(),
        active: wanted.active,
        version,
        ..found
    };
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    if !update_outbound_webhook(&mut tx, &changed, now).await? {
        return Ok(Err(Trouble::Changed));
    }
    if let Some(headers) = &wanted.headers {
        save_outbound_headers(&mut tx, guild_id, id, headers, now).await?;
    }
    if let Some(secret) = given {
        rotate_outbound_secret(&mut tx, guild_id, id, secret, now + KEPT, now).await?;
        audit(&mut tx, guild_id, by, "outbound_rotated", &changed, now).await?;
    }
    audit(&mut tx, guild_id, by, "outbound_changed", &changed, now).await?;
    Store::commit(tx).await?;
    ports.wake.wake(Topic::Outbound);
    Ok(ports.store.find_outbound_webhook(guild_id, id).await?.ok_or(Trouble::Unknown))
}

/// Makes another secret, which is shown once; the one before it signs as well for a day.
pub async fn rotate(ports: &Ports, guild_id: GuildId, by: &str, id: Uuid) -> Result<Result<String, Trouble>> {
    let Some(found) = ports.store.find_outbound_webhook(guild_id, id).await? else { return Ok(Err(Trouble::Unknown)) };
    let (secret, now) = (new_secret(), ports.clock.now());
    let mut tx = ports.store.begin().await?;
    if !rotate_outbound_secret(&mut tx, guild_id, id, &secret, now + KEPT, now).await? {
        return Ok(Err(Trouble::Unknown));
    }
    audit(&mut tx, guild_id, by, "outbound_rotated", &found, now).await?;
    Store::commit(tx).await?;
    Ok(Ok(secret))
}

/// Queues a test message, also for one that is subscribed to nothing. Returns its id.
pub async fn test(ports: &Ports, guild_id: GuildId, id: Uuid) -> Result<Result<Uuid, Trouble>> {
    let Some(webhook) = ports.store.find_outbound_webhook(guild_id, id).await? else {
        return Ok(Err(Trouble::Unknown));
    };
    if !webhook.active {
        return Ok(Err(field("active", "is false: nothing is sent")));
    }
    let (delivery, now) = (ports.clock.uuid(), ports.clock.now());
    let mut tx = ports.store.begin().await?;
    let data = json!({ "message": "This is a test.", "webhook_id": id });
    insert_outbound_test(&mut tx, &webhook, delivery, "webhook.test", &data, now).await?;
    Store::commit(tx).await?;
    ports.wake.wake(Topic::Outbound);
    Ok(Ok(delivery))
}

/// Deletes a subscription with its log and its secrets.
pub async fn delete(ports: &Ports, guild_id: GuildId, by: &str, id: Uuid) -> Result<Result<(), Trouble>> {
    let Some(found) = ports.store.find_outbound_webhook(guild_id, id).await? else { return Ok(Err(Trouble::Unknown)) };
    let mut tx = ports.store.begin().await?;
    delete_outbound_webhook(&mut tx, guild_id, id).await?;
    audit(&mut tx, guild_id, by, "outbound_deleted", &found, ports.clock.now()).await?;
    Store::commit(tx).await?;
    Ok(Ok(()))
}

fn check(ports: &Ports, wanted: &Wanted) -> Result<(), Trouble> {
    let name = wanted.name.trim();
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(field("name", format!("should be 1 to {LONGEST_NAME} characters")));
    }
    if wanted.url.len() > LONGEST_URL {
        return Err(field("url", format!("should be at most {LONGEST_URL} characters")));
    }
    let url =
        Url::parse(&wanted.url).map_err(|_| field("url", "should be an address such as https://example.org/hook"))?;
    ports.outbound.check(&url).map_err(|refused| field("url", format!("cannot be used: {refused}")))?;
    if let Some(why) = wanted.headers.as_ref().and_then(unfit_headers) {
        return Err(field("headers", why));
    }
    if wanted.events.is_empty() {
        return Err(field("events", format!("should be some of {}, or *", EVENTS.join(", "))));
    }
    match wanted.events.iter().find(|event| *event != "*" && !EVENTS.contains(&event.as_str())) {
        Some(odd) => {
            let odd: String = odd.chars().take(60).collect();
            Err(field("events", format!("knows no {odd:?}; there are {}, and *", EVENTS.join(", "))))
        }
        None => Ok(()),
    }
}

/// What is wrong with headers of somebody's own; those that say what a message is are ours.
fn unfit_headers(headers: &BTreeMap<String, String>) -> Option<String> {
    if headers.len() > MOST_HEADERS {
        return Some(format!("should be at most {MOST_HEADERS}"));
    }
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    let is_ours = |name: &str| {
        let name = name.to_ascii_lowercase();
        OUR_HEADERS.contains(&name.as_str()) || ["webhook-", "proxy-"].iter().any(|family| name.starts_with(family))
    };
    let is_value = |value: &str| value.len() <= LONGEST_HEADER && value.bytes().all(|b| (b' '..=b'~').contains(&b));
    headers.iter().find_map(|(name, value)| {
        let shown: String = name.chars().take(60).collect();
        if !is_name(name) || name.len() > LONGEST_NAME {
            return Some(format!("{shown:?} is not the name of a header"));
        }
        if is_ours(name) {
            return Some(format!("{shown} is set by Signalbox itself"));
        }
        (!is_value(value)).then(|| format!("the value of {shown} should be at most {LONGEST_HEADER} ASCII characters"))
    })
}

/// As Standard Webhooks writes secrets, or in words of the asker's own, which its libraries read in the same way.
fn checked_secret(secret: &str) -> Result<String, Trouble> {
    let is_fit = match secret.strip_prefix(SECRET_PREFIX) {
        Some(text) => BASE64.decode(text).is_ok_and(|bytes| (24..=64).contains(&bytes.len())),
        None => (16..=200).contains(&secret.len()) && secret.bytes().all(|b| b.is_ascii_graphic()),
    };
    match is_fit {
        true => Ok(secret.to_owned()),
        false => Err(field(
            "secret",
            "should be whsec_ and 24 to 64 bytes in base64, or 16 to 200 characters without spaces",
        )),
    }
}

fn new_secret() -> String {
    format!("{SECRET_PREFIX}{}", BASE64.encode(random_bytes::<32>()))
}

async fn audit(
    tx: &mut Tx,
    guild_id: GuildId,
    by: &str,
    action: &'static str,
    webhook: &OutboundWebhook,
    now: DateTime<Utc>,
) -> Result<()> {
    let detail = json!({ "webhook": webhook.id, "name": webhook.name, "events": webhook.events, "api_key": by });
    insert_audit(tx, &NewAudit { guild_id, approval_id: None, person_id: None, action, detail }, now).await?;
    Ok(())
}
