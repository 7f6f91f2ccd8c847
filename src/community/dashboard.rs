//! What a dashboard asks for on the channels `dashboard:*` of Redis. Nothing is believed without a signature. A message
//! with a time is carried out once, while it is fresh; one without could be played back by whoever has seen it, and only
//! makes boards look again.

use std::time::Duration;

use anyhow::Result;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde_json::{Value, json};

use super::board::Voice;
use super::draw::tickets::{self, Gift};
use super::draw::{self, Host, Wish};
use super::rules::MAX_RATE;
use super::{gtb, settings, shop, slot_call, timer};
use crate::bus::Bus;
use crate::bus::pubsub::Message;
use crate::bus::signature::{SignatureError, verify_message};
use crate::error::UserError;
use crate::id::{ChannelId, GuildId, UserId, sha256_hex};
use crate::ports::Ports;
use crate::routing::board::draw::DrawKind;
use crate::routing::board::gtb::money;
use crate::routing::board::{BoardKey, gtb::grouped};
use crate::store::Store;
use crate::store::chat_command::insert_dashboard_request;

/// The channels.
pub const CHANNELS: &str = "dashboard:*";
/// A message counts this long after its time, and before it.
const FRESH: TimeDelta = TimeDelta::minutes(5);
/// How long the answer to a draw is left for the dashboard.
const ANSWER: Duration = Duration::from_secs(30);

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
    let id = sha256_hex(format!("{}\n{}", message.channel, crate::event::canonical_json(&body)).as_bytes());
    if !begin(ports, guild_id, &id).await? {
        return Ok(Heard::Known);
    }
    match obey(ports, bus, Host { guild_id, user_id: None }, &request, &id).await {
        Ok(true) => Ok(Heard::Done),
        Ok(false) => refused("nothing is known of this action"),
        Err(error) => match error.downcast::<UserError>() {
            Ok(error) => Ok(Heard::Refused(error.0)),
            Err(error) => Err(error),
        },
    }
}

struct Request<'a> {
    topic: &'a str,
    action: String,
    data: &'a Value,
}

/// True for the first time. It is stored before it is carried out: a crash in between loses it, nothing does it twice.
async fn begin(ports: &Ports, guild_id: GuildId, id: &str) -> Result<bool> {
    let mut tx = ports.store.begin().await?;
    let first = insert_dashboard_request(&mut tx, guild_id, id, ports.clock.now()).await?;
    Store::commit(tx).await?;
    Ok(first)
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

/// False: nothing is known of it.
async fn obey(ports: &Ports, bus: &Bus, host: Host, request: &Request<'_>, id: &str) -> Result<bool> {
    match request.topic {
        "slot_requests" => slots(ports, host, request, id).await,
        "timed_messages" => timers(ports, host, request).await,
        "gtb" => guesses(ports, host, request).await,
        "management" => management(ports, host, request, id).await,
        "raffle" => raffle(ports, bus, host, request).await,
        "bot_settings" => bot_settings(ports, host, request).await,
        "point_shop" => point_shop(ports, host, request).await,
        // Commands are read from the database each time: there is nothing to be reloaded.
        "commands" => Ok(true),
        _ => Ok(false),
    }
}

/// The shop is read from the database each time; its boards are shown anew.
async fn point_shop(ports: &Ports, host: Host, request: &Request<'_>) -> Result<bool> {
    match request.action.as_str() {
        "post_shop" => {
            let Some(channel) = number(request.data, "channel_id") else { return Ok(false) };
            shop::post(ports, host.guild_id, BoardKey::Shop, ChannelId(channel)).await?;
        }
        "update_settings" => {
            let rate = number(request.data, "points_per_5min");
            if let Some(rate) = rate.map(|rate| u32::try_from(rate).unwrap_or(u32::MAX)) {
                if rate > MAX_RATE {
                    return Err(UserError::new("the points of five minutes are out of range").into());
                }
                settings::change_rules_of(ports, host, |rules| {
                    rules.rate = rate;
                    Ok(())
                })
                .await?;
            }
            look_again(ports, host.guild_id, "point_shop").await?;
        }
        // Items are kept here, and not by the dashboard: what changed there is looked up.
        "sync_shop" | "item_update" => look_again(ports, host.guild_id, "point_shop").await?,
        _ => return Ok(false),
    }
    Ok(true)
}

async fn slots(ports: &Ports, host: Host, request: &Request<'_>, id: &str) -> Result<bool> {
    let data = request.data;
    match request.action.as_str() {
        "toggle" => {
            let Some(enabled) = data["enabled"].as_bool() else { return Ok(false) };
            slot_call::toggle(ports, host, enabled).await?;
        }
        "pick" => {
            let (slot, name) = (text(data, "slot_call"), text(data, "username"));
            slot_call::pick_named(ports, host, &slot, &name, None, id).await?;
        }
        "pick_with_reward" => {
            let (slot, name) = (text(data, "slot_call"), text(data, "username"));
            let reward = reward(&text(data, "reward_type"), &text(data, "reward_amount"));
            slot_call::pick_named(ports, host, &slot, &name, Some(&reward), id).await?;
        }
        "update_max" => {
            let most = number(data, "max_requests").and_then(|most| i32::try_from(most).ok()).unwrap_or(-1);
            let rules = slot_call::Rules { max_per_user: Some(most), ..slot_call::Rules::default() };
            slot_call::set_rules(ports, host, rules).await?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// `$25.00 Bonus Buy`, `500 Points`
fn reward(kind: &str, amount: &str) -> String {
    let words: Vec<String> = kind
        .split(['_', ' '])
        .filter(|word| !word.is_empty())
        .map(|word| {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
        })
        .collect();
    let amount = match (kind, super::money::parse(amount)) {
        ("points", Ok(cents)) => grouped(cents / 100),
        (_, Ok(cents)) => money(cents),
        (_, Err(_)) => super::words::cut(amount, 40),
    };
    format!("{amount} {}", words.join(" ")).trim().to_owned()
}

async fn timers(ports: &Ports, host: Host, request: &Request<'_>) -> Result<bool> {
    let data = request.data;
    let Some(id) = number(data, "id") else { return Ok(false) };
    match request.action.as_str() {
        "create" => {
            let every = number(data, "interval_minutes").and_then(TimeDelta::try_minutes);
            let wish = timer::Wish {
                texts: vec![text(data, "message")],
                shuffles: false,
                every,
                cron: None,
                time_zone: None,
                min_lines: 0,
                min_chatters: 2,
                only_while: "always",
                to_kick: true,
                channel: None,
                number: Some(id),
            };
            timer::add(ports, host, &wish).await?;
        }
        "update" => {
            let message = Some(text(data, "message")).filter(|message| !message.is_empty());
            let every = number(data, "interval_minutes").and_then(TimeDelta::try_minutes);
            let change = timer::Change { every, texts: message.map(|message| vec![message]), enabled: None };
            timer::change(ports, host, id, change).await?;
        }
        "delete" => timer::remove(ports, host, id).await?,
        "toggle" => {
            let change = timer::Change { enabled: data["enabled"].as_bool(), ..timer::Change::default() };
            timer::change(ports, host, id, change).await?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// Winners are found here, from the guesses that were made: those of the message are not believed.
async fn guesses(ports: &Ports, host: Host, request: &Request<'_>) -> Result<bool> {
    match request.action.as_str() {
        "open" => {
            gtb::open(ports, host, 3).await?;
        }
        "close" => {
            gtb::close(ports, host).await?;
        }
        "set_result" => {
            gtb::set_result(ports, host, &text(request.data, "result_amount")).await?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

async fn management(ports: &Ports, host: Host, request: &Request<'_>, id: &str) -> Result<bool> {
    let data = request.data;
    match request.action.as_str() {
        "adjust_tickets" => {
            let (Some(to), Some(change)) = (number(data, "discord_id"), number(data, "change")) else {
                return Ok(false);
            };
            let reason = text(data, "reason");
            let gift = Gift { to: UserId(to), tickets: change, reason: &reason, cause: id.to_owned() };
            tickets::give(ports, host, &gift).await?;
        }
        "start_period" => start_period(ports, host, data).await?,
        _ => return Ok(false),
    }
    Ok(true)
}

async fn start_period(ports: &Ports, host: Host, data: &Value) -> Result<()> {
    let date = |name: &str| text(data, name).parse::<NaiveDate>().ok();
    let (start, end) = (date("start_date"), date("end_date").and_then(|day| day.and_hms_opt(23, 59, 59)));
    let end = end.ok_or_else(|| UserError::new("a period needs its end_date"))?.and_utc();
    let named = number(data, "channel_id").map(ChannelId);
    let channel = match named {
        Some(channel) => Some(channel),
        None => ports.store.find_raffle_channel(host.guild_id).await?,
    };
    let channel = channel.ok_or_else(|| UserError::new("nobody has said where raffles are: /raffle start"))?;
    let opened = draw::open(ports, host, &Wish::raffle("Monthly raffle", channel, end - ports.clock.now())).await?;
    let voice = Voice::of(ports, host.guild_id).await?;
    let mut tx = ports.store.begin().await?;
    let from = start.map(|day| day.to_string()).unwrap_or_else(|| ports.clock.now().date_naive().to_string());
    let words = format!("🎟️ New raffle period started! {from} to {}", end.date_naive());
    voice.say_in_chat(&mut tx, &format!("draw:{}:period", opened.id), &words).await?;
    Store::commit(tx).await?;
    voice.hurry();
    Ok(())
}

/// A draw takes a minute: what comes after the close has to be waited for. The answer says where it can be seen.
async fn raffle(ports: &Ports, bus: &Bus, host: Host, request: &Request<'_>) -> Result<bool> {
    if request.action != "draw" {
        return Ok(false);
    }
    let open = ports.store.list_draws(host.guild_id, true, 100).await?;
    let wanted = open.into_iter().find(|draw| draw.kind == DrawKind::Raffle);
    let by = number(request.data, "drawn_by_discord_id").map(UserId);
    let host = Host { user_id: by, ..host };
    let answer = match wanted {
        None => json!({ "success": false, "error": tickets::NONE_OPEN }),
        Some(found) => {
            draw::close(ports, host, found.id).await?;
            let published = ports.store.find_published_draw(found.id).await?;
            json!({
                "success": true,
                "state": "closed",
                "draw_id": found.id,
                "number": found.number,
                "entries_hash": published.as_ref().and_then(|draw| draw.entries_hash.clone()),
                "draw_after": published.and_then(|draw| draw.draw_after),
            })
        }
    };
    let request_id = super::words::cut(&text(request.data, "request_id"), 100);
    bus.leave(&format!("raffle_draw_result:{request_id}"), &answer.to_string(), ANSWER).await?;
    Ok(true)
}

async fn bot_settings(ports: &Ports, host: Host, request: &Request<'_>) -> Result<bool> {
    if request.action != "update" {
        // Settings are read from the database each time.
        return Ok(matches!(request.action.as_str(), "sync" | "reload" | "kick_channel_synced"));
    }
    let value = text(request.data, "value");
    let whole = || value.parse::<i32>().map_err(|_| UserError::new("the value is no number"));
    let mut rules = slot_call::Rules::default();
    match text(request.data, "key").as_str() {
        "slot_max_requests_per_user" => rules.max_per_user = Some(whole()?),
        "slot_request_cooldown_seconds" => rules.cooldown_seconds = Some(whole()?),
        "slot_prevent_duplicates" => rules.prevent_duplicates = Some(matches!(value.as_str(), "true" | "1")),
        "clip_duration" => rules.clip_seconds = Some(whole()?),
        "slot_calls_channel_id" => rules.channel = value.parse().ok(),
        _ => return Ok(false),
    }
    slot_call::set_rules(ports, host, rules).await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rewards_are_said_as_people_say_them() {
        assert_eq!(reward("bonus_buy", "25.00"), "$25.00 Bonus Buy");
        assert_eq!(reward("points", "500"), "500 Points");
        assert_eq!(reward("", "a shirt"), "a shirt");
    }

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
