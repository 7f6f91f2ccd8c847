//! Threads: from a message, without one, and as a post of a forum.
//!
//! <https://discord.com/developers/docs/resources/channel#start-thread-from-message>

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{
    Answer, Call, Reply,
    messages::{Draft, compose, public, publish, require, visible},
    no_content, ok,
};
use crate::discord::{
    check::{self, Carrier},
    gateway::intent,
    permission as may,
    refusal::{self, Problems, Refusal},
    world::{Channel, Thread, World},
};

pub fn create(world: &mut World, call: &Call, channel_id: u64, message: Option<u64>) -> Answer {
    let (channel, held) = visible(world, channel_id)?;
    let forum = channel.kind == 15;
    require(held, if forum { may::SEND_MESSAGES } else { may::CREATE_PUBLIC_THREADS })?;
    let mut problems = Problems::new();
    problems.required_text(&call.body, "name", 100);
    let archive = &call.body["auto_archive_duration"];
    if !archive.is_null() && !matches!(archive.as_u64(), Some(60 | 1440 | 4320 | 10080)) {
        problems.at("auto_archive_duration", |p| {
            p.add("BASE_TYPE_CHOICES", "Value must be one of (60, 1440, 4320, 10080).");
        });
    }
    if forum && call.body["message"].is_null() && call.files.is_empty() {
        problems.at("message", Problems::required);
    }
    problems.into_result()?;
    if let Some(id) = message {
        public(world, channel_id, id).ok_or(refusal::UNKNOWN_MESSAGE)?;
        // "The id of the created thread will be the same as the id of the source message."
        if world.channels.contains_key(&id) {
            return Err(refusal::THREAD_EXISTS.into());
        }
    }
    if forum {
        check_tags(channel_of(world, channel_id)?, &call.body["applied_tags"], held)?;
        check::check_message(&call.body["message"], call.files.len(), Carrier::Create)?;
    }
    let name = call.body["name"].as_str().unwrap_or_default();
    let thread = start(world, call.now, channel_id, name, message, world.bot, &call.body);
    let mut json = world.channel_json(&world.channels[&thread]);
    if let Some(from) = message.and_then(|id| world.message_mut(channel_id, id)) {
        // HAS_THREAD
        from.json["flags"] = json!(from.json["flags"].as_u64().unwrap_or(0) | 1 << 5);
        from.json["thread"] = json.clone();
    }
    if forum {
        let draft = Draft {
            author: world.user_json(world.bot),
            may_mention_everyone: held & may::MENTION_EVERYONE != 0,
            ..Draft::new(thread, &call.body["message"], &call.files)
        };
        // The first message of a forum post has the id of the thread.
        let (_, mut first) = compose(world, call.now, draft);
        first["id"] = json!(thread.to_string());
        publish(world, thread, thread, first.clone(), None, None);
        json["message"] = first;
    }
    Ok(Reply { status: 201, body: Some(json) })
}

fn channel_of(world: &World, id: u64) -> Result<&Channel, Refusal> {
    world.channels.get(&id).ok_or_else(|| refusal::UNKNOWN_CHANNEL.into())
}

/// "The IDs of the set of tags that have been applied to a thread; limited to 5", those of the forum; a moderated one
/// "can only be added to or removed from threads by a member with the MANAGE_THREADS permission":
/// <https://discord.com/developers/docs/resources/channel#forum-tag-object>
pub fn check_tags(forum: &Channel, applied: &Value, held: u64) -> Result<(), Refusal> {
    let applied = applied.as_array().map_or(&[][..], Vec::as_slice);
    let mut problems = Problems::new();
    problems.at("applied_tags", |p| {
        p.length(applied.len(), 0, 5);
        if applied.iter().any(|id| forum.tags.iter().all(|tag| tag["id"] != *id)) {
            p.add("BASE_TYPE_CHOICES", "Unknown tag");
        }
    });
    problems.into_result()?;
    let moderated = forum.tags.iter().any(|tag| tag["moderated"] == true && applied.contains(&tag["id"]));
    if moderated {
        require(held, may::MANAGE_THREADS)?;
    }
    if forum.require_tag && applied.is_empty() {
        return Err(refusal::TAG_REQUIRED.into());
    }
    Ok(())
}

/// Opens an archived thread again, and tells the sessions.
pub fn unarchive(world: &mut World, id: u64, now: DateTime<Utc>) {
    set_archived(world, id, false, None, now);
}

/// A thread is archived or opened; `locked` of `None` leaves that as it is.
pub fn set_archived(world: &mut World, id: u64, archived: bool, locked: Option<bool>, now: DateTime<Utc>) {
    let Some(channel) = world.channels.get_mut(&id) else { return };
    let Some(thread) = &mut channel.thread else { return };
    thread.archived = archived;
    thread.locked = locked.unwrap_or(thread.locked);
    thread.changed_at = now;
    let (guild, channel) = (channel.guild_id, channel.clone());
    let json = world.channel_json(&channel);
    world.emit("THREAD_UPDATE", json, guild, intent::GUILDS);
}

/// Those archived last first: <https://discord.com/developers/docs/resources/channel#list-public-archived-threads>
pub fn archived(world: &World, call: &Call, channel_id: u64) -> Answer {
    let (_, held) = visible(world, channel_id)?;
    require(held, may::READ_MESSAGE_HISTORY)?;
    let limit = call.query.get("limit").and_then(|n| n.parse::<usize>().ok()).unwrap_or(50).clamp(2, 100);
    let before = call.query.get("before").and_then(|at| DateTime::parse_from_rfc3339(at).ok());
    let of_channel = world.channels.values().filter(|c| c.parent_id == Some(channel_id) && c.kind != 12);
    let mut found: Vec<(&Channel, DateTime<Utc>)> = of_channel
        .filter_map(|c| Some((c, c.thread.as_ref().filter(|t| t.archived)?.changed_at)))
        .filter(|(_, at)| before.is_none_or(|before| *at < before))
        .collect();
    found.sort_by_key(|(_, at)| std::cmp::Reverse(*at));
    let shown: Vec<Value> = found.iter().take(limit).map(|(c, _)| world.channel_json(c)).collect();
    ok(json!({"threads": shown, "members": [], "has_more": found.len() > limit}))
}

/// Makes the thread and tells the sessions; answers its id.
pub fn start(
    world: &mut World,
    now: DateTime<Utc>,
    parent: u64,
    name: &str,
    message: Option<u64>,
    owner: u64,
    body: &Value,
) -> u64 {
    let id = message.unwrap_or_else(|| world.snowflake(now));
    let guild = world.channels.get(&parent).and_then(|c| c.guild_id).unwrap_or_default();
    let tags = body["applied_tags"].as_array().into_iter().flatten();
    let archive = body["auto_archive_duration"].as_u64().and_then(|n| u32::try_from(n).ok());
    let mut channel = Channel::text(id, guild, name, 0, now);
    channel.kind = match body["type"].as_u64() {
        Some(12) => 12,
        _ => 11,
    };
    channel.parent_id = Some(parent);
    channel.thread = Some(Thread {
        owner_id: owner,
        archived: false,
        locked: false,
        auto_archive: archive.unwrap_or(4320),
        applied_tags: tags.filter_map(|t| t.as_str().map(str::to_owned)).collect(),
        changed_at: now,
    });
    let mut json = world.channel_json(&channel);
    world.channels.insert(id, channel);
    json["newly_created"] = json!(true);
    world.emit("THREAD_CREATE", json, Some(guild), intent::GUILDS);
    id
}

pub fn join(world: &World, id: u64) -> Answer {
    visible(world, id)?;
    no_content()
}
