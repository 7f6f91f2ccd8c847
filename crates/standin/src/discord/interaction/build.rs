//! Interaction payloads, complete as Discord sends them.
//!
//! <https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-object>

use std::time::Instant;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::secret;
use crate::discord::{
    permission::{base, in_channel},
    world::{Channel, Interaction, World},
};

/// What a person does, ready to be sent.
pub struct Deed {
    pub user_id: u64,
    pub channel_id: u64,
    pub kind: u8,
    pub name: String,
    pub command_type: u8,
    pub source: Option<u64>,
    pub opened_by: Value,
    pub data: Value,
}

/// Registers the interaction in the world; answers its token and its payload.
pub fn start(world: &mut World, now: DateTime<Utc>, deed: Deed) -> Option<(String, Value)> {
    let channel = world.channels.get(&deed.channel_id)?.clone();
    world.forget_old_interactions(now);
    let id = world.snowflake(now);
    let token = format!("aW50ZXJhY3Rpb246{id}{}", secret());
    let payload = payload(world, &channel, id, &token, &deed);
    let interaction = Interaction {
        id,
        token: token.clone(),
        kind: deed.kind,
        name: deed.name,
        command_type: deed.command_type,
        user_id: deed.user_id,
        guild_id: channel.guild_id,
        channel_id: channel.id,
        at: now,
        source: deed.source,
        opened_by: deed.opened_by,
        answered: None,
        response: Value::Null,
        acknowledged_ms: None,
        original: None,
        thinking: false,
        updated: false,
        ephemeral: false,
        followups: Vec::new(),
        expired: false,
        started: Some(Instant::now()),
    };
    world.interactions.insert(token.clone(), interaction);
    Some((token, payload))
}

fn payload(world: &World, channel: &Channel, id: u64, token: &str, deed: &Deed) -> Value {
    let user = world.users.get(&deed.user_id);
    let locale = user.map_or("en-US", |u| u.locale.as_str());
    let app_permissions = in_channel(world, channel, world.bot);
    let mut payload = json!({
        "id": id.to_string(),
        "application_id": world.application.to_string(),
        "type": deed.kind,
        "data": deed.data,
        "channel": world.partial_channel_json(channel, deed.user_id),
        "channel_id": channel.id.to_string(),
        "token": token,
        "version": 1,
        "app_permissions": app_permissions.to_string(),
        "locale": locale,
        "entitlements": [],
        "entitlement_sku_ids": [],
        "context": if channel.guild_id.is_some() { 0 } else { 1 },
        "attachment_size_limit": 10_485_760,
    });
    let source = deed.source.and_then(|id| world.message(channel.id, id));
    if let Some(source) = source {
        payload["message"] = source.json.clone();
    }
    match channel.guild_id.and_then(|id| world.guilds.get(&id)) {
        Some(guild) => {
            payload["guild_id"] = json!(guild.id.to_string());
            payload["guild_locale"] = json!(guild.locale);
            payload["guild"] = json!({"id": guild.id.to_string(), "locale": guild.locale, "features": []});
            payload["authorizing_integration_owners"] = json!({"0": guild.id.to_string()});
            if let Some(member) = guild.members.get(&deed.user_id) {
                let mut member = world.member_json(deed.user_id, member);
                member["permissions"] = json!(in_channel(world, channel, deed.user_id).to_string());
                member["unusual_dm_activity_until"] = Value::Null;
                payload["member"] = member;
            }
        }
        None => {
            payload["user"] = world.user_json(deed.user_id);
            payload["authorizing_integration_owners"] = json!({"0": "0"});
        }
    }
    payload
}

/// Adds a user (and member) to `resolved`.
pub fn resolve_user(world: &World, guild: Option<u64>, id: u64, resolved: &mut Value) {
    let key = id.to_string();
    resolved["users"][&key] = world.user_json(id);
    let member = guild.and_then(|g| world.guilds.get(&g)?.members.get(&id));
    if let (Some(member), Some(guild)) = (member, guild) {
        let mut json = world.bare_member_json(member);
        json["permissions"] = json!(base(world, guild, id).to_string());
        resolved["members"][&key] = json;
    }
}

pub fn resolve_role(world: &World, guild: Option<u64>, id: u64, resolved: &mut Value) -> bool {
    let roles = guild.and_then(|g| world.guilds.get(&g)).map(|g| &g.roles);
    let role = roles.and_then(|roles| roles.iter().find(|r| r.id == id));
    if let Some(role) = role {
        resolved["roles"][&id.to_string()] = world.role_json(role);
    }
    role.is_some()
}

pub fn resolve_channel(world: &World, user: u64, channel: &Channel, resolved: &mut Value) {
    resolved["channels"][&channel.id.to_string()] = world.partial_channel_json(channel, user);
}
