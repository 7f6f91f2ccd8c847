//! What a dashboard asks for on the channels `dashboard:*` of Redis. Nothing is believed without a signature. A message
//! with a time is carried out once, while it is fresh; one without could be played back by whoever has seen it, and only
//! makes boards look again.
//!
//! A request is stored before it is carried out, and noted as carried out in the transaction of its effect: killed anywhere
//! after the first commit, it is carried on by others, once. What is published while nobody listens is lost in Redis.

mod act;

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::board::Voice;
use super::draw::{Host, Overtaken};
use crate::bus::pubsub::Message;
use crate::bus::signature::{SignatureError, verify_message};
use crate::bus::{Bus, Topic};
use crate::error::UserError;
use crate::id::{GuildId, sha256_hex};
use crate::ports::Ports;
use crate::routing::board::BoardKey;
use crate::store::Store;
use crate::store::dashboard::{DashboardRequest, Left, NewRequest};

/// The channels.
pub const CHANNELS: &str = "dashboard:*";
/// A message counts this long after its time, and before it.
const FRESH: TimeDelta = TimeDelta::minutes(5);
/// A request that nobody has finished after this long is carried on by whoever comes next.
const LEASE: TimeDelta = TimeDelta::seconds(5);
/// How often it is tried.
const TRIES: i32 = 20;

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    Done,
    /// It only made boards look again.
    Hint,
    /// Another process, or an earlier delivery, has done it.
    Known,
    /// Nothing was done, and why; for the log.
    Refused(String),
}

/// Carries a message out, or not.
pub async fn hear(ports: &Ports, bus: &Bus, message: &Message) -> Result<Heard> {
    let refused = |why: &str| Ok(Heard::Refused(why.to_owned()));
    let Some(secret) = &ports.config.bus.msg_secret else { return refused("REDIS_MSG_SECRET is not set") };
    let body = match verify_message(secret, &message.payload) {
        Ok(body) => body,
        Err(SignatureError::Missing) => return refused("it is not signed"),
        Err(error) => return refused(&error.to_string()),
    };
    let topic = message.channel.strip_prefix("dashboard:").unwrap_or_default();
    let request = Request { topic, action: text(&body, "action"), data: &body["data"] };
    let Some(guild_id) = guild_of(ports, request.data) else { return refused("it names no server") };
    let Some(time) = time_of(&body) else {
        look_again(ports, guild_id, topic).await?;
        return Ok(Heard::Hint);
    };
    if (ports.clock.now() - time).abs() > FRESH {
        return refused("it is too old, or from the future");
    }
    let seal = sha256_hex(format!("{}\n{}", message.channel, crate::event::canonical_json(&body)).as_bytes());
    let now = ports.clock.now();
    let stored = json_of(&request);
    let new = NewRequest { id: ports.clock.uuid(), guild_id, seal: &seal, topic, body: &stored };
    // From here on it is carried out once, whoever dies.
    let Some(asked) = ports.store.insert_dashboard_request(&new, now, now + LEASE).await? else {
        return Ok(Heard::Known);
    };
    crate::crash::point("dashboard.asked");
    carry(ports, bus, &asked).await
}

/// Carries on what others have left: their process died, or it failed. Returns how many requests that were.
pub async fn carry_due(ports: &Ports, bus: &Bus, limit: usize) -> Result<usize> {
    for done in 0..limit {
        let now = ports.clock.now();
        let Some(asked) = ports.store.claim_dashboard_request(now, now + LEASE).await? else { return Ok(done) };
        if asked.tries > TRIES {
            tracing::error!(topic = asked.topic, "a request of the dashboard failed too often, and is given up");
            ports.store.finish_dashboard_request(&asked, Left::Failed).await?;
            continue;
        }
        match carry(ports, bus, &asked).await {
            Ok(Heard::Refused(why)) => {
                tracing::warn!(topic = asked.topic, why, "a request of the dashboard was refused");
            }
            Ok(_) => tracing::info!(topic = asked.topic, "a request of the dashboard was carried on"),
            // It stays due, and holds up nothing else.
            Err(error) => {
                let error = crate::error::chain(&error);
                tracing::warn!(topic = asked.topic, error, "a request of the dashboard failed; trying again");
            }
        }
    }
    Ok(limit)
}

/// Carries a request out from where it stands: its effect, unless that is committed, then what follows from it.
async fn carry(ports: &Ports, bus: &Bus, asked: &DashboardRequest) -> Result<Heard> {
    let data: Value = serde_json::from_str(&asked.body).unwrap_or_default();
    let request = Request { topic: &asked.topic, action: text(&data, "action"), data: &data["data"] };
    let host = Host { guild_id: asked.guild_id, user_id: None, request: Some(asked.id) };
    if !asked.is_carried
        && let Some(why) = refused(act::obey(ports, host, &request, &asked.seal).await)?
        // Otherwise it is refused because another process has done it meanwhile.
        && ports.store.finish_dashboard_request(asked, Left::Refused).await?
    {
        return Ok(Heard::Refused(why));
    }
    crate::crash::point("dashboard.carried");
    let effect = ports.store.find_dashboard_effect(asked).await?;
    act::follow(ports, bus, host, &request, effect.as_ref()).await?;
    crate::crash::point("dashboard.followed");
    ports.store.finish_dashboard_request(asked, Left::Done).await?;
    // Whoever has carried it on did not have the hints of the first one.
    ports.wake.wake(Topic::Deliverer);
    ports.wake.wake(Topic::KickChat);
    Ok(Heard::Done)
}

/// Why it was not carried out, where that is for good. What another process did meanwhile is done.
fn refused(outcome: Result<bool>) -> Result<Option<String>> {
    match outcome {
        Ok(true) => Ok(None),
        Ok(false) => Ok(Some("nothing is known of this action".into())),
        Err(error) if error.is::<Overtaken>() => Ok(None),
        Err(error) => error.downcast::<UserError>().map(|error| Some(error.0)),
    }
}

struct Request<'a> {
    topic: &'a str,
    action: String,
    data: &'a Value,
}

fn json_of(request: &Request<'_>) -> String {
    serde_json::json!({ "action": request.action, "data": request.data }).to_string()
}

/// A field as text, whether it is one or a number.
fn text(value: &Value, name: &str) -> String {
    match &value[name] {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

fn number(value: &Value, name: &str) -> Option<i64> {
    text(value, name).parse().ok()
}

/// The server it is for: the one it names, else the one that this bot is for.
fn guild_of(ports: &Ports, data: &Value) -> Option<GuildId> {
    let named = ["discord_server_id", "server_id", "guild_id"].iter().find_map(|name| number(data, name));
    named.map(GuildId).or(ports.config.discord.guild_id)
}

/// RFC 3339, or seconds since 1970.
fn time_of(body: &Value) -> Option<DateTime<Utc>> {
    let time = ["time", "timestamp"].iter().map(|name| text(body, name)).find(|text| !text.is_empty())?;
    let seconds =
        || time.parse::<f64>().ok().filter(|s| s.is_finite()).and_then(|s| DateTime::from_timestamp(s as i64, 0));
    time.parse().ok().or_else(seconds)
}

/// The board that a channel is about.
fn board(topic: &str) -> Option<BoardKey> {
    Some(match topic {
        "slot_requests" => BoardKey::Slots,
        "timed_messages" => BoardKey::Timers,
        "gtb" => BoardKey::Gtb,
        "point_shop" => BoardKey::Shop,
        _ => return None,
    })
}

async fn look_again(ports: &Ports, guild_id: GuildId, topic: &str) -> Result<()> {
    let Some(key) = board(topic) else { return Ok(()) };
    let voice = Voice::of(ports, guild_id).await?;
    let mut tx = ports.store.begin().await?;
    voice.touch(&mut tx, key).await?;
    Store::commit(tx).await?;
    voice.hurry();
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_time_is_read_in_either_form() {
        let at = DateTime::from_timestamp(1_767_348_000, 0);
        for body in [
            json!({"time": "2026-01-02T10:00:00Z"}),
            json!({"timestamp": 1_767_348_000}),
            json!({"timestamp": "1767348000"}),
        ] {
            assert_eq!(time_of(&body), at, "{body}");
        }
        assert_eq!(time_of(&json!({"time": "soon"})), None);
        assert_eq!(time_of(&json!({})), None);
    }
}
