//! Channels: get, change, delete, direct messages, typing.
//!
//! <https://discord.com/developers/docs/resources/channel>

use serde_json::Value;

use super::{
    Answer, Call,
    messages::{require, visible},
    no_content, ok,
};
use crate::discord::{
    gateway::intent,
    permission as may,
    refusal::{self, Problems, Refusal},
    world::{Channel, Thread, World},
};

pub fn channel(world: &mut World, call: &Call, id: u64) -> Answer {
    let (channel, held) = visible(world, id)?;
    match call.method.as_str() {
        "GET" => ok(world.channel_json(channel)),
        "DELETE" => {
            let needed = if channel.is_thread() { may::MANAGE_THREADS } else { may::MANAGE_CHANNELS };
            require(held, needed)?;
            let before = world.channel_json(channel);
            world.delete_channel(id);
            ok(before)
        }
        _ => change(world, call, id, held),
    }
}

fn change(world: &mut World, call: &Call, id: u64, held: u64) -> Answer {
    let mut problems = Problems::new();
    problems.text(&call.body, "name", 1, 100);
    problems.text(&call.body, "topic", 0, 4096);
    problems.into_result()?;
    if call.body.get("applied_tags").is_some() {
        let parent = world.channels.get(&id).and_then(|c| c.parent_id).and_then(|parent| world.channels.get(&parent));
        parent.map_or(Ok(()), |forum| super::threads::check_tags(forum, &call.body["applied_tags"], held))?;
    }
    let (bot, body, now) = (world.bot, &call.body, call.now);
    let Some(channel) = world.channels.get_mut(&id) else {
        return Err(refusal::UNKNOWN_CHANNEL.into());
    };
    match &mut channel.thread {
        Some(thread) => {
            may_change(thread, body, thread.owner_id == bot, held)?;
            if let Some(archived) = body["archived"].as_bool() {
                thread.archived = archived;
                thread.changed_at = now;
            }
            thread.locked = body["locked"].as_bool().unwrap_or(thread.locked);
            if let Some(tags) = body["applied_tags"].as_array() {
                let tags = tags.iter().filter_map(Value::as_str);
                thread.applied_tags = tags.map(str::to_owned).collect();
            }
        }
        None => require(held, may::MANAGE_CHANNELS)?,
    }
    if let Some(name) = body["name"].as_str() {
        channel.name = name.to_owned();
    }
    if let Some(topic) = body["topic"].as_str() {
        channel.topic = Some(topic.to_owned());
    }
    let (guild, name) = match channel.is_thread() {
        true => (channel.guild_id, "THREAD_UPDATE"),
        false => (channel.guild_id, "CHANNEL_UPDATE"),
    };
    let json = world.channel_json(&world.channels[&id]);
    world.emit(name, json.clone(), guild, intent::GUILDS);
    ok(json)
}

/// "When setting archived to false, when locked is also false, only the SEND_MESSAGES permission is required. Otherwise,
/// requires the MANAGE_THREADS permission. Requires the thread to have archived set to false or be set to false in the
/// request": <https://discord.com/developers/docs/resources/channel#modify-channel-json-params-thread>. Its creator may
/// archive and change it, too: <https://discord.com/developers/docs/topics/threads#permissions>
fn may_change(thread: &Thread, body: &Value, is_owner: bool, held: u64) -> Result<(), Refusal> {
    let opens = body["archived"] == false;
    if thread.archived && !opens {
        return Err(refusal::THREAD_ARCHIVED.into());
    }
    let others = body.as_object().is_some_and(|map| map.keys().any(|key| key != "archived"));
    if held & may::MANAGE_THREADS != 0 {
        return Ok(());
    }
    let allowed = match (thread.locked, is_owner) {
        (true, _) => false,
        (false, true) => body.get("locked").is_none(),
        (false, false) => opens && !others && held & may::SEND_MESSAGES != 0,
    };
    if allowed { Ok(()) } else { Err(refusal::MISSING_PERMISSIONS.into()) }
}

/// <https://discord.com/developers/docs/resources/user#create-dm>
pub fn create_dm(world: &mut World, call: &Call) -> Answer {
    let user = call.body["recipient_id"].as_str().and_then(|id| id.parse().ok());
    let user = user.filter(|id| world.users.contains_key(id));
    let Some(user) = user else {
        return Err(refusal::UNKNOWN_USER.into());
    };
    let known = world.channels.values().find(|c| c.kind == 1 && c.recipient == Some(user));
    if let Some(known) = known {
        return ok(world.channel_json(known));
    }
    let channel = Channel {
        guild_id: None,
        kind: 1,
        recipient: Some(user),
        ..Channel::text(world.snowflake(call.now), 0, "", 0, call.now)
    };
    let json = world.channel_json(&channel);
    world.channels.insert(channel.id, channel);
    ok(json)
}

pub fn typing(world: &World, id: u64) -> Answer {
    let (_, held) = visible(world, id)?;
    require(held, may::SEND_MESSAGES)?;
    no_content()
}
