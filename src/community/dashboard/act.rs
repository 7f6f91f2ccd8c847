//! What a dashboard can ask for, and how it is done. What changes anything is one transaction, in which the request is noted
//! as carried out (`Host::note`): so it is done once, whoever dies.

use std::time::Duration;

use anyhow::Result;
use chrono::{NaiveDate, TimeDelta};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Request, look_again, number, text};
use crate::bus::Bus;
use crate::community::board::Voice;
use crate::community::draw::tickets::{self, Gift};
use crate::community::draw::{self, Host, Wish};
use crate::community::rules::MAX_RATE;
use crate::community::slot_call::NamedPick;
use crate::community::{gtb, money, settings, slot_call, timer, words};
use crate::error::UserError;
use crate::id::{ChannelId, UserId};
use crate::ports::Ports;
use crate::routing::board::BoardKey;
use crate::routing::board::draw::DrawKind;
use crate::routing::board::gtb::{grouped, money as dollars};
use crate::store::Store;

/// How long the answer to a draw is left for the dashboard.
const ANSWER: Duration = Duration::from_secs(30);

/// Does what is asked for. False: nothing is known of it.
pub(super) async fn obey(ports: &Ports, host: Host, request: &Request<'_>, id: &str) -> Result<bool> {
    match request.topic {
        "slot_requests" => slots(ports, host, request, id).await,
        "timed_messages" => timers(ports, host, request).await,
        "gtb" => guesses(ports, host, request).await,
        "management" => management(ports, host, request, id).await,
        "raffle" => raffle(ports, host, request).await,
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
            post_shop(ports, host, ChannelId(channel)).await?;
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
        }
        // Items are kept here, and not by the dashboard: what changed there is looked up.
        "sync_shop" | "item_update" => {}
        _ => return Ok(false),
    }
    Ok(true)
}

/// Posts the shop into a channel, where it is kept current.
async fn post_shop(ports: &Ports, host: Host, channel: ChannelId) -> Result<()> {
    let voice = Voice::of(ports, host.guild_id).await?;
    let mut tx = ports.store.begin().await?;
    voice.show(&mut tx, BoardKey::Shop, channel).await?;
    host.note(ports, &mut tx, "panel_posted", json!({ "panel": "shop", "channel": channel.to_string() })).await?;
    Store::commit(tx).await?;
    voice.hurry();
    Ok(())
}

async fn slots(ports: &Ports, host: Host, request: &Request<'_>, id: &str) -> Result<bool> {
    let data = request.data;
    match request.action.as_str() {
        "toggle" => {
            let Some(enabled) = data["enabled"].as_bool() else { return Ok(false) };
            slot_call::toggle(ports, host, enabled).await?;
        }
        "pick" | "pick_with_reward" => {
            let (slot, name) = (text(data, "slot_call"), text(data, "username"));
            let reward = (request.action == "pick_with_reward")
                .then(|| reward(&text(data, "reward_type"), &text(data, "reward_amount")));
            let delay = match &data["delay_announcement"] {
                Value::Null => Some(TimeDelta::zero()),
                _ => number(data, "delay_announcement").and_then(TimeDelta::try_seconds),
            };
            // What cannot be understood is no delay that could be kept to.
            let delay = delay.unwrap_or(TimeDelta::MIN);
            let pick = NamedPick { slot: &slot, name: &name, reward: reward.as_deref(), cause: id, delay };
            slot_call::pick_named(ports, host, &pick).await?;
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
    let amount = match (kind, money::parse(amount)) {
        ("points", Ok(cents)) => grouped(cents / 100),
        (_, Ok(cents)) => dollars(cents),
        (_, Err(_)) => words::cut(amount, 40),
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
    let from = start.map(|day| day.to_string()).unwrap_or_else(|| ports.clock.now().date_naive().to_string());
    let words = format!("🎟️ New raffle period started! {from} to {}", end.date_naive());
    let wish = Wish { said_in_chat: Some(words), ..Wish::raffle("Monthly raffle", channel, end - ports.clock.now()) };
    draw::open(ports, host, &wish).await?;
    Ok(())
}

/// A draw takes a minute: what comes after the close has to be waited for.
async fn raffle(ports: &Ports, host: Host, request: &Request<'_>) -> Result<bool> {
    if request.action != "draw" {
        return Ok(false);
    }
    let open = ports.store.list_draws(host.guild_id, true, 100).await?;
    let by = number(request.data, "drawn_by_discord_id").map(UserId);
    if let Some(found) = open.into_iter().find(|draw| draw.kind == DrawKind::Raffle) {
        draw::close(ports, Host { user_id: by, ..host }, found.id).await?;
    }
    Ok(true)
}

/// What follows when the request is carried out, and does the same when it is done again: an answer where the dashboard looks
/// for it, boards that look again. `effect` is what the audit log has of it.
pub(super) async fn follow(
    ports: &Ports,
    bus: &Bus,
    host: Host,
    request: &Request<'_>,
    effect: Option<&Value>,
) -> Result<()> {
    match (request.topic, request.action.as_str()) {
        ("point_shop", "update_settings" | "sync_shop" | "item_update") => {
            look_again(ports, host.guild_id, "point_shop").await
        }
        ("raffle", "draw") => {
            let answer = drawn(ports, effect).await?;
            let request_id = words::cut(&text(request.data, "request_id"), 100);
            Ok(bus.leave(&format!("raffle_draw_result:{request_id}"), &answer.to_string(), ANSWER).await?)
        }
        _ => Ok(()),
    }
}

/// Says where the draw can be seen.
async fn drawn(ports: &Ports, effect: Option<&Value>) -> Result<Value> {
    let id = effect.and_then(|effect| Uuid::try_parse(effect["draw"].as_str()?).ok());
    let Some(id) = id else { return Ok(json!({ "success": false, "error": tickets::NONE_OPEN })) };
    let published = ports.store.find_published_draw(id).await?;
    Ok(json!({
        "success": true,
        "state": "closed",
        "draw_id": id,
        "number": effect.map(|effect| effect["number"].clone()),
        "entries_hash": published.as_ref().and_then(|draw| draw.entries_hash.clone()),
        "draw_after": published.and_then(|draw| draw.draw_after),
    }))
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
}
