//! Channel webhooks: made, listed, executed, and the messages they made.
//!
//! <https://discord.com/developers/docs/resources/webhook>

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{
    Answer, Call,
    messages::{Draft, compose, edit_message, publish, require, visible},
    no_content, ok, threads,
};
use crate::discord::{
    check::{self, Carrier, check_webhook_name},
    permission as may,
    refusal::{self, Problems, Refusal},
    world::{Webhook, World, is_id},
};

pub fn of_guild(world: &World, guild: u64) -> Answer {
    require(may::base(world, guild, world.bot), may::MANAGE_WEBHOOKS)?;
    let all = world.webhooks.values().filter(|w| w.guild_id == guild);
    ok(all.map(|w| world.webhook_json(w, true)).collect())
}

pub fn of_channel(world: &mut World, call: &Call, channel_id: u64) -> Answer {
    let (_, held) = visible(world, channel_id)?;
    require(held, may::MANAGE_WEBHOOKS)?;
    if call.method == "GET" {
        let all = world.webhooks.values().filter(|w| w.channel_id == channel_id);
        return ok(all.map(|w| world.webhook_json(w, true)).collect());
    }
    let mut problems = Problems::new();
    problems.required_text(&call.body, "name", 80);
    check_webhook_name(&call.body, "name", &mut problems);
    problems.into_result()?;
    if world.webhooks.values().filter(|w| w.channel_id == channel_id).count() >= 15 {
        return Err(refusal::TOO_MANY_WEBHOOKS.into());
    }
    let name = call.body["name"].as_str().unwrap_or_default().trim().to_owned();
    let (application, bot) = (world.application, world.bot);
    let made = make(world, call.now, channel_id, &name, Some(application), bot)?;
    ok(world.webhook_json(&made, true))
}

/// Makes a webhook. Its token has 68 characters, as real ones have.
pub fn make(
    world: &mut World,
    now: DateTime<Utc>,
    channel_id: u64,
    name: &str,
    application_id: Option<u64>,
    creator: u64,
) -> Result<Webhook, Refusal> {
    let channel = world.channels.get(&channel_id).ok_or(refusal::UNKNOWN_CHANNEL)?;
    let guild_id = channel.guild_id.ok_or(refusal::WRONG_CHANNEL)?;
    let mut token = super::super::interaction::secret();
    token.truncate(68);
    let webhook = Webhook {
        id: world.snowflake(now),
        token,
        channel_id,
        guild_id,
        name: name.to_owned(),
        application_id,
        creator,
    };
    world.webhooks.insert(webhook.id, webhook.clone());
    let data = json!({"guild_id": guild_id.to_string(), "channel_id": channel_id.to_string()});
    world.emit("WEBHOOKS_UPDATE", data, Some(guild_id), 1 << 5);
    Ok(webhook)
}

pub fn by_id(world: &mut World, call: &Call, id: u64) -> Answer {
    let webhook = world.webhooks.get(&id).ok_or(refusal::UNKNOWN_WEBHOOK)?;
    let (_, held) = visible(world, webhook.channel_id)?;
    require(held, may::MANAGE_WEBHOOKS)?;
    change(world, call, id, true)
}

pub fn by_token(world: &mut World, call: &Call, id: u64, token: &str) -> Answer {
    authentic(world, id, token)?;
    change(world, call, id, false)
}

fn change(world: &mut World, call: &Call, id: u64, with_user: bool) -> Answer {
    match call.method.as_str() {
        "DELETE" => {
            world.webhooks.remove(&id);
            return no_content();
        }
        "PATCH" => {
            let mut problems = Problems::new();
            check_webhook_name(&call.body, "name", &mut problems);
            problems.into_result()?;
            if let (Some(name), Some(webhook)) = (call.body["name"].as_str(), world.webhooks.get_mut(&id)) {
                webhook.name = name.to_owned();
            }
        }
        _ => {}
    }
    let webhook = world.webhooks.get(&id).ok_or(refusal::UNKNOWN_WEBHOOK)?;
    ok(world.webhook_json(webhook, with_user))
}

/// A wrong id is an unknown webhook, a wrong token an invalid one.
fn authentic(world: &World, id: u64, token: &str) -> Result<Webhook, Refusal> {
    let webhook = world.webhooks.get(&id).ok_or(refusal::UNKNOWN_WEBHOOK)?;
    if webhook.token == token { Ok(webhook.clone()) } else { Err(refusal::INVALID_WEBHOOK_TOKEN.into()) }
}

/// <https://discord.com/developers/docs/resources/webhook#execute-webhook>. No nonce is honoured here (discord-api-docs#6647).
pub fn execute(world: &mut World, call: &Call, id: u64, token: &str) -> Answer {
    let webhook = authentic(world, id, token)?;
    let channel = world.channels.get(&webhook.channel_id).ok_or(refusal::UNKNOWN_CHANNEL)?;
    let forum = channel.kind == 15;
    let interactive = webhook.application_id.is_some();
    // "Whether to respect the components field of the request": without it a foreign webhook's components are ignored.
    let with_components = call.query.get("with_components").is_some_and(|v| v == "true" || v == "1");
    let mut body = call.body.clone();
    if !interactive
        && !with_components
        && let Some(map) = body.as_object_mut()
    {
        map.remove("components");
    }
    check::check_message(&body, call.files.len(), Carrier::Webhook { interactive })?;
    let thread_id = call.query.get("thread_id").and_then(|id| id.parse::<u64>().ok());
    let mut target = webhook.channel_id;
    let opens = forum && thread_id.is_none();
    if let Some(thread) = thread_id {
        let known = world.channels.get(&thread);
        if known.is_none_or(|c| c.parent_id != Some(webhook.channel_id)) {
            return Err(refusal::UNKNOWN_CHANNEL.into());
        }
        target = thread;
    } else if forum {
        let name = body["thread_name"].as_str().ok_or(refusal::FORUM_NEEDS_THREAD)?.to_owned();
        target = threads::start(world, call.now, webhook.channel_id, &name, None, webhook.id, &body);
    }
    let name = body["username"].as_str().unwrap_or(&webhook.name).to_owned();
    let draft = Draft {
        author: author(&webhook, &name, &body["avatar_url"]),
        all_mentions: false,
        may_mention_everyone: true,
        ..Draft::new(target, &body, &call.files)
    };
    let (mut message_id, mut message) = compose(world, call.now, draft);
    if opens {
        // The first message of a forum post has the id of the thread.
        message_id = target;
        message["id"] = json!(target.to_string());
    }
    message["webhook_id"] = json!(webhook.id.to_string());
    if let Some(application) = webhook.application_id {
        message["application_id"] = json!(application.to_string());
    }
    publish(world, target, message_id, message.clone(), None, None);
    // "wait: waits for server confirmation of message send before response, and returns the created message body".
    match call.query.get("wait").map(String::as_str) {
        Some("true" | "1") => ok(message),
        _ => no_content(),
    }
}

fn author(webhook: &Webhook, name: &str, avatar: &Value) -> Value {
    json!({
        "id": webhook.id.to_string(), "username": name, "discriminator": "0000", "global_name": null,
        "avatar": avatar.as_str().map(|_| "0123456789abcdef0123456789abcdef"),
        "bot": true, "public_flags": 0, "flags": 0,
    })
}

/// One of a thread is found only with "id of the thread the message is in" as `thread_id`,
/// <https://discord.com/developers/docs/resources/webhook#edit-webhook-message>.
pub fn message(world: &mut World, call: &Call, id: u64, token: &str, message: u64) -> Answer {
    let webhook = authentic(world, id, token)?;
    let found = world.find_message(message);
    let own = found.filter(|(_, m)| is_id(&m.json["webhook_id"], webhook.id));
    let (channel_id, json) = own.map(|(c, m)| (c, m.json.clone())).ok_or(refusal::UNKNOWN_MESSAGE)?;
    let place = call.query.get("thread_id").and_then(|id| id.parse().ok()).unwrap_or(webhook.channel_id);
    if place != channel_id {
        return Err(refusal::UNKNOWN_MESSAGE.into());
    }
    match call.method.as_str() {
        "GET" => ok(json),
        "DELETE" => {
            world.delete_message(channel_id, message);
            no_content()
        }
        _ => ok(edit_message(world, call, channel_id, message, false)?),
    }
}
