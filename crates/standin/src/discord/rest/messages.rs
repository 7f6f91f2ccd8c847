//! Messages of a channel: list, get, create, edit, delete, react, pin.
//!
//! <https://discord.com/developers/docs/resources/message>

mod compose;

use chrono::Duration;
use serde_json::{Value, json};

pub use compose::{Draft, apply_edit, compose};

use super::{Answer, Call, no_content, ok, threads};
use crate::discord::{
    check::{self, Carrier},
    permission::{self as may, in_channel},
    refusal::{self, Refusal, invalid},
    world::{Channel, Message, Nonce, World, is_id},
};

/// The channel, if the bot can see it; with the bot's permissions there.
pub fn visible(world: &World, id: u64) -> Result<(&Channel, u64), Refusal> {
    let channel = world.channels.get(&id).ok_or(refusal::UNKNOWN_CHANNEL)?;
    let held = in_channel(world, channel, world.bot);
    if held & may::VIEW_CHANNEL == 0 {
        return Err(refusal::MISSING_ACCESS.into());
    }
    Ok((channel, held))
}

pub fn require(held: u64, permission: u64) -> Result<(), Refusal> {
    if held & permission == permission { Ok(()) } else { Err(refusal::MISSING_PERMISSIONS.into()) }
}

/// "If the current user is missing the READ_MESSAGE_HISTORY permission in the channel then this will return no messages":
/// <https://discord.com/developers/docs/resources/message#get-channel-messages>
pub fn list(world: &World, call: &Call, channel_id: u64) -> Answer {
    let (_, held) = visible(world, channel_id)?;
    let limit = match call.query.get("limit").map(|n| n.parse::<usize>()) {
        None => 50,
        Some(Ok(limit @ 1..=100)) => limit,
        Some(_) => {
            let text = "int value should be between 1 and 100.";
            return Err(invalid(&["limit"], "NUMBER_TYPE_MAX", text));
        }
    };
    if held & may::READ_MESSAGE_HISTORY == 0 {
        return ok(json!([]));
    }
    let id = |key: &str| call.query.get(key).and_then(|id| id.parse::<u64>().ok());
    let all = world.messages.get(&channel_id);
    let all = all.into_iter().flatten();
    let shown: Vec<(&u64, &Message)> = all.filter(|(_, m)| m.only_for.is_none()).collect();
    let newest_first = |list: Vec<(&u64, &Message)>| -> Vec<Value> {
        list.iter().rev().map(|(_, m)| seen(world, call, &m.json)).collect()
    };
    let tail = |list: Vec<(&'_ u64, &'_ Message)>, n: usize| list.len().saturating_sub(n);
    let picked = if let Some(around) = id("around") {
        let mut before: Vec<_> = shown.iter().filter(|(m, _)| **m < around).copied().collect();
        let from = tail(before.clone(), limit / 2);
        before = before.split_off(from);
        let after = shown.iter().filter(|(m, _)| **m >= around).copied();
        let rest = limit - before.len();
        before.extend(after.take(rest));
        before
    } else if let Some(after) = id("after") {
        let later = shown.into_iter().filter(|(m, _)| **m > after);
        later.take(limit).collect()
    } else {
        let before = id("before").unwrap_or(u64::MAX);
        let mut earlier: Vec<_> = shown.into_iter().filter(|(m, _)| **m < before).collect();
        let from = tail(earlier.clone(), limit);
        earlier.split_off(from)
    };
    ok(Value::Array(newest_first(picked)))
}

pub fn get(world: &World, call: &Call, channel_id: u64, id: u64) -> Answer {
    let (_, held) = visible(world, channel_id)?;
    require(held, may::READ_MESSAGE_HISTORY)?;
    match public(world, channel_id, id) {
        Some(message) => ok(seen(world, call, &message.json)),
        None => Err(refusal::UNKNOWN_MESSAGE.into()),
    }
}

/// <https://discord.com/developers/docs/resources/message#create-message>
pub fn create(world: &mut World, call: &Call, channel_id: u64) -> Answer {
    let (channel, held) = visible(world, channel_id)?;
    if !channel.takes_messages() {
        return Err(refusal::WRONG_CHANNEL.into());
    }
    // "Cannot send messages to this user": <https://discord.com/developers/docs/topics/opcodes-and-status-codes#json>
    if channel.recipient.is_some_and(|user| world.closed.contains(&user)) {
        return Err(refusal::NO_DIRECT_MESSAGES.into());
    }
    let archived = channel.thread.as_ref().is_some_and(|t| t.archived);
    if archived && channel.thread.as_ref().is_some_and(|t| t.locked) && held & may::MANAGE_THREADS == 0 {
        return Err(refusal::THREAD_ARCHIVED.into());
    }
    require(held, may::SEND_MESSAGES)?;
    check::check_message(&call.body, call.files.len(), Carrier::Create)?;
    if call.body["embeds"].as_array().is_some_and(|e| !e.is_empty()) {
        require(held, may::EMBED_LINKS)?;
    }
    if !call.files.is_empty() {
        require(held, may::ATTACH_FILES)?;
    }
    let nonce = match &call.body["nonce"] {
        Value::String(nonce) => Some(nonce.clone()),
        Value::Number(nonce) => Some(nonce.to_string()),
        _ => None,
    };
    // "If true and nonce is present, it will be checked for uniqueness in the past few minutes. If another message was created
    // by the same author with the same nonce, that message will be returned and no new message will be created."
    if let Some(nonce) = nonce.as_deref().filter(|_| call.body["enforce_nonce"] == true)
        && let Some(known) = world.remembered(world.bot, nonce, call.now, call.nonce_memory)
    {
        return match world.message(known.channel_id, known.message_id) {
            Some(message) => {
                let mut message = message.json.clone();
                message["nonce"] = call.body["nonce"].clone();
                ok(message)
            }
            None => Err(refusal::UNKNOWN_MESSAGE.into()),
        };
    }
    let reference = referenced(world, call, channel_id, held)?;
    let draft = Draft {
        author: world.user_json(world.bot),
        may_mention_everyone: held & may::MENTION_EVERYONE != 0,
        ..Draft::new(channel_id, &call.body, &call.files)
    };
    let (id, mut message) = compose(world, call.now, draft);
    if let Some((reference, original)) = reference {
        message["type"] = json!(19);
        message["message_reference"] = reference;
        message["referenced_message"] = original;
    }
    if let Some(nonce) = nonce {
        message["nonce"] = call.body["nonce"].clone();
        let (author, at) = (world.bot, call.now);
        world.nonces.push(Nonce { author, nonce, channel_id, message_id: id, at });
    }
    if archived {
        // "The API will helpfully automatically unarchive a thread when sending a message in that thread":
        // <https://discord.com/developers/docs/topics/threads#active-archived-threads>
        threads::unarchive(world, channel_id, call.now);
    }
    publish(world, channel_id, id, message.clone(), None, None);
    ok(message)
}

fn referenced(world: &World, call: &Call, channel_id: u64, held: u64) -> Result<Option<(Value, Value)>, Refusal> {
    let reference = &call.body["message_reference"];
    let Some(id) = reference["message_id"].as_str().and_then(|id| id.parse().ok()) else {
        return Ok(None);
    };
    if held & may::READ_MESSAGE_HISTORY == 0 {
        return Err(refusal::NO_HISTORY_FOR_REPLY.into());
    }
    match public(world, channel_id, id) {
        Some(original) => {
            let guild_id = world.channels[&channel_id].guild_id.map(|id| id.to_string());
            let made = json!({"type": 0, "message_id": id.to_string(), "channel_id": channel_id.to_string(), "guild_id": guild_id});
            Ok(Some((made, original.json.clone())))
        }
        None if reference["fail_if_not_exists"] == false => Ok(None),
        None => Err(invalid(&["message_reference"], "REPLIES_UNKNOWN_MESSAGE", "Unknown message")),
    }
}

/// <https://discord.com/developers/docs/resources/message#edit-message>
pub fn edit(world: &mut World, call: &Call, channel_id: u64, id: u64) -> Answer {
    let (_, held) = visible(world, channel_id)?;
    let message = public(world, channel_id, id).ok_or(refusal::UNKNOWN_MESSAGE)?;
    if !is_id(&message.json["author"]["id"], world.bot) {
        return Err(refusal::NOT_YOURS.into());
    }
    immutable_when_archived(world, channel_id)?;
    let embeds = call.body["embeds"].as_array();
    if embeds.is_some_and(|e| !e.is_empty()) {
        require(held, may::EMBED_LINKS)?;
    }
    let json = edit_message(world, call, channel_id, id, true)?;
    ok(json)
}

/// "Additionally, archived threads are generally immutable":
/// <https://discord.com/developers/docs/topics/threads#active-archived-threads>
fn immutable_when_archived(world: &World, channel_id: u64) -> Result<(), Refusal> {
    let thread = world.channels.get(&channel_id).and_then(|c| c.thread.as_ref());
    if thread.is_some_and(|t| t.archived) { Err(refusal::THREAD_ARCHIVED.into()) } else { Ok(()) }
}

/// What every PATCH of a message shares: checks, the limit on old messages, the change, the event.
pub fn edit_message(
    world: &mut World,
    call: &Call,
    channel_id: u64,
    id: u64,
    all_mentions: bool,
) -> Result<Value, Refusal> {
    let found = world.message(channel_id, id).ok_or(refusal::UNKNOWN_MESSAGE)?;
    let flags = found.json["flags"].as_u64().unwrap_or(0);
    check::check_message(&call.body, call.files.len(), Carrier::Edit { flags })?;
    let edited = apply_edit(world, call.now, channel_id, &found.json, &call.body, &call.files, all_mentions);
    if check::is_empty(&edited) && edited["attachments"].as_array().is_none_or(Vec::is_empty) {
        return Err(refusal::EMPTY_MESSAGE.into());
    }
    let now = call.now;
    let made = crate::discord::world::made_at(id);
    let message = world.message_mut(channel_id, id).ok_or(refusal::UNKNOWN_MESSAGE)?;
    // JSON error code 30046, "Maximum number of edits to messages older than 1 hour reached": opcodes and status codes.
    if now - made > Duration::hours(1) {
        message.old_edits.retain(|at| now - *at < Duration::hours(1));
        if message.old_edits.len() >= call.old_edits {
            return Err(refusal::OLD_MESSAGE_EDITS.into());
        }
        message.old_edits.push(now);
    }
    message.json = edited.clone();
    let public = message.only_for.is_none();
    // Whoever pressed something on this message sees that something came of it.
    for pressed in world.interactions.values_mut() {
        pressed.updated |= pressed.source == Some(id);
    }
    if public {
        let event = world.gateway_message(channel_id, &edited);
        world.emit_in(channel_id, "MESSAGE_UPDATE", event);
    }
    Ok(edited)
}

pub fn delete(world: &mut World, channel_id: u64, id: u64) -> Answer {
    let (_, held) = visible(world, channel_id)?;
    let message = public(world, channel_id, id).ok_or(refusal::UNKNOWN_MESSAGE)?;
    if !is_id(&message.json["author"]["id"], world.bot) {
        require(held, may::MANAGE_MESSAGES)?;
    }
    world.delete_message(channel_id, id);
    no_content()
}

/// 2-100 messages, none older than two weeks: <https://discord.com/developers/docs/resources/message#bulk-delete-messages>
pub fn bulk_delete(world: &mut World, call: &Call, channel_id: u64) -> Answer {
    let (_, held) = visible(world, channel_id)?;
    require(held, may::MANAGE_MESSAGES)?;
    let ids = call.body["messages"].as_array().into_iter().flatten();
    let ids: Vec<u64> = ids.filter_map(|id| id.as_str()?.parse().ok()).collect();
    if !(2..=100).contains(&ids.len()) {
        let text = "Must be between 2 and 100 in length.";
        return Err(invalid(&["messages"], "BASE_TYPE_BAD_LENGTH", text));
    }
    for id in ids {
        world.delete_message(channel_id, id);
    }
    no_content()
}

pub fn react(world: &mut World, call: &Call, channel_id: u64, id: u64, emoji: &str) -> Answer {
    let (_, held) = visible(world, channel_id)?;
    require(held, may::READ_MESSAGE_HISTORY)?;
    require(held, may::ADD_REACTIONS)?;
    immutable_when_archived(world, channel_id)?;
    public(world, channel_id, id).ok_or(refusal::UNKNOWN_MESSAGE)?;
    let (name, emoji_id) = match emoji.split_once(':') {
        Some((name, id)) => (name, Some(id)),
        None => (emoji, None),
    };
    let add = call.method == "PUT";
    let message = world.message_mut(channel_id, id).ok_or(refusal::UNKNOWN_MESSAGE)?;
    let mut all = message.json["reactions"].as_array().cloned().unwrap_or_default();
    let known = all.iter().position(|r| r["emoji"]["name"] == name);
    match (known, add) {
        (None, true) => all.push(json!({
            "emoji": {"id": emoji_id, "name": name}, "count": 1, "me": true, "me_burst": false,
            "count_details": {"normal": 1, "burst": 0}, "burst_colors": [],
        })),
        (Some(at), false) => drop(all.remove(at)),
        _ => {}
    }
    message.json["reactions"] = Value::Array(all);
    no_content()
}

/// Needs PIN_MESSAGES since 2026-02-23: <https://discord.com/developers/docs/resources/message#pin-message>
pub fn pin(world: &mut World, call: &Call, channel_id: u64, id: u64) -> Answer {
    let (_, held) = visible(world, channel_id)?;
    require(held, may::PIN_MESSAGES)?;
    public(world, channel_id, id).ok_or(refusal::UNKNOWN_MESSAGE)?;
    let message = world.message_mut(channel_id, id).ok_or(refusal::UNKNOWN_MESSAGE)?;
    message.json["pinned"] = json!(call.method == "PUT");
    no_content()
}

/// Puts a composed message into the world and tells the sessions (not about an ephemeral one).
pub fn publish(
    world: &mut World,
    channel_id: u64,
    id: u64,
    json: Value,
    only_for: Option<u64>,
    interaction: Option<String>,
) {
    if only_for.is_none() {
        let event = world.gateway_message(channel_id, &json);
        world.emit_in(channel_id, "MESSAGE_CREATE", event);
    }
    // The nonce is part of the answer and the event; a message read later does not have it.
    let mut json = json;
    if let Some(map) = json.as_object_mut() {
        map.remove("nonce");
    }
    let message = Message { json, only_for, interaction, old_edits: Vec::new() };
    world.insert_message(channel_id, id, message);
}

/// A message that anybody can see.
pub fn public(world: &World, channel_id: u64, id: u64) -> Option<&Message> {
    let message = world.message(channel_id, id)?;
    message.only_for.is_none().then_some(message)
}

fn seen(world: &World, call: &Call, message: &Value) -> Value {
    if call.message_content { message.clone() } else { world.without_content(message.clone()) }
}
