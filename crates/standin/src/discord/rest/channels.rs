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
    refusal::{self, Problems},
    world::{Channel, World},
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
    let (bot, body, now) = (world.bot, &call.body, call.now);
    let Some(channel) = world.channels.get_mut(&id) else {
        return Err(refusal::UNKNOWN_CHANNEL.into());
    };
    match &mut channel.thread {
        Some(thread) => {
            if thread.owner_id != bot {
                require(held, may::MANAGE_THREADS)?;
            }
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
